"""What finds the foreground of images."""

from typing import Protocol

from torch import Tensor


class Masker(Protocol):
    """A method with its network. Images are stretched to a square, so that none of them is cut."""

    @property
    def image_size(self) -> int:
        """S, pixels per side of what it takes."""

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""

    @property
    def batch_size(self) -> int:
        """Images of a batch at most."""

    @property
    def threshold(self) -> float:
        """Above which a place belongs to the foreground."""

    @property
    def weights_hash(self) -> str:
        """Tells its network from others."""

    def __call__(self, pixels: Tensor) -> Tensor:
        """How much of the foreground is where, in 0..1.

        Args:
            pixels: uint8 [B, channels, S, S], on the CPU.

        Returns:
            float32 [B, h, w], on the CPU.
        """
