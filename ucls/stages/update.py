"""New images of a finished run's source: labelled with the clusters that it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.cache import FeatureCache, write_csv
from ucls.cache import run_files as files
from ucls.errors import UclsError, UsageError
from ucls.extraction.earlier_rows import EarlierRows
from ucls.images.sets import ImageSet
from ucls.progress import SILENT, Reporter
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.labeller import Labeller
from ucls.runs.misfit import misfit
from ucls.runs.new_features import features_of_new_images
from ucls.runs.opening import open_run
from ucls.runs.run import Run
from ucls.settings.config import ExtractConfig
from ucls.settings.extraction import with_weights
from ucls.sources import load_source

COLUMNS = ("path", "split", "cluster", "confidence", "probability")

Cells = tuple[int, str, str, str]
"""Cluster, confidence, probability and name of an image."""


class Updated(NamedTuple):
    """What became of a run's images."""

    path: Path
    """Of the labels of all images there are now."""
    n_images: int
    n_new: int
    n_gone: int
    n_changed: int
    skipped: list[tuple[str, str]]
    """Path and reason of each new image that could not be read."""
    misfit: str
    """Why the clusters fit no more; empty if nothing says so."""


@dataclass
class _Additions:
    """What the classifier says of new images, and what that is judged by."""

    cells: dict[str, Cells] = field(default_factory=dict)
    features: list[NDArray[np.floating]] = field(default_factory=list)
    probability: list[float] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def update(
    path: str | Path,
    *,
    weights: Sequence[str] = (),
    device: str | None = None,
    reporter: Reporter = SILENT,
) -> Updated:
    """Labels what has come to a run's folder or list since, with the run's classifier.

    Needs ``labels.csv`` and the classifier; leaves ``labels-updated.csv``, and all else as it is:
    the images of which the run was made, and how, stay what they were.

    Args:
        path: the run folder.
        weights: where the weights of the run's backbones are now; empty if where they were.
        device: ``auto``, ``cpu`` or ``cuda[:i]``; None takes the run's setting.
        reporter: shown what happens.

    Raises:
        UsageError: if the run is not of a folder or list of images, or these are gone.
        UclsError: if the run is not labelled yet.
    """
    run = open_run(path, after="self-train", reporter=reporter)
    labels, labeller = read_labels(run), Labeller(run)
    extractions = with_weights(run.data.extractions, weights)
    n_new = n_gone = n_changed = 0
    added = _Additions()
    rows: list[tuple[str, str, Cells, str]] = []
    for split, images in _images_now(run).items():
        known = _cells(labels, split)
        changed = _changed(run, split, images)
        is_new = [image not in known or image in changed for image in images.paths]
        wanted = images.of_rows(np.flatnonzero(is_new))
        fresh = _label(run, wanted, labeller, extractions=extractions, device=device, into=added)
        n_gone += len(known.keys() - set(images.paths))
        n_changed += len(changed & known.keys())
        n_new += len(fresh.keys() - known.keys())
        for image, new in zip(images.paths, is_new, strict=True):
            if not new:
                rows.append((image, split, known[image], "no"))
            elif image in fresh:
                rows.append((image, split, fresh[image], "yes"))
    target = _write(run, rows, with_names="name" in labeller.columns)
    reason = misfit(run, labels, probability=np.array(added.probability), features=added.features)
    return Updated(target, len(rows), n_new, n_gone, n_changed, added.skipped, reason)


def _images_now(run: Run) -> dict[str, ImageSet]:
    """The images that each split of the source has now."""
    source = run.folder.record["source"]
    if "source" not in source or "features" in run.data.extractions:
        raise UsageError(
            f"{run.folder.path} is a run of {source['name']}; expected one of a folder or list of "
            f"images, to which images come: use ucls predict {run.folder.path} SOURCE"
        )
    opened = load_source(source["source"], val=source.get("val"), is_trained_on=False)
    splits = {
        name: images for name, images in opened.splits.items() if isinstance(images, ImageSet)
    }
    if any(images.stamps is None for images in splits.values()):
        raise UsageError(
            f"expected a run of a folder or list of images, got one of {source['source']}: use "
            f"ucls predict {run.folder.path} SOURCE"
        )
    return splits


def _cells(labels: ImageLabels, split: str) -> dict[str, Cells]:
    """What ``labels.csv`` says of the images of a split."""
    found = {}
    for row in labels.rows_of(split).tolist():
        cluster = int(labels.clusters[row])
        shares = (f"{labels.confidence[row]:.4f}", f"{labels.probability[row]:.4f}")
        found[labels.paths[row]] = (cluster, *shares, labels.names.get(cluster, ""))
    return found


def _changed(run: Run, split: str, images: ImageSet) -> set[str]:
    """Images whose files are others than those that the run was made of, where that is known."""
    try:
        cache_path = next(iter(run.caches[split].values()))
    except UclsError:
        run.reporter.say(
            f"note: the features that {run.folder.path} was made of are gone, so images that were "
            "changed in place are not told from those that were not"
        )
        return set()
    with FeatureCache(cache_path) as cache:
        earlier = EarlierRows.of(cache, images)
    return set() if earlier is None else {images.paths[row] for row in earlier.changed}


def _label(
    run: Run,
    images: ImageSet,
    labeller: Labeller,
    *,
    extractions: Mapping[str, ExtractConfig],
    device: str | None,
    into: _Additions,
) -> dict[str, Cells]:
    """Labels new images; returns the cells of those that could be read."""
    fresh: dict[str, Cells] = {}
    if not len(images):
        return fresh
    for batch, features in features_of_new_images(
        run, images, labeller.feature_sets, extractions=extractions, device=device
    ):
        into.skipped.extend(batch.skipped)
        if not batch.paths:
            continue
        labelled = labeller.label(features)
        into.features.append(features[run.feature_set])
        into.probability.extend(labelled.probability.tolist())
        for image, cluster, *shares in zip(
            batch.paths, *map(np.ndarray.tolist, labelled), strict=True
        ):
            told = (f"{share:.4f}" for share in shares)
            fresh[image] = (cluster, *told, labeller.name_of(cluster))
    return fresh


def _write(run: Run, rows: Sequence[tuple[str, str, Cells, str]], *, with_names: bool) -> Path:
    target = run.folder.file(files.UPDATED_LABELS)
    header = (*COLUMNS, *(("name",) if with_names else ()), "added")
    n_cells = 4 if with_names else 3
    with run.folder.lock():
        write_csv(
            target,
            header,
            ((image, split, *cells[:n_cells], added) for image, split, cells, added in rows),
        )
    return target
