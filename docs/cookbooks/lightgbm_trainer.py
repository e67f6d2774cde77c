"""LightGBM as a trainer of inboxloop: one gradient boosted classifier an outcome, written as ONNX.

    python3 -m venv venv && venv/bin/pip install lightgbm onnxmltools numpy pyarrow
    inboxloop train --snapshot january --name boosted --trainer "venv/bin/python docs/cookbooks/lightgbm_trainer.py"
"""

import json
import os
from pathlib import Path

import lightgbm
import numpy
import pyarrow.parquet
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

LEAST_OF_A_CLASS = 20
FOLDS = 3

snapshot = Path(os.environ["TRAINING_SNAPSHOT"])
output = Path(os.environ["TRAINING_OUTPUT"])
settings = json.loads(Path(os.environ["TRAINING_SETTINGS"]).read_text())
table = pyarrow.parquet.read_table(snapshot / settings["rows_file"])


def column(name):
    return table.column(name).to_pylist()


# A graph takes one matrix of 32-bit floats: numbers as they are (NaN: not known), category i as i + 1 (0: not known).
inputs, cells = [], []
for feature in settings["features"]:
    values = column(feature["name"])
    if feature["type"] == "number":
        inputs.append({"name": feature["name"], "type": "number"})
        cells.append([float("nan") if value is None else float(value) for value in values])
    else:
        known = sorted({value for value in values if value})
        code = {value: i + 1 for i, value in enumerate(known)}
        inputs.append({"name": feature["name"], "type": "category", "values": known})
        cells.append([code.get(value, 0) for value in values])
matrix = numpy.array(cells, dtype=numpy.float32).T
fold = numpy.array(column(settings["person"])) % FOLDS
weight = numpy.ones(len(matrix)) if settings["weight"] is None else numpy.array(column(settings["weight"]), dtype=float)
if settings["only"] is not None:
    weight = weight * numpy.array(column(settings["only"]), dtype=float)

terms = {
    "objective": "binary",
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "learning_rate": 0.1,
    "lambda_l2": 5.0,
    "feature_fraction": 0.8,
    "seed": settings["seed"],
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


def learn(labels):
    """The number of trees from people who are not learned from (one fold), then all rows."""
    own, other = fold != 0, fold == 0
    data = lightgbm.Dataset(matrix[own], labels[own], weight=weight[own])
    held = lightgbm.Dataset(matrix[other], labels[other], weight=weight[other], reference=data)
    stop = lightgbm.early_stopping(15, verbose=False)
    trees = lightgbm.train(terms, data, 300, valid_sets=[held], callbacks=[stop]).best_iteration
    return lightgbm.train(terms, lightgbm.Dataset(matrix, labels, weight=weight), max(1, trees))


outcomes = {}
for outcome in settings["outcomes"]:
    labels = numpy.array([1 if value else 0 for value in column(outcome["column"])])
    positives = int(labels.sum())
    if min(positives, len(labels) - positives) < LEAST_OF_A_CLASS:
        outcomes[outcome["name"]] = {"probability": (positives + 0.5) / (len(labels) + 1)}
        continue
    graph = convert_lightgbm(
        learn(labels),
        initial_types=[("features", FloatTensorType([None, len(inputs)]))],
        zipmap=False,
        target_opset=15,
    )
    file = f"{outcome['name']}.onnx"
    (output / file).write_bytes(graph.SerializeToString())
    outcomes[outcome["name"]] = {
        "file": file,
        "input": {"name": "features", "columns": inputs},
        # Two columns a row: the chance of no, and the chance of yes.
        "output": {"name": "probabilities", "column": 1},
    }

manifest = {
    "format": "inboxloop-onnx/1",
    "trainer": {"name": "lightgbm", "version": lightgbm.__version__},
    "hyperparameters": {name: value for name, value in terms.items() if not isinstance(value, bool)},
    "outcomes": outcomes,
}
(output / "manifest.json").write_text(json.dumps(manifest))
