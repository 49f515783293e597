"""The neighbour graph that the settings ask for."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.devices import resolve_device
from ucls.feature_sets import check_not_equal, count_distinct
from ucls.neighbors.build import build_neighbors
from ucls.preparation.fitting import fit_space
from ucls.preparation.prepared import Preparation
from ucls.progress import Reporter
from ucls.settings.config import Config, required
from ucls.tables import AnyFeatures
from ucls.types import NeighborGraph

Features = npt.NDArray[np.floating]


def check_distinct(features: AnyFeatures, n_clusters: int, reporter: Reporter) -> None:
    """Looks whether features [N, D] differ enough for so many clusters, and warns if not.

    Raises:
        UsageError: if all are the same.
    """
    check_not_equal(features)
    n_distinct = count_distinct(features, enough=n_clusters)
    if n_distinct < n_clusters:
        reporter.warn(
            f"only {n_distinct} distinct rows of features for {n_clusters} clusters: some "
            "clusters stay empty or split equal images; ask for fewer clusters"
        )


class Neighborhood(NamedTuple):
    """Features as neighbours and heads see them, and the neighbours."""

    features: Features
    """Prepared, [N, d]."""
    preparation: Preparation
    graph: NeighborGraph


def find_neighborhood(
    features: Features,
    config: Config,
    *,
    preparation: Preparation | None = None,
    reporter: Reporter,
) -> Neighborhood:
    """Prepares features, and builds their graph.

    Args:
        features: float [N, D]; they are not changed.
        config: all fields set, as :func:`ucls.settings.fitting.autoconfigure` leaves them.
        preparation: fitted to the features; None if they are of one space, to fit it here.
        reporter: shown what happens.

    Raises:
        UsageError: if all features are the same, or nothing would be left of them.
    """
    check_distinct(features, required(config.n_clusters), reporter)
    if preparation is None:
        preparation = Preparation([fit_space(features, required(config.neighbors.prepare)).space])
    prepared = preparation.of_array(features.copy())
    return Neighborhood(prepared, preparation, build_graph(prepared, config, reporter=reporter))


def build_graph(features: AnyFeatures, config: Config, *, reporter: Reporter) -> NeighborGraph:
    """Builds S_x of every image.

    Args:
        features: prepared, [N, D]; they are not changed.
        config: all fields set, as :func:`ucls.settings.fitting.autoconfigure` leaves them.
        reporter: shown how far it is.
    """
    settings = config.neighbors
    with reporter.track("neighbors", len(features), "images") as advance:
        return build_neighbors(
            features,
            k=required(settings.k),
            threshold=required(settings.threshold),
            cap=cap_of(settings.cap, len(features), required(config.n_clusters)),
            cap_keeps=settings.cap_keeps,
            backend="faiss" if settings.backend == "faiss" else "torch",
            device=str(resolve_device(config.device)),
            seed=config.seed,
            advance=advance,
        )


def cap_of(cap: int | str, n_images: int, n_clusters: int) -> int | None:
    """Turns the setting ``neighbors.cap`` into a number."""
    if isinstance(cap, int):
        return cap
    return n_images // n_clusters if cap == "balanced" else None
