"""Writes reference.json: WLS-struct by hierarchicalforecast, MinT-shrink by
numpy after the R code of Wickramasuriya et al. (hts, shrink.estim), which takes
the errors around 0.

pip install hierarchicalforecast; python reference.py > reference.json
"""
import json

import numpy as np
from hierarchicalforecast.methods import MinTrace

# total, (a+b), (c+d), a, b, c, d
S = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
rng = np.random.default_rng(5)
bottom = rng.normal(50, 10, (4, 3))
y_hat = S @ bottom + rng.normal(0, 5, (7, 3))
shocks = rng.normal(0, 1, (4, 40)) + rng.normal(0, 1, 40)
res = S @ shocks + rng.normal(0, 1, (7, 40))


def gls(w):
    wi = np.linalg.inv(w)
    return np.linalg.solve(S.T @ wi @ S, S.T @ wi @ y_hat)


def shrunk(x):
    n = x.shape[1]
    cov = x @ x.T / n
    sd = np.sqrt(np.diag(cov))
    xs = x / sd[:, None]
    v = (xs**2 @ (xs**2).T - (xs @ xs.T) ** 2 / n) / (n * (n - 1))
    np.fill_diagonal(v, 0)
    d = (cov / np.outer(sd, sd) - np.eye(len(x))) ** 2
    lam = max(0, min(1, v.sum() / d.sum()))
    return lam * np.diag(np.diag(cov)) + (1 - lam) * cov, lam


wls = MinTrace("wls_struct").fit_predict(S=S, y_hat=y_hat)["mean"]
assert np.allclose(wls, S @ gls(np.diag(S.sum(1))))
w, lam = shrunk(res)
print(json.dumps({"sums": S[:3].tolist(), "y_hat": y_hat.tolist(), "errors": res.tolist(), "wls_struct": wls.tolist(),
                  "mint_shrink": (S @ gls(w)).tolist(), "lambda": lam, "covariance": w.ravel().tolist()}))
