"""What is to be said of images once they are extracted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Remarks:
    """Counts of images; those of several processes add up.

    Attributes:
        n_stretched: images whose values had no known range; see :func:`ucls.images.read_image`.
        n_plain: images in which nothing or all stands out; see
            :class:`ucls.backbones.protocol.Tokens`.
    """

    n_stretched: int = 0
    n_plain: int = 0

    def __add__(self, other: "Remarks") -> "Remarks":
        return Remarks(self.n_stretched + other.n_stretched, self.n_plain + other.n_plain)
