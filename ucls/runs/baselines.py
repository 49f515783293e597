"""K-means and the supervised bounds of a run, kept in ``baselines.json`` as they take long."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ucls.cache import read_json, settings_key, write_json
from ucls.cache import run_files as files
from ucls.runs.preparation import read_preparation
from ucls.runs.run import Run
from ucls.runs.scores import balance, scores
from ucls.settings.config import required
from ucls.types import Figures, Labels


def baseline_figures(run: Run, labels: Mapping[str, Labels]) -> dict[str, Figures]:
    """The baselines of each split, measured once."""
    path = run.folder.file(files.BASELINES)
    key = settings_key(
        run.config.evaluate.model_dump(), run.config.self_train.model_dump(), run.feature_set,
        run.n_clusters, run.config.seed, run.data.labels_key, run.freshness.key("neighbors"),
    )  # fmt: skip
    if path.is_file():
        kept = read_json(path, remedy="remove it, then run the same command again")
        if kept["key"] == key:
            figures: dict[str, Figures] = kept["figures"]
            return figures
    figures = _measure_baselines(run, labels)
    write_json(path, {"key": key, "figures": figures})
    return figures


def _measure_baselines(run: Run, labels: Mapping[str, Labels]) -> dict[str, Figures]:
    from ucls.devices import resolve_device
    from ucls.metrics.baselines import kmeans, knn_accuracy, linear_probe_accuracy

    config, device = run.config.evaluate, resolve_device(run.config.device)
    restarts = required(config.kmeans_restarts)
    with run.reporter.track("evaluate: k-means", restarts, "restarts") as advance:
        clusters = kmeans(
            _features(run),
            n_clusters=run.n_clusters,
            restarts=restarts,
            seed=run.config.seed,
            device=device,
            copy=False,
            advance=advance,
        )
    figures: dict[str, Figures] = {
        split: {
            "kmeans": {
                **scores(labels.get(split), clusters[split]),
                **balance(clusters[split], run.n_clusters),
            }
        }
        for split in run.splits
    }
    can_be_bounded = {"train", "val"} <= set(labels) and (labels["train"] >= 0).sum() >= 2
    if config.upper_bounds and can_be_bounded:
        features = _features(run)
        data = (
            *_labelled(features["train"], labels["train"]),
            *_labelled(features["val"], labels["val"]),
        )
        figures["val"]["knn"] = {"acc": knn_accuracy(*data, k=config.knn)}
        iterations = required(run.config.self_train.iterations)
        with run.reporter.track("evaluate: linear probe", iterations, "iterations") as advance:
            probe = linear_probe_accuracy(
                *data,
                config=run.config.self_train,
                seed=run.config.seed,
                device=device,
                advance=advance,
            )
        figures["val"]["linear_probe"] = {"acc": probe}
    return figures


def _features(run: Run) -> dict[str, NDArray[np.floating]]:
    features, preparation = {}, read_preparation(run)
    for split in run.splits:
        with run.features(split) as cache:
            features[split] = preparation.of_array(cache.read(run.feature_set))
    return features


def _labelled(
    features: NDArray[np.floating], labels: Labels
) -> tuple[NDArray[np.floating], Labels]:
    """The images whose label is known."""
    known = labels >= 0
    return (features, labels) if known.all() else (features[known], labels[known])
