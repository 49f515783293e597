"""The labels of a run: opened for evaluation and for nothing else."""

import numpy as np
from numpy.typing import NDArray

from ucls.stages.features import renumber
from ucls.stages.run import Run

Labels = NDArray[np.int32]


def known_labels(run: Run) -> dict[str, Labels]:
    """The labels of each split, numbered alike; empty if the run was started without labels."""
    if run.data.labels_key is None:
        return {}
    found = {}
    with run.features("train") as features:
        class_names = features.class_names() or []
    for split in run.splits:
        with run.features(split) as features:
            labels = features.labels()
            names = features.class_names()
        if labels is not None:
            found[split] = renumber(labels, names, class_names) if names else labels
    return found
