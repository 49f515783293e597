"""The labels of a run: opened for evaluation and for nothing else."""

import hashlib

import numpy as np

from ucls.cache import RunFolder, Truth, read_truth, write_truth
from ucls.cache import run_files as files
from ucls.runs.features import Caches, Classes, SplitFeatures
from ucls.runs.run import Run
from ucls.sources import Source
from ucls.types import Labels, renumber


def keep_labels(folder: RunFolder, source: Source, caches: Caches) -> str | None:
    """Writes the labels that a source has now to ``truth.h5``.

    Args:
        folder: of the run.
        source: its images.
        caches: their features, which leave out images that could not be read.

    Returns:
        A digest of the labels; None, and no file, if they are not to be used.
    """
    if source.n_classes is None:
        folder.file(files.TRUTH).unlink(missing_ok=True)
        return None
    truth = true_labels(source, caches)
    write_truth(folder.file(files.TRUTH), truth)
    digest = hashlib.sha256(repr(truth.class_names).encode())
    for split, labels in truth.labels.items():
        digest.update(split.encode() + labels.tobytes())
    return digest.hexdigest()


def true_labels(source: Source, caches: Caches) -> Truth:
    """The labels of each split's rows, numbered alike; splits without any known are left out."""
    classes = Classes(source.classes, source.class_map)
    merged = classes.merged or {}
    class_names = classes.names(list(source.splits["train"].class_names))
    found: dict[str, Labels] = {}
    for split, images in source.splits.items():
        if images.labels is None:
            continue
        with SplitFeatures(caches[split], classes=classes) as features:
            labels = images.labels[features.image_numbers()]
        names = [merged.get(name, name) for name in images.class_names]
        labels = by_names(labels, names, class_names)
        if (labels >= 0).any():
            found[split] = labels
    return Truth(found, class_names)


def known_labels(run: Run) -> dict[str, Labels]:
    """The labels of each split where any are known; empty if the run was started without."""
    return {} if run.data.labels_key is None else read_truth(run.folder.file(files.TRUTH)).labels


def by_names(labels: Labels, names: list[str], new_names: list[str]) -> Labels:
    """Numbers labels [N] by ``new_names`` instead of ``names``; -1 where there is none."""
    number = {name: i for i, name in enumerate(new_names)}
    return renumber(labels, np.array([number.get(name, -1) for name in names], dtype=np.int32))
