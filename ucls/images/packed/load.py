"""Images inside of archives or tables, as an image set."""

import hashlib
from pathlib import Path

from ucls.errors import UsageError
from ucls.images.packed.shards import Shards
from ucls.images.packed.tables import open_tables
from ucls.images.packed.tar import open_archives
from ucls.images.packed.unpacked import TAR
from ucls.images.sets import ImageSet, fingerprint_files


def load_packed(shards: Shards, *, split: str = "train", column: str | None = None) -> ImageSet:
    """Lists the images inside of files; only compressed archives are unpacked.

    Args:
        shards: the files.
        split: the split that the images belong to.
        column: of tables, which column holds the images; None where there is only one.

    Raises:
        UsageError: if a file cannot be read, or there are no images.
    """
    if shards.kind != TAR:
        images = open_tables(shards.files, shards.names, column=column)
    elif column is not None:
        raise UsageError(
            f"--array belongs to files of arrays, got the source {shards.location}: leave it out"
        )
    else:
        images = open_archives(shards.files, shards.names)
    if not images.paths:
        raise UsageError(
            f"{shards.location} holds no images: expected .jpg, .png or the like in archives, and "
            "rows in tables"
        )
    labels, class_names = images.labels
    files = fingerprint_files(Path(), [str(file) for file in shards.files], with_times=True)
    told = "\0".join([files, column or ""])
    return ImageSet(
        name=shards.name,
        split=split,
        paths=images.paths,
        labels=labels,
        class_names=class_names,
        fingerprint=hashlib.sha256(told.encode()).hexdigest(),
        reader=images.reader,
        location=str(shards.location),
        shards=shards.files,
    )
