"""What a consensus gives back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ucls.types import Labels


def empty_note(cluster_sizes: npt.NDArray[np.int64]) -> str:
    """Says how many of the clusters have no image."""
    return f"{np.count_nonzero(cluster_sizes == 0)} of {len(cluster_sizes)} clusters are empty"


@dataclass(frozen=True, eq=False, repr=False)
class Consensus:
    """A consensus clustering and its figures, none of which needs true labels."""

    labels: Labels
    """int32 [N] in 0..n_clusters-1; -1 for images that all heads miss."""
    confidence: npt.NDArray[np.float32]
    """Share of the heads that agree with the label, among those that label the image, after
    alignment by the Hungarian method; float32 [N], 0..1. Heads count by their weights. 0 for
    images that all heads miss."""
    method: str
    anmi: float
    """Mean NMI to the heads, normalised by the geometric mean (Strehl & Ghosh, eq. 4)."""
    seconds: float
    occupied_clusters: int
    cluster_sizes: npt.NDArray[np.int64]
    """Images per cluster, int64 [n_clusters]."""
    notes: tuple[str, ...]
    """What a caller should tell: heads left out, images missing, empty clusters."""
    comparison: "Comparison | None" = None
    """With the method ``all``: every method's consensus, of which this is one."""

    def __repr__(self) -> str:
        """The figures in one line."""
        return (
            f"Consensus(method={self.method!r}, images={len(self.labels)}, "
            f"clusters={self.occupied_clusters}/{len(self.cluster_sizes)}, anmi={self.anmi:.3f}, "
            f"notes={list(self.notes)})"
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """Every method's consensus of the same heads."""

    results: dict[str, Consensus]
    """By method."""
    agreement: npt.NDArray[np.float64]
    """Share of the images that two methods put into the same cluster after the Hungarian method,
    [M, M] in the order of ``results``; 0..1."""
    left_out: dict[str, str]
    """Methods that did not take part, each with the reason."""
