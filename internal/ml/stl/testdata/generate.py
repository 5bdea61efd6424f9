"""Writes reference.json with statsmodels 0.15.0: robust STL of a monthly series
with an outlier, twice (seasonal windows 7 and 13)."""
import json
import numpy as np
from statsmodels.tsa.seasonal import STL

rng = np.random.default_rng(3)
t = np.arange(96)
y = 50 + 0.4 * t + 8 * np.sin(2 * np.pi * t / 12) + 3 * np.cos(4 * np.pi * t / 12) + rng.normal(size=96)
y[40] += 30
y = np.round(y, 4)
out = {"y": y.tolist(), "fits": []}
for seasonal in (7, 13):
    r = STL(y, period=12, seasonal=seasonal, robust=True).fit()
    out["fits"].append({"seasonal": seasonal, "trend": r.trend.tolist(), "season": r.seasonal.tolist()})
json.dump(out, open("reference.json", "w"))
