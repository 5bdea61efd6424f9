"""Writes reference.json: statsmodels 0.15 ETSModel on a seeded series.

Run: python reference.py > reference.json
"""
import json
import numpy as np
import pandas as pd
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

rng = np.random.default_rng(7)
n, m = 60, 4
season = np.array([1.1, 0.8, 0.95, 1.15])
t = np.arange(n)
y = (50 + 0.8 * t + rng.normal(0, 2, n).cumsum() * 0.5) * season[t % m] * (1 + rng.normal(0, 0.03, n))
y = np.round(y, 3)
cases = []
for name, error, trend, damped, seas in [
    ("ANN", "add", None, False, None), ("AAN", "add", "add", False, None), ("AAdN", "add", "add", True, None),
    ("MNN", "mul", None, False, None), ("MAdN", "mul", "add", True, None), ("ANA", "add", None, False, "add"),
    ("AAA", "add", "add", False, "add"), ("AAdA", "add", "add", True, "add"), ("MAA", "mul", "add", False, "add"),
    ("MNM", "mul", None, False, "mul"), ("MAM", "mul", "add", False, "mul"), ("MAdM", "mul", "add", True, "mul"),
]:
    mod = ETSModel(pd.Series(y), error=error, trend=trend, damped_trend=damped, seasonal=seas, seasonal_periods=m if seas else None)
    names = mod.param_names
    value = {"smoothing_level": 0.4, "smoothing_trend": 0.1, "smoothing_seasonal": 0.2, "damping_trend": 0.9,
             "initial_level": 48.0, "initial_trend": 0.7}
    add, mul = [4.0, -9.0, -2.0, 7.0], [1.08, 0.82, 0.97, 1.13]
    params = []
    for p in names:
        if p.startswith("initial_seasonal"):
            params.append((add if seas == "add" else mul)[int(p.split(".")[1])])
        else:
            params.append(value[p])
    res = mod.smooth(np.array(params))
    fit = mod.fit(disp=False, maxiter=2000)
    case = {"name": name, "names": list(names), "llf": float(res.llf), "fitted": list(map(float, res.fittedvalues)),
            "forecast": list(map(float, res.forecast(9))), "best_llf": float(fit.llf), "best_forecast": list(map(float, fit.forecast(9)))}
    if error == "add" and seas != "mul":
        case["variance"] = [float(v) for v in res.get_prediction(start=n, end=n + 8).forecast_variance]
    cases.append(case)
print(json.dumps({"y": list(map(float, y)), "period": m, "cases": cases}, indent=1))
