"""The labels of a run: opened for evaluation and for nothing else."""

import numpy as np
from numpy.typing import NDArray

from ucls.cache import FeatureCache
from ucls.stages.run import Run

Labels = NDArray[np.int32]


def known_labels(run: Run) -> dict[str, Labels]:
    """The labels of each split, numbered alike; empty if the run was started without labels."""
    if not run.data.has_labels:
        return {}
    found = {}
    with run.features("train") as cache:
        class_names = cache.class_names() or []
    for split in run.splits:
        with run.features(split) as cache:
            labels = renumbered(cache, class_names)
        if labels is not None:
            found[split] = labels
    return found


def renumbered(cache: FeatureCache, class_names: list[str]) -> Labels | None:
    """The labels of a cache, numbered by ``class_names``; -1 for a class not among them."""
    labels, names = cache.labels(), cache.class_names()
    if labels is None or names is None:
        return labels
    number = {name: i for i, name in enumerate(class_names)}
    renumber = np.array([number.get(name, -1) for name in names], dtype=np.int32)
    return np.where(labels >= 0, renumber[labels], -1).astype(np.int32)
