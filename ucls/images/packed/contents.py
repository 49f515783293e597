"""What is found of the images inside of files."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from ucls.images.sets import NamedLabels


@dataclass(frozen=True)
class PackedImages:
    """Images inside of files.

    Attributes:
        paths: N ids, such as ``shard.tar/member.jpg``; they are names, and never opened.
        labels: int32 [N] and the names of the classes.
        reader: decodes the image at an index; can be sent to other processes.
    """

    paths: list[str]
    labels: NamedLabels
    reader: Callable[[int], Image.Image]
