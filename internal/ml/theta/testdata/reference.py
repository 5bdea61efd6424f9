"""Writes reference.json: statsmodels 0.15 ThetaModel (theta = 2) on two seeded
series, with and without a season.

Run: python reference.py > reference.json
"""
import json
import numpy as np
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.holtwinters import SimpleExpSmoothing

rng = np.random.default_rng(3)
out = []
for period in (1, 12):
    t = np.arange(96)
    y = 80 + 0.5 * t + rng.normal(0, 3, 96).cumsum() * 0.4
    if period > 1:
        y = y * (1 + 0.25 * np.sin(2 * np.pi * t / period)) * (1 + rng.normal(0, 0.01, 96))
    y = np.round(y, 3)
    mod = ThetaModel(y, period=period, deseasonalize=period > 1, method="multiplicative")
    res = mod.fit(use_mle=False)
    out.append({"period": period, "y": list(map(float, y)), "b0": float(res.params["b0"]), "alpha": float(res.params["alpha"]),
                "forecast": list(map(float, res.forecast(24, theta=2)))})
print(json.dumps(out, indent=1))
