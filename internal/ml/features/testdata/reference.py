"""Writes reference.json: the features by numpy, scipy and statsmodels.

python reference.py > reference.json
"""
import json

import numpy as np
from scipy.signal import periodogram
from statsmodels.tsa.seasonal import STL
from statsmodels.tsa.stattools import acf

LONGEST = 600


def loess(x, window):
    """Local linear regression, tricube weights, over the nearest window points."""
    n, half, out = len(x), (window + 1) // 2, np.empty(len(x))
    for i in range(n):
        left, right = 0, n - 1
        if window < n:
            left = min(max(i - half + 1, 0), n - window)
            right = left + window - 1
        h = max(i - left, right - i) + (0 if window <= n else (window - n) // 2)
        j = np.arange(left, right + 1)
        d = np.abs(j - i)
        w = np.where(d <= 0.999 * h, np.where(d <= 0.001 * h, 1, (1 - (d / h) ** 3) ** 3), 0)
        a = np.stack([np.ones(len(j)), j - i], 1)
        out[i] = np.linalg.lstsq(a * np.sqrt(w)[:, None], x[j] * np.sqrt(w), rcond=None)[0][0]
    return out


def strength(rest, joined):
    v = np.var(joined, ddof=1)
    return 0.0 if v < 1e-10 else max(0, min(1, 1 - np.var(rest, ddof=1) / v))


def acfs(x):
    r = acf(x, nlags=min(10, len(x) - 1), fft=False)[1:]
    return r[0], np.sum(r**2)


def features(y, m):
    n = len(y)
    out = {"log_length": np.log(n), "period": m, "cycles": n / m}
    y = np.asarray(y[-LONGEST:], float)
    x = (y - y.mean()) / y.std(ddof=1)
    n = len(x)
    if m > 1 and n >= 2 * m:
        jump, trend = max(1, m // 6), int(np.ceil(1.5 * m)) | 1
        r = STL(x, period=m, seasonal=10 * n + 1, seasonal_deg=0, trend=trend, low_pass=m + 1 | 1,
                trend_jump=jump, low_pass_jump=jump, robust=True).fit(inner_iter=2, outer_iter=1)
        trend, season = r.trend, r.seasonal
    else:
        trend, season = loess(x, max(7, n // 2) | 1), None
    rest = x - trend - (0 if season is None else season)
    out["trend"] = strength(rest, rest + trend)
    out["seasonal_strength"] = None if season is None else strength(rest, rest + season)
    out["spike"] = np.var([np.var(np.delete(rest, i), ddof=1) for i in range(n)], ddof=1)
    t = np.arange(n) - (n - 1) / 2
    q, _ = np.linalg.qr(np.stack([np.ones(n), t, t**2], 1))
    q *= np.sign(q[-1])
    out["linearity"], out["curvature"] = trend @ q[:, 1], trend @ q[:, 2]
    out["e_acf1"], out["e_acf10"] = acfs(rest)
    out["x_acf1"], out["x_acf10"] = acfs(x)
    out["diff1_acf1"], out["diff1_acf10"] = acfs(np.diff(x))
    out["diff2_acf1"] = acfs(np.diff(x, 2))[0]
    out["seas_acf1"] = acf(x, nlags=m, fft=False)[m] if m > 1 else None
    _, p = periodogram(x)
    s = p / p.sum()
    out["entropy"] = -np.nansum(s * np.log(np.where(s > 0, s, 1))) / np.log(len(s))
    w = m if m > 1 else 10
    tiles = [x[i:i + w] for i in range(0, n - w + 1, w)]
    out["lumpiness"] = np.var([np.var(v, ddof=1) for v in tiles], ddof=1) if len(tiles) > 1 else None
    out["stability"] = np.var([np.mean(v) for v in tiles], ddof=1) if len(tiles) > 1 else None
    above = x > np.median(x)
    out["crossing_points"] = np.sum(above[1:] != above[:-1]) / n
    b = np.minimum(9, (10 * (x - x.min()) / (x.max() - x.min())).astype(int))
    runs = np.split(b, np.flatnonzero(np.diff(b)) + 1)
    out["flat_spots"] = max(len(r) for r in runs) / n
    d = y[y != 0]
    out["zeros"], out["adi"], out["cv2"] = np.mean(y == 0), len(y) / len(d), np.var(d, ddof=1) / d.mean() ** 2
    return {k: None if v is None else float(v) for k, v in out.items()}


rng = np.random.default_rng(3)
cases = [
    (np.round(50 + np.arange(37) * 0.7 + rng.normal(0, 3, 37), 6), 1),
    (np.round(200 + np.arange(72) + 30 * np.sin(np.arange(72) * np.pi / 6) + rng.normal(0, 8, 72), 6), 12),
    (np.round(rng.poisson(3, 60) * (rng.random(60) < 0.4), 6), 12),
    (np.round(10 + np.tile([3, -1, 2, -4], 9) + rng.normal(0, 1, 36), 6), 4),
    (np.round(np.cumsum(rng.normal(0, 1, 700)) + 20 * np.sin(np.arange(700) * np.pi / 12), 6), 24),
]
print(json.dumps([{"y": y.tolist(), "period": m, "features": features(y, m)} for y, m in cases]))
