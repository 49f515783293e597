"""How large the inputs of a stage are."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

AXES = {"N": "n_images", "C": "n_clusters", "H": "n_heads", "D": "n_features"}


@dataclass(frozen=True, order=True)
class Size:
    """What a stage can grow with; D is a class token and a patch mean side by side."""

    n_images: int
    n_clusters: int
    n_heads: int = 1
    n_features: int = 1

    @property
    def cap(self) -> int:
        """N / C, the most neighbours of an image."""
        return self.n_images // self.n_clusters

    def on_axis(self, letter: str) -> int:
        """N, C, H or D."""
        return int(getattr(self, AXES[letter]))

    def with_axis(self, letter: str, value: int) -> "Size":
        """The same with another N, C, H or D."""
        return replace(self, **{AXES[letter]: value})

    def text(self, letters: Iterable[str] = AXES) -> str:
        """Such as ``N=8,192, C=64``."""
        return ", ".join(f"{letter}={self.on_axis(letter):,}" for letter in letters)
