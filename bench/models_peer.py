"""Snorkel's LabelModel on the votes that bench/models.ts wrote: -1 abstains. Told the true class balance; its other settings are its own. One thread."""

import json
import sys
import time

import numpy as np
import pandas as pd
import torch
from snorkel.labeling.model import LabelModel

torch.set_num_threads(1)
folder = sys.argv[1]
told = json.load(open(f"{folder}/told.json"))


def fitted(name):
    votes = pd.read_parquet(f"{folder}/{name}.parquet").to_numpy(dtype=np.int64)
    before = time.process_time()
    model = LabelModel(cardinality=2, verbose=False)
    model.fit(votes, class_balance=[1 - told["share"], told["share"]], seed=told["seed"], progress_bar=False)
    posteriors = model.predict_proba(votes)[:, 1]
    return time.process_time() - before, model.get_weights(), posteriors


seconds, accuracies, posteriors = fitted("votes")
truth = pd.read_parquet(f"{folder}/truth.parquet")["y"].to_numpy(dtype=bool)
clipped = np.clip(posteriors, 1e-6, 1 - 1e-6)
loss = -np.mean(np.where(truth, np.log(clipped), np.log(1 - clipped)))
_, _, alone = fitted("alone")
_, _, repeated = fitted("repeated")
moved = np.abs(repeated - alone)
print(
    json.dumps(
        {
            "seconds": seconds,
            "accuracies": [float(one) for one in accuracies],
            "logLoss": float(loss),
            "moved": {"most": float(moved.max()), "mean": float(moved.mean())},
        }
    )
)
