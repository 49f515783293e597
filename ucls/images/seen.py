"""Whether another machine sees the images of a set."""

import platform
from collections.abc import Iterable
from pathlib import Path

from ucls.errors import UclsError
from ucls.images.packed.tar import TarReader
from ucls.images.packed.unpacked import plain_archive
from ucls.images.sets import FileReader, ImageSet, RowReader


def check_seen(images: ImageSet) -> None:
    """Refuses a machine without the images, all of which would be skipped there.

    Compressed archives are unpacked on a machine whose cache folder is its own.

    Raises:
        UclsError: if it sees none of them.
    """
    reader = images.reader
    while isinstance(reader, RowReader):
        reader = reader.reader
    _check_there([reader.root] if isinstance(reader, FileReader) else images.shards)
    if isinstance(reader, TarReader):
        for shard in images.shards:
            plain_archive(shard)
        _check_there(reader.archives)


def _check_there(paths: Iterable[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise UclsError(
                f"{path} is not on machine {platform.node()}: all machines of a job have to see "
                "the images, the cache and the run under the same paths"
            )
