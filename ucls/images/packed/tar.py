"""Images inside of tar archives, as WebDataset lays them out: ``0001.jpg`` beside ``0001.cls``."""

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ucls.errors import UsageError
from ucls.images.files import IMAGE_SUFFIXES, UnreadableImageError, read_image
from ucls.images.packed.contents import PackedImages
from ucls.images.packed.unpacked import plain_archive
from ucls.images.sets import encode_labels
from ucls.wording import cause

_LABEL = ".cls"
_LONGEST_LABEL = 1_000


@dataclass(frozen=True)
class TarReader:
    """Reads images where they lie in archives.

    Attributes:
        archives: the files.
        places: int64 [N, 3], the number of each image's archive, its first byte and its length.
    """

    archives: tuple[Path, ...]
    places: NDArray[np.int64]

    def __call__(self, index: int) -> Image.Image:
        """Returns one picture of mode ``RGB``."""
        archive, start, length = self.places[index].tolist()
        try:
            with self.archives[archive].open("rb") as file:
                file.seek(start)
                content = file.read(length)
        except OSError as error:
            raise UnreadableImageError(error.strerror or str(error)) from error
        if len(content) < length:
            raise UnreadableImageError("truncated file")
        return read_image(content)


def open_archives(archives: Sequence[Path], names: Sequence[str]) -> PackedImages:
    """Lists the images in archives, in their order.

    A member's name is only a name: nothing is written or opened by it. Of members of one name the
    last counts, as when an archive is unpacked; links and hidden members do not count.

    Args:
        archives: compressed ones are unpacked, see :func:`plain_archive`.
        names: what each is called.

    Raises:
        UsageError: if one cannot be read.
        UclsError: if there is no room to unpack one.
    """
    places: dict[str, tuple[int, int, int]] = {}
    labels: dict[str, str] = {}
    plain = [plain_archive(path) for path in archives]
    for number, (path, name) in enumerate(zip(archives, names, strict=True)):
        for member, start, length, text in _members(plain[number], told=path):
            if text is None:
                places[f"{name}/{member}"] = (number, start, length)
            else:
                labels[_key(f"{name}/{member}")] = text
    reader = TarReader(tuple(plain), np.array(list(places.values()), np.int64).reshape(-1, 3))
    named = encode_labels([labels.get(_key(path), "") for path in places])
    return PackedImages(list(places), named, reader)


def _members(path: Path, *, told: Path) -> list[tuple[str, int, int, str | None]]:
    """Name, first byte and length of each image and label; of labels the text too."""
    found: list[tuple[str, int, int, str | None]] = []
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                name = member.name
                if not member.isreg() or member.issparse() or _file_name(name).startswith("."):
                    continue
                if name.lower().endswith(IMAGE_SUFFIXES):
                    found.append((name, member.offset_data, member.size, None))
                elif name.lower().endswith(_LABEL) and member.size <= _LONGEST_LABEL:
                    file = archive.extractfile(member)
                    text = b"" if file is None else file.read()
                    found.append((name, 0, 0, text.decode(errors="surrogateescape").strip()))
    except (tarfile.TarError, OSError, ValueError, EOFError, OverflowError) as error:
        reason = cause(error) or (
            f"it is compressed in another way, damaged or incomplete ({error}); unpack it to a "
            "plain .tar, or copy it again"
        )
        raise UsageError(f"cannot read {told} as a tar archive: {reason}") from error
    return found


def _file_name(member: str) -> str:
    return member.rpartition("/")[2]


def _key(member: str) -> str:
    """What the members of one sample have in common: all up to the first dot of the name."""
    folder, slash, name = member.rpartition("/")
    return folder + slash + name.partition(".")[0]
