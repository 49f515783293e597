"""How large a run is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ucls.planning.sizes import HALF, SINGLE
from ucls.runs.room import is_on_disk
from ucls.settings.config import Config, required


@dataclass(frozen=True, kw_only=True)
class Scale:
    """All that decides how far measured steps are carried.

    Attributes:
        config: all fields set, as :func:`ucls.runs.resolve.resolve` leaves them.
        n_images: N.
        n_processes: of torchrun, one on each machine.
        width: columns of the run's features (D).
        cached: bytes of all backbones' features of an image, on disk.
        itemsize: bytes of a cached value.
        tokens: columns of each kind of features that classifiers are trained on.
        path_length: characters of an image's path, in the mean.
        backbones: their names; none for a feature file.
        workers: processes that decode.
        device: where stages compute.
        free: bytes of memory that can be had.
    """

    config: Config
    n_images: int
    n_processes: int
    width: int
    cached: int
    itemsize: int
    tokens: Mapping[str, slice]
    path_length: float
    backbones: tuple[str, ...]
    workers: int
    device: Literal["cpu", "cuda"]
    free: int

    @property
    def n_clusters(self) -> int:
        """C."""
        return required(self.config.n_clusters)

    @property
    def n_networks(self) -> int:
        """Heads, each with a classifier of every scale."""
        return required(self.config.train.n_heads)

    @property
    def n_heads(self) -> int:
        """R, with those of every scale."""
        return self.n_networks * len(required(self.config.train.scales))

    @property
    def n_outputs(self) -> int:
        """Clusters of a network's heads."""
        return round(sum(required(self.config.train.scales)) * self.n_clusters)

    @property
    def n_inputs(self) -> int:
        """Columns that heads see, d."""
        wanted = self.config.train.components
        return self.width if not isinstance(wanted, int) else min(wanted, self.width)

    @property
    def token_width(self) -> int:
        """Columns of all that classifiers are trained on."""
        return max(int(own.stop) for own in self.tokens.values())

    @property
    def searched(self) -> int:
        """Bytes of the features that neighbours are looked for among."""
        return self.n_images * self.width * self.itemsize

    @property
    def trained(self) -> int:
        """Bytes of the features that heads are trained on, with those of the chosen axes."""
        turned = self.n_inputs if self.n_inputs < self.width else 0
        return SINGLE * self.n_images * (self.width + turned)

    @property
    def stored(self) -> int:
        """Bytes of what heads see, where it stays on disk."""
        itemsize = HALF if required(self.config.train.batch_norm) else SINGLE
        return itemsize * self.n_images * self.n_inputs

    @property
    def paths(self) -> float:
        """Bytes of all paths as Python's texts, with what points to them."""
        return self.n_images * (49 + 8 + self.path_length)

    def is_on_disk(self, n_bytes: int) -> bool:
        """Whether features of so many bytes stay on disk."""
        return is_on_disk(self.config.features_in, n_bytes, free=self.free)
