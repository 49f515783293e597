"""The figures of a run as a report shows them: tables, confusion, curves, settings, versions."""

import json
import shlex

import numpy as np

from ucls.cache import read_json, read_truth
from ucls.cache import run_files as files
from ucls.report.results_table import LABEL_FREE, SCORES, cell, find_row, heading, row_names
from ucls.report.state import RunState
from ucls.runs.catalog import STAGES
from ucls.types import Figures, IntArray

MOST_CELLS = 40_000
"""Of a confusion matrix; larger ones are told by class alone."""
MOST_POINTS = 200
"""Of a training curve."""


def figures_of(state: RunState) -> Figures:
    """All of them, as JSON can hold it."""
    return {
        "results": _results(state),
        "confusion": _confusion(state),
        "curves": _curves(state),
        "stages": _stages(state),
        "config": state.run.folder.file(files.CONFIG).read_text(encoding="utf-8"),
        "versions": state.run.folder.record["versions"],
        "commands": _commands(state),
    }


def _results(state: RunState) -> Figures | None:
    """What ``metrics.json`` holds, as a table; None where it is missing or out of date."""
    if not state.run.freshness.is_done("evaluate"):
        return None
    metrics = read_json(state.run.folder.file(files.METRICS))
    splits = {split: metrics[split] for split in ("train", "val") if metrics[split]}
    has_labels = any("acc_mean" in results["heads"] for results in splits.values())
    columns = SCORES if has_labels else LABEL_FREE
    names = [heading(column).replace("\n", " ") for column in columns]
    rows = []
    for name, label in row_names(splits).items():
        cells = [
            cell(find_row(found, name), column) for found in splits.values() for column in columns
        ]
        if any(cells):
            rows.append([label.strip(), *cells])
    return {"columns": [f"{split} {name}" for split in splits for name in names], "rows": rows}


def _confusion(state: RunState) -> Figures | None:
    """Classes against clusters, these in the order of the classes they stand for."""
    if state.run.data.labels_key is None:
        return None
    truth = read_truth(state.run.folder.file(files.TRUTH))
    clusters = [state.labels.clusters[state.labels.rows_of(split)] for split in truth.labels]
    return match_classes(
        np.concatenate(list(truth.labels.values())), np.concatenate(clusters), truth.class_names
    )


def match_classes(labels: IntArray, clusters: IntArray, class_names: list[str]) -> Figures:
    """Counts classes by clusters, and matches them one to one.

    Args:
        labels: of N images; -1 is not known.
        clusters: int32 [N]; -1 is none.
        class_names: of the labels.

    Returns:
        ``clusters``, their numbers in the order of the matched classes; ``classes``, for each its
        name, size, matched cluster and the share of its images there, and the class that most of
        its other images are taken for; ``counts`` [classes, clusters], or None if it is too large.
    """
    from scipy.optimize import linear_sum_assignment

    known = (labels >= 0) & (clusters >= 0)
    numbers, columns = np.unique(clusters[known], return_inverse=True)
    shape = (len(class_names), len(numbers))
    cells = labels[known].astype(np.int64) * shape[1] + columns
    counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    sizes = np.bincount(labels[labels >= 0], minlength=shape[0])
    rows, matched = linear_sum_assignment(counts, maximize=True)
    of_class = dict(zip(rows.tolist(), matched.tolist(), strict=True))
    order = [*matched.tolist(), *sorted(set(range(shape[1])) - set(matched.tolist()))]
    class_of = {column: row for row, column in of_class.items()}
    classes = []
    for row, name in enumerate(class_names):
        column = of_class.get(row)
        others = [(int(counts[row, other]), other) for other in class_of if other != column]
        most, other = max(others, default=(0, -1))
        classes.append(
            {
                "name": name,
                "size": int(sizes[row]),
                "cluster": None if column is None else int(numbers[column]),
                "share": 0.0
                if column is None
                else float(counts[row, column] / max(int(sizes[row]), 1)),
                "taken_for": class_names[class_of[other]] if most else None,
                "taken_share": float(most / max(int(sizes[row]), 1)),
            }
        )
    return {
        "clusters": numbers[order].tolist(),
        "classes": classes,
        "counts": counts[:, order].tolist() if counts.size <= MOST_CELLS else None,
    }


def _curves(state: RunState) -> list[Figures]:
    """The loss of each group of heads by epoch."""
    path = state.run.folder.file(files.TRAINING_LOG)
    losses: dict[int, list[list[float]]] = {}
    with path.open(encoding="utf-8") as file:
        for entry in map(json.loads, file):
            if entry["loss"] is not None:
                losses.setdefault(entry.get("group", 0), []).append([entry["epoch"], entry["loss"]])
    return [
        {"group": group, "points": points[:: max(1, len(points) // MOST_POINTS)]}
        for group, points in losses.items()
    ]


def _stages(state: RunState) -> list[Figures]:
    recorded = state.run.folder.record["stages"]
    return [
        {
            "name": stage.name,
            **{
                key: recorded[stage.name].get(key)
                for key in ("started", "seconds", "peak_memory_mb")
            },
        }
        for stage in STAGES
        if stage.name in recorded
    ]


def _commands(state: RunState) -> list[str]:
    """What makes the run again, with the settings that were chosen for it, and what follows."""
    folder = state.run.folder
    source = dict(folder.record["source"])
    name = source.pop("source", source["name"])
    options = [
        part
        for option in ("labels", "val", "subset")
        if option in source and source[option] != "none"
        for part in (f"--{option}", source[option])
    ]
    config = str(folder.file(files.CONFIG))
    return [
        shlex.join(["ucls", "run", name, *options, "--config", config]),
        shlex.join(["ucls", "relabel", str(folder.path), "corrections.toml", "--retrain"]),
        shlex.join(["ucls", "report", str(folder.path)]),
    ]
