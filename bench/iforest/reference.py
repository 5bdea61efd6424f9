"""Writes sklearn.csv: scikit-learn's IsolationForest on the tables of a folder.

    python bench/iforest/reference.py DIR sklearn.csv
"""
import csv
import glob
import os
import sys
import time

import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

with open(sys.argv[2], "w", newline="") as out:
    w = csv.writer(out)
    w.writerow(["name", "auc", "seconds"])
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.csv.gz"))):
        d = pd.read_csv(path).to_numpy()
        x, y = d[:, :-1], d[:, -1]
        auc = seconds = 0.0
        for seed in range(5):
            start = time.perf_counter()
            s = IsolationForest(n_estimators=100, random_state=seed, n_jobs=2).fit(x).score_samples(x)
            seconds += (time.perf_counter() - start) / 5
            auc += roc_auc_score(y, -s) / 5
        w.writerow([os.path.basename(path)[: -len(".csv.gz")], f"{auc:.6f}", f"{seconds:.4f}"])
