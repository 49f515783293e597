"""Whether a feature cache is of the very images that a source has now."""

from ucls.cache import FeatureCache
from ucls.errors import MismatchError
from ucls.images.feature_files import FeatureArray
from ucls.images.sets import ImageSet


class OtherImagesError(MismatchError):
    """A feature cache is of other images than there are now."""


def check_same_images(cache: FeatureCache, images: ImageSet | FeatureArray) -> None:
    """Compares the images of a cache with those there are.

    Raises:
        OtherImagesError: if they are others; it tells which came, went or changed.
    """
    if cache.spec.fingerprint == images.fingerprint:
        return
    then = {*cache.paths(), *(path for path, _ in cache.skipped)}
    now = set(images.paths)
    changes = [
        f"{len(paths):,} {what}, such as {min(paths)}"
        for paths, what in ((now - then, "new"), (then - now, "gone"))
        if paths
    ]
    changed = "; ".join(changes) or "some have changed"
    raise OtherImagesError(
        f"the images of {images.name} are not those that {cache.path} was made of: {len(now):,} "
        f"now, {len(then):,} then ({changed}); pass --overwrite to extract them all anew, or "
        "another --cache-dir to keep both; a finished run labels new images by `ucls predict`"
    )
