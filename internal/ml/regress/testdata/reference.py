"""Writes reference.json: statsmodels' GLSAR at the memory with the least sum of
squares of a grid.

python reference.py > reference.json
"""
import json

import numpy as np
import statsmodels.api as sm

rng = np.random.default_rng(11)
n = 120
price, promo = rng.normal(10, 2, n), (rng.random(n) < 0.15).astype(float)
e = np.zeros(n)
for i in range(1, n):
    e[i] = 0.8 * e[i - 1] + rng.normal(0, 1)
y = 100 + 0.3 * np.arange(n) - 3 * price + 12 * promo + e
x = np.column_stack([price, promo, np.ones(n), np.arange(n)])
fits = {rho: sm.GLSAR(y, x, rho=np.array([rho])).fit() for rho in [0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95]}
best = min(fits, key=lambda r: np.sum(fits[r].wresid ** 2))
print(json.dumps({"y": y.tolist(), "price": price.tolist(), "promo": promo.tolist(), "memory": best,
                  "slopes": fits[best].params[:2].tolist()}))
