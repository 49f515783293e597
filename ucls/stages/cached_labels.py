"""The labels that go into a feature cache, for later evaluation."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ucls.cache import FeatureCache, replace_labels
from ucls.feature_files import FeatureArray
from ucls.image_sets import ImageSet, labels_from_folders
from ucls.progress import Reporter


def labels_to_cache(
    images: ImageSet | FeatureArray,
) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
    """All labels there are, also those of sub-folders where this run does not want them.

    The cache serves later runs too; whether labels are used is up to each run.

    Returns:
        Labels int32 [N] of all images of the set, or None, and the names of the classes.
    """
    if (
        isinstance(images, ImageSet)
        and images.labels is None
        and Path(images.location).is_dir()
        and all("/" in path for path in images.paths)
    ):
        return labels_from_folders(images.paths)
    return images.labels, images.class_names


def renew_labels(path: Path, images: ImageSet | FeatureArray, *, reporter: Reporter) -> None:
    """Gives a cache the labels that its images have now, if they are others.

    A list of images may have got labels since its features were extracted.
    """
    labels, class_names = labels_to_cache(images)
    if labels is None:
        return
    with FeatureCache(path) as cache:
        wanted, there = labels[cache.image_numbers()], cache.labels()
        same_names = cache.class_names() == list(class_names)
    if there is not None and same_names and np.array_equal(there, wanted):
        return
    replace_labels(path, wanted, class_names)
    reporter.say(f"extract: the labels of {images.split} have changed, and are renewed")
