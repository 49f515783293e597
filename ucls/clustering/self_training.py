"""Linear classifiers on the labels of a consensus, of which none forgets a cluster."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ucls.devices import resolve_device
from ucls.progress import Reporter
from ucls.settings.config import Config, required
from ucls.training.filling import fill_forgotten
from ucls.training.linear import Features, SelfTrained, Table, self_train
from ucls.types import Labels


def fit_classifiers(
    tokens: Features | Table,
    pseudo_labels: Labels,
    columns: Mapping[str, slice],
    *,
    n_clusters: int,
    config: Config,
    weights: npt.NDArray[np.floating] | None,
    reporter: Reporter,
) -> SelfTrained:
    """Trains classifiers and chooses one, which gives every cluster some images.

    The arguments and errors are those of :func:`ucls.training.linear.self_train`, but ``config`` is
    that of the whole run, and ``reporter`` is shown how far it is.
    """
    iterations = required(config.self_train.iterations)
    with reporter.track("self-train", iterations, "iterations") as advance:
        result = self_train(
            tokens,
            pseudo_labels,
            dict(columns),
            n_clusters=n_clusters,
            config=config.self_train,
            weights=weights,
            seed=config.seed,
            device=resolve_device(config.device),
            advance=advance,
        )
    chosen = fill_forgotten(
        result.classifiers[result.chosen],
        tokens,
        pseudo_labels,
        columns=columns[result.candidates[result.chosen].feature_set],
    )
    classifiers = list(result.classifiers)
    classifiers[result.chosen] = chosen
    return replace(result, classifiers=tuple(classifiers))
