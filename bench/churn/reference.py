"""Prints scikit-learn's scores on the same table and split.

    python bench/churn/reference.py DIR
"""
import sys

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

d = pd.read_csv(sys.argv[1] + "/telco_customer_churn.csv")
test = set(open(sys.argv[1] + "/split_test_ids.txt").read().split())
d["TotalCharges"] = pd.to_numeric(d["TotalCharges"], errors="coerce")
y = (d["Churn"] == "Yes").to_numpy()
x = pd.get_dummies(d.drop(columns=["customerID", "Churn"])).astype(float)
held = d["customerID"].isin(test).to_numpy()


def show(name, models, x):
    p = [m.fit(x[~held], y[~held]).predict_proba(x[held])[:, 1] for m in models]
    auc = sum(roc_auc_score(y[held], q) for q in p) / len(p)
    loss = sum(log_loss(y[held], q) for q in p) / len(p)
    print(f"| {name} | {auc:.4f} | {loss:.4f} |")


print("| scikit-learn | test AUC | test log-loss |\n|---|---|---|")
H = HistGradientBoostingClassifier
show("HistGradientBoosting, defaults", [H(random_state=s) for s in range(5)], x)
show("HistGradientBoosting, early stopping, learning rate 0.05, 12 leaves",
     [H(random_state=s, early_stopping=True, learning_rate=0.05, max_leaf_nodes=12, max_iter=400, n_iter_no_change=40, validation_fraction=0.2) for s in range(5)], x)
show("LogisticRegression", [make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))], x.fillna(x.median()))
