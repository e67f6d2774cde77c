"""LightGBM on the rows that bench/trainer.ts wrote: early stopping on a third of the people, then all rows with as many trees. One thread."""

import json
import sys
import time

import lightgbm as lgb
import numpy as np

folder = sys.argv[1]
world = json.load(open(f"{folder}/world.json"))
rows, start = world["rows"], world["from"]
cells = np.fromfile(f"{folder}/cells", dtype=np.float64).reshape(world["features"], rows).T
held = np.fromfile(f"{folder}/fold", dtype=np.uint8)[:start] == 0

common = dict(objective="binary", verbose=-1, num_threads=1, seed=1, deterministic=True, learning_rate=0.05)
common |= dict(subsample=0.8, subsample_freq=1, colsample_bytree=0.8)
settings = {
    "lightgbm": common | dict(num_leaves=31, min_child_samples=20, reg_lambda=1.0),
    "lightgbm-15": common | dict(num_leaves=15, min_child_samples=50, reg_lambda=5.0, min_sum_hessian_in_leaf=1.0),
}


def auc(labels, scores):
    order = np.argsort(scores, kind="stable")
    _, inverse, counts = np.unique(scores[order], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positive = labels[order] == 1
    m, n = positive.sum(), (~positive).sum()
    return (ranks[positive].sum() - m * (m + 1) / 2) / (m * n)


found = {name: {} for name in settings}
for outcome in world["outcomes"]:
    labels = np.fromfile(f"{folder}/{outcome}", dtype=np.uint8).astype(float)
    for name, terms in settings.items():
        since = time.process_time()
        learn = lgb.Dataset(cells[:start][~held], labels[:start][~held], categorical_feature=world["categories"])
        stop = lgb.Dataset(cells[:start][held], labels[:start][held], reference=learn)
        first = lgb.train(terms, learn, 2000, valid_sets=[stop], callbacks=[lgb.early_stopping(50, verbose=False)])
        every = lgb.Dataset(cells[:start], labels[:start], categorical_feature=world["categories"])
        model = lgb.train(terms, every, first.best_iteration)
        seconds = time.process_time() - since
        scores = np.clip(model.predict(cells[start:]), 1e-9, 1 - 1e-9)
        later = labels[start:]
        loss = -np.mean(later * np.log(scores) + (1 - later) * np.log(1 - scores))
        found[name][outcome] = {
            "auc": float(auc(later, scores)),
            "logLoss": float(loss),
            "seconds": seconds,
            "trees": first.best_iteration,
        }
json.dump(found, sys.stdout)
