"""The neighbour graph that the settings ask for."""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.devices import resolve_device
from ucls.feature_sets import check_not_equal, count_distinct
from ucls.merging.links import NEAREST, Pieces, balanced_root, mutual_among
from ucls.merging.partitions import MOST_IMAGES
from ucls.neighbors.build import build_neighbors
from ucls.preparation.fitting import fit_space
from ucls.preparation.prepared import Preparation
from ucls.progress import Reporter
from ucls.ranks import agreed
from ucls.runs.time_limit import limit_seconds
from ucls.settings.config import Config, required
from ucls.tables import AnyFeatures
from ucls.types import NeighborGraph
from ucls.wording import duration

Features = npt.NDArray[np.floating]

SHARE_OF_LIMIT = 0.25
"""Of the time for a whole run that the search may take."""
LARGEST_GRAPH = 2_000_000_000
"""Images in all sets together; beyond, ``balanced`` sets are smaller than a balanced cluster."""


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


def build_graph(
    features: AnyFeatures, config: Config, *, time_limit: str | None = None, reporter: Reporter
) -> NeighborGraph:
    """Builds S_x of every image.

    With ``neighbors.widen``, more are taken where most images lie in small pieces: bursts of
    near-duplicates are nearest to one another, and lead nowhere else.

    Args:
        features: prepared, [N, D]; they are not changed.
        config: all fields set, as :func:`ucls.settings.fitting.autoconfigure` leaves them.
        time_limit: of the whole run, such as ``10m``.
        reporter: shown how far it is.
    """
    is_approximate = agreed(
        partial(_is_approximate, features, config, time_limit, reporter=reporter)
    )
    build = partial(_build, features, config, is_approximate=is_approximate, reporter=reporter)
    graph, n_clusters = build(required(config.neighbors.k)), required(config.n_clusters)
    wider = min(graph.n_images // (2 * n_clusters), NEAREST)
    if not config.neighbors.widen or graph.k >= wider or graph.n_images > MOST_IMAGES:
        return graph
    if not agreed(partial(_falls_apart, graph, n_clusters)):
        return graph
    reporter.say(
        "neighbors: most images lie in small pieces of what is nearest, as in bursts of "
        f"near-duplicates, so the {wider} nearest are taken, not {graph.k}"
    )
    return build(wider)


def _falls_apart(graph: NeighborGraph, n_clusters: int) -> bool:
    links = mutual_among(graph, balanced_root(graph, n_clusters))
    return Pieces.of(links, n_clusters).fall_apart


def _build(
    features: AnyFeatures, config: Config, k: int, *, is_approximate: bool, reporter: Reporter
) -> NeighborGraph:
    settings, device = config.neighbors, str(resolve_device(config.device))
    search, recall = None, None
    if is_approximate:
        from ucls.neighbors.approximate import approximate_search

        search, recall = approximate_search(features, k=k, device=device, seed=config.seed)
        reporter.say(f"neighbors: approximate search finds {recall:.1%} of the {k} nearest")
    with reporter.track("neighbors", len(features), "images") as advance:
        graph = build_neighbors(
            features,
            k=k,
            threshold=required(settings.threshold),
            cap=cap_of(settings.cap, len(features), required(config.n_clusters)),
            cap_keeps=settings.cap_keeps,
            backend="faiss" if settings.backend == "faiss" else "torch",
            device=device,
            search=search,
            seed=config.seed,
            advance=advance,
        )
    if recall is None:
        return graph
    return replace(graph, backend="faiss-ivf", exact=False, recall=recall)


def _is_approximate(
    features: AnyFeatures, config: Config, limit: str | None, *, reporter: Reporter
) -> bool:
    """Whether exact search would take too long, or approximate search is asked for."""
    from ucls.neighbors.approximate import exact_seconds

    if limit is None or config.neighbors.search != "auto":
        return config.neighbors.search == "approximate"
    seconds = exact_seconds(features, str(resolve_device(config.device)))
    if seconds <= SHARE_OF_LIMIT * limit_seconds(limit):
        return False
    reporter.say(
        f"neighbors: exact search would take about {duration(seconds)}, more than a quarter of the "
        f"time limit {limit}"
    )
    return True


def cap_of(cap: int | str, n_images: int, n_clusters: int) -> int | None:
    """Turns the setting ``neighbors.cap`` into a number."""
    if isinstance(cap, int):
        return cap
    if cap == "none":
        return None
    return min(n_images // n_clusters, max(1, LARGEST_GRAPH // n_images))
