"""The labels that go into a feature cache, for later evaluation."""

from pathlib import Path

from ucls.images.feature_files import FeatureArray
from ucls.images.sets import ImageSet, NamedLabels, labels_from_folders


def labels_to_cache(images: ImageSet | FeatureArray) -> NamedLabels:
    """All labels there are, also those of sub-folders where this run does not want them.

    The cache serves later runs too; whether labels are used is up to each run.

    Returns:
        Labels int32 [N] of all images of the set, or None, and the names of the classes.
    """
    if (
        isinstance(images, ImageSet)
        and images.labels is None
        and not images.shards
        and Path(images.location).is_dir()
        and all("/" in path for path in images.paths)
    ):
        return labels_from_folders(images.paths)
    return images.labels, images.class_names
