"""Where networks lie that ``ucls pretrain`` learned, and what their files tell without torch."""

from pathlib import Path

from ucls.backbones.protocol import ImageSize
from ucls.cache import read_tensor_metadata
from ucls.errors import UsageError

LEARNED = "learned:"
"""What the name of a learned backbone begins with; the name of its run folder follows."""
NETWORK = "network.safetensors"
SMALL_IMAGES = 64
"""Pixels per side up to which images keep their size and are cropped twice only, as local crops
would show too little (reimplementation of Self-Classifier, table 2), and up to which the first
layers of a network must not shrink them much."""
KIND = "ucls network"
"""What the file calls itself."""


def learned_file(path: Path) -> Path | None:
    """The file of a network, given itself or the run folder of ``ucls pretrain``; None if none."""
    file = path / NETWORK if path.is_dir() else path
    return file.absolute() if file.name == NETWORK and file.is_file() else None


def read_metadata(path: Path) -> dict[str, str]:
    """What the file of a network tells of it, without reading its weights.

    Raises:
        UsageError: if it is none.
    """
    return checked(path, read_tensor_metadata(path))


def checked(path: Path, metadata: dict[str, str]) -> dict[str, str]:
    """Gives back what a file tells, once it is known to be that of a network.

    Raises:
        UsageError: if it is none.
    """
    if metadata.get("kind") != KIND:
        raise UsageError(f"{path} is no network that `ucls pretrain` learned: pass its run folder")
    return metadata


def told_size(weights: str) -> ImageSize:
    """Pixels per side of the images that a network takes."""
    return int(read_metadata(Path(weights))["image_size"])


def told_channels(weights: str) -> int:
    """Channels of the images that a network takes."""
    return int(read_metadata(Path(weights))["channels"])
