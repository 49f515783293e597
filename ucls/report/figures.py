"""The figures of a run as a report shows them: tables, confusion, curves, settings, versions."""

import shlex
from math import isfinite

import numpy as np

from ucls.cache import read_json, read_truth
from ucls.cache import run_files as files
from ucls.report.confusion import Confusion, confusion
from ucls.report.results_table import LABEL_FREE, SCORES, cell, find_row, heading, row_names
from ucls.report.state import RunState
from ucls.report.training_curves import read_training_curves
from ucls.runs.catalog import STAGES
from ucls.types import Figures

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
    truth, labels = read_truth(state.run.folder.file(files.TRUTH)), state.labels
    clusters = [labels.clusters[labels.rows_of(split)] for split in truth.labels]
    found = confusion(np.concatenate(list(truth.labels.values())), np.concatenate(clusters))
    names = [truth.class_names[number] for number in found.classes.tolist()]
    return {
        "clusters": found.clusters.tolist(),
        "classes": [_class(found, place, names) for place in range(len(names))],
        "counts": found.counts.tolist() if found.counts.size <= MOST_CELLS else None,
    }


def _class(found: Confusion, place: int, names: list[str]) -> Figures:
    """How many images of a class are in its cluster, and what most others are taken for."""
    shares = found.shares[place, : found.n_matched].copy()
    is_matched = place < found.n_matched
    there = float(shares[place]) if is_matched else 0.0
    if is_matched:
        shares[place] = 0.0
    other = int(shares.argmax())
    return {
        "name": names[place],
        "size": int(found.class_sizes[place]),
        "cluster": int(found.clusters[place]) if is_matched else None,
        "share": there,
        "taken_for": names[other] if shares[other] > 0 else None,
        "taken_share": float(shares[other]),
    }


def _curves(state: RunState) -> list[Figures]:
    """The loss of each group of heads by epoch."""
    curves = []
    for curve in read_training_curves(state.run.folder.file(files.TRAINING_LOG)):
        points = [pair for pair in zip(curve.epochs, curve.loss, strict=True) if isfinite(pair[1])]
        step = max(1, len(points) // MOST_POINTS)
        curves.append({"group": curve.group, "points": points[::step]})
    return curves


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
