"""The number of clusters of a run that names none, from its features."""

import numpy as np

from ucls.counting import N_STEPS, Suggestion, suggest_n_clusters
from ucls.errors import UsageError
from ucls.progress import Reporter
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
    from ucls.counting.suggestion import MOST_IMAGES
    from ucls.devices import resolve_device
    from ucls.preparation.signs import sample_rows

    feature_set = fitting_features(requested.features, data)
    # No more than are looked at, as all of them may not fit into memory at this width.
    rows = sample_rows(len(features), MOST_IMAGES).numpy()
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
        raise UsageError(
            "these images hold together as one cluster, nothing tells groups of them apart "
            f"(a walk over the graph of neighbours forgets where it began: "
            f"{suggestion.second_mode:.2f} of its slowest mode is left by a step, "
            "of separate groups 0.8 to 1.0); to divide them nevertheless, pass -k NUMBER"
        )
    return suggestion.n_clusters
