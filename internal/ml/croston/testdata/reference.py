"""Writes reference.json: statsforecast's CrostonClassic, CrostonSBA and TSB.

pip install statsforecast; python reference.py > reference.json
"""
import json

import numpy as np
from statsforecast.models import TSB, CrostonClassic, CrostonSBA

rng = np.random.default_rng(7)
series = [
    [0, 0, 3, 0, 0, 0, 5, 0, 2, 0, 0, 0, 0, 4, 1, 0, 0],
    [2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [1, 2, 3, 4, 3, 2, 1],
    (rng.poisson(4, 60) * (rng.random(60) < 0.3)).tolist(),
]
out = []
for y in series:
    x = np.array(y, dtype=float)
    mean = lambda m: float(m.forecast(y=x, h=1)["mean"][0])
    out.append({
        "y": y,
        "croston": mean(CrostonClassic()),
        "sba": mean(CrostonSBA()),
        "tsb": mean(TSB(alpha_d=0.2, alpha_p=0.3)),
    })
print(json.dumps(out))
