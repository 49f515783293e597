"""The results of a run against superclasses of its labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ucls.cache import read_truth
from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.hierarchies import Level, read_levels
from ucls.runs.run import Run
from ucls.types import Figures, Labels


def known_levels(run: Run, path: str | Path) -> list[tuple[Level, Labels]]:
    """Reads the levels of a hierarchy, each with the superclass of each class of the run, [C].

    Raises:
        UsageError: if the run has no labels, or the hierarchy is none of these.
    """
    if run.data.labels_key is None:
        raise UsageError(
            f"{run.folder.path} knows no labels, so that a hierarchy has nothing to order: give "
            "`ucls run` a labelled source, a folder with --labels folders"
        )
    names = read_truth(run.folder.file(files.TRUTH)).class_names
    return [(level, _numbers(level, names)) for level in read_levels(path, names)]


def _numbers(level: Level, class_names: Sequence[str]) -> Labels:
    numbers = {name: i for i, name in enumerate(sorted(set(level.superclasses.values())))}
    found = [numbers.get(level.superclasses.get(name, ""), -1) for name in class_names]
    return np.array(found, dtype=np.int32)


def level_figures(run: Run, levels: Sequence[tuple[Level, Labels]]) -> list[Figures]:
    """The scores of the chosen consensus and of self-training at each level, by split.

    A split without images of the level has none.
    """
    truth = read_truth(run.folder.file(files.TRUTH)).labels
    clusterings = {split: _clusterings(run, split) for split in truth}
    return [
        {
            "level": level.name,
            "n_superclasses": level.n_superclasses,
            "n_classes": len(level.superclasses),
            **{
                split: _scores(labels, clusterings[split], superclasses)
                for split, labels in truth.items()
            },
        }
        for level, superclasses in levels
    ]


def _scores(labels: Labels, clusterings: dict[str, Labels], superclasses: Labels) -> Figures:
    from ucls.metrics.superclasses import superclass_metrics

    known = labels[labels >= 0]
    if not (superclasses[known] >= 0).any():
        return {}
    return {
        name: superclass_metrics(labels, clusters, superclasses)
        for name, clusters in clusterings.items()
    }


def _clusterings(run: Run, split: str) -> dict[str, Labels]:
    """What the run found in a split, as ``metrics.json`` names it."""
    chosen = run.consensuses.chosen().labels
    found = {"ensemble.chosen": chosen[split]} if split in chosen else {}
    if run.freshness.is_done("self-train"):
        from ucls.runs.own_labels import label_split

        found["self_training"] = label_split(run, split).clusters
    return found
