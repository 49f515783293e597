"""The number of clusters of a run that names none, from its features."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ucls.counting import N_STEPS, Suggestion, suggest_n_clusters
from ucls.errors import UsageError
from ucls.progress import Reporter
from ucls.runs.apart import keep_apart
from ucls.runs.apart_clusters import clusters_of
from ucls.runs.features import SplitFeatures
from ucls.runs.preparation import fit_spaces
from ucls.runs.resolve import ExtractedData, fitting_features
from ucls.settings.config import Config

PREPARED_FOR = 20
"""Clusters by which unrelated feature spaces are told, before the number is known."""


def suggest(
    requested: Config, data: ExtractedData, features: SplitFeatures, *, reporter: Reporter
) -> Suggestion:
    """Suggests a number of clusters for the training images, whose features are prepared first.

    Args:
        requested: the settings, with or without a number of clusters.
        data: what the extraction found.
        features: of the training images.
        reporter: shown how far it is.

    Raises:
        UsageError: if there are too few images, or nothing tells them apart.
    """
    from ucls.devices import resolve_device

    feature_set = fitting_features(requested.features, data)
    # No more than are looked at, as all of them may not fit into memory at this width.
    rows = looked_at(features)
    columns = features.read(feature_set, dtype=np.float32, rows=rows)
    known = requested.neighbors.apart_from
    preparation, _ = fit_spaces(
        columns,
        feature_set,
        data,
        wanted=requested.neighbors.prepare or "auto",
        n_clusters=PREPARED_FOR,
        seed=requested.seed,
        apart_from=clusters_of(known, features.paths())[:, rows] if known else (),
    )
    with reporter.track("how many clusters", N_STEPS, "steps") as advance:
        return suggest_n_clusters(
            preparation.of_array(columns),
            seed=requested.seed,
            of_one_factor=bool(known),
            device=resolve_device(requested.device),
            advance=advance,
        )


def keep_other_factors(
    suggestion: Suggestion, requested: Config, features: SplitFeatures, *, kept: Path
) -> None:
    """Lets a run be apart from other factors too, where its number of clusters is that of one.

    Images that are alike in all factors are neighbours, which tell nothing of which to join.
    """
    if suggestion.other_factors is None:
        return
    runs = requested.neighbors.apart_from
    others = np.full(len(features), -1, dtype=np.int32)
    others[looked_at(features)] = suggestion.other_factors
    keep_apart(kept, runs, np.vstack([clusters_of(runs, features.paths()), others]))


def looked_at(features: SplitFeatures) -> NDArray[np.int64]:
    """The images by which a number is suggested; all, if they are not too many."""
    from ucls.counting.suggestion import MOST_IMAGES
    from ucls.preparation.signs import sample_rows

    rows: NDArray[np.int64] = sample_rows(len(features), MOST_IMAGES).numpy()
    return rows


def told(suggestion: Suggestion) -> str:
    """A suggestion in plain words."""
    others = ", ".join(map(str, suggestion.next_best))
    number = suggestion.n_clusters
    if number == 1:
        return f"1: the images hold together (if they must be divided: {others})"
    match suggestion.how_sure:
        case "clear":
            return f"{number}: the images fall apart clearly into so many (next best: {others})"
        case "likely":
            return f"{number} are likely (next best: {others})"
        case _:
            return f"{number}, but others are nearly as good: {others}"


def suggested_number(suggestion: Suggestion) -> int:
    """The number to go on with.

    Raises:
        UsageError: if the images hold together as one cluster.
    """
    if suggestion.n_clusters == 1:
        best, *others = suggestion.next_best
        then = f", then {', '.join(map(str, others))}" if others else ""
        raise UsageError(
            "these images hold together as one cluster, nothing tells groups of them apart; to "
            f"divide them nevertheless, pass -k NUMBER: {best} fits best{then}"
        )
    return suggestion.n_clusters
