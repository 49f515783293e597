"""Simulated features as the source of a run."""

from pathlib import Path

from benchmarks.simulated.features import SimulatedFeatures, how_simulated, tell, write_simulated
from ucls.errors import UsageError


def make_source(path: str, n_images: int, n_clusters: int, n_features: int) -> None:
    """Writes simulated features, unless they are there; UsageError where others are."""
    source, made = Path(path), SimulatedFeatures(n_images, n_clusters, n_features)
    if not source.exists():
        write_simulated(source, made)
    elif (told := how_simulated(source)) != tell(made):
        raise UsageError(
            f"{path} holds other features: {told or 'not simulated'}; give another --folder"
        )
