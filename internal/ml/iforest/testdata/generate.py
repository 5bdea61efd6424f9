"""Writes reference.json: what scikit-learn 1.9.1 answers for fixed data.

The mean of the scores over many large forests is compared, because the two
programs draw different random numbers.
"""
import json
import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length

rng = np.random.default_rng(7)
x = rng.normal(size=(120, 3))
x[:4] += np.array([[6, 0, 0], [0, -7, 0], [4, 4, 4], [0, 0, 9]])
x = np.round(x, 4)
small = x[:40]


def mean_scores(d, **k):
    runs = [IsolationForest(n_estimators=1000, random_state=s, **k).fit(d).score_samples(d) for s in range(4)]
    return np.mean(runs, axis=0).tolist()


n = [1, 2, 3, 5, 10, 100, 256, 1000]
f = IsolationForest(n_estimators=10, contamination=0.18, random_state=0).fit(x)
s = f.score_samples(x)
json.dump({
    "data": x.tolist(),
    "scores": mean_scores(x),
    "scores_psi_32": mean_scores(x, max_samples=32),
    "path_n": n, "path_c": _average_path_length(np.array(n)).tolist(),
    "percentile_in": s.tolist(), "percentile_18": f.offset_,
}, open("reference.json", "w"))
