"""Implicit ALS with dense solves in numpy, from stated starting values.

Run: python reference.py > reference.json
"""
import json

import numpy as np

rng = np.random.default_rng(3)
users, items, f, sweeps = 30, 40, 6, 4
out = {"source": f"numpy {np.__version__}, dense solves", "users": users, "items": items, "factors": f, "sweeps": sweeps, "cases": []}
taste = rng.normal(size=(users, 3)) @ rng.normal(size=(3, items))
r = (taste > 1.5) * rng.choice([1.0, 0.5], size=taste.shape) - (taste < -3) * 1.0
x0, y0 = rng.normal(size=(users, f)) * 0.1, rng.normal(size=(items, f)) * 0.1
i, j = np.nonzero(r)
out |= {"rows": i.tolist(), "cols": j.tolist(), "values": r[i, j].tolist(), "x0": x0.ravel().tolist(), "y0": y0.ravel().tolist()}


def half(r, y, alpha, reg, power):
    n = []
    for row in r:
        if not row.any():
            n.append(np.zeros(f))
            continue
        c = 1 + alpha * np.abs(row)
        lam = reg * (alpha * np.abs(row).sum() + len(row)) ** power
        n.append(np.linalg.solve(y.T @ (c[:, None] * y) + lam * np.eye(f), y.T @ (c * (row > 0))))
    return np.array(n)


for alpha, reg, power in ((10.0, 0.1, 0.0), (4.0, 0.02, 0.7)):
    x, y = x0, y0
    for _ in range(sweeps):
        x = half(r, y, alpha, reg, power)
        y = half(r.T, x, alpha, reg, power)
    out["cases"].append({"alpha": alpha, "reg": reg, "power": power, "scores": (half(r, y, alpha, reg, power) @ y.T).round(7).ravel().tolist()})
print(json.dumps(out))
