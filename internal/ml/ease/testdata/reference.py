"""Closed form of EASE^R in numpy (Steck 2019, listing 1; Steck 2020 for dropout).

Run: python reference.py > reference.json
"""
import json

import numpy as np

rng = np.random.default_rng(7)
users, items, lam = 60, 90, 12.5
taste = rng.normal(size=(users, 4)) @ rng.normal(size=(4, items))
x = (taste + rng.normal(size=taste.shape) > 1.8) * rng.choice([1.0, 0.5, 0.25], size=taste.shape)


def ease(dropout):
    g = x.T @ x
    g[np.diag_indices(items)] += lam + dropout / (1 - dropout) * np.diag(g)
    p = np.linalg.inv(g)
    b = p / (-np.diag(p))
    b[np.diag_indices(items)] = 0
    return [[round(v, 9) for v in row] for row in b.tolist()]


r, c = np.nonzero(x)
print(json.dumps({
    "source": f"numpy {np.__version__}, closed form", "users": users, "items": items, "lambda": lam,
    "rows": r.tolist(), "cols": c.tolist(), "values": x[r, c].tolist(),
    "weights": ease(0), "dropout": 0.4, "dropped": ease(0.4),
}))
