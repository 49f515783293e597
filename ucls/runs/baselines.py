"""K-means and the supervised bounds of a run, kept in ``baselines.json`` as they take long."""

from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from ucls.cache import read_json, settings_key, write_json
from ucls.cache import run_files as files
from ucls.runs.preparation import read_preparation
from ucls.runs.room import stay_on_disk
from ucls.runs.run import Run
from ucls.runs.scores import balance, scores
from ucls.settings.config import required
from ucls.tables import RowTable
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
    preparation = read_preparation(run)
    with ExitStack() as stack:
        caches = {split: stack.enter_context(run.features(split)) for split in run.splits}
        tables = {
            split: preparation.of_array(cache.table(run.feature_set))
            for split, cache in caches.items()
        }
        figures = _measure_baselines(run, labels, tables)
    write_json(path, {"key": key, "figures": figures})
    return figures


def _measure_baselines(
    run: Run, labels: Mapping[str, Labels], tables: Mapping[str, RowTable]
) -> dict[str, Figures]:
    from ucls.devices import resolve_device
    from ucls.metrics.baselines import kmeans, knn_accuracy, linear_probe_accuracy

    config, device = run.config.evaluate, resolve_device(run.config.device)
    restarts = required(config.kmeans_restarts)
    is_on_disk = stay_on_disk(
        run,
        "evaluate",
        sum(table.nbytes for table in tables.values()),
        price="k-means is fitted to some of them, k-NN and the linear probe are left out",
    )
    with run.reporter.track("evaluate: k-means", restarts, "restarts") as advance:
        clusters = kmeans(
            tables if is_on_disk else _read(tables),
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
    if config.upper_bounds and can_be_bounded and not is_on_disk:
        features = _read(tables)
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


def _read(tables: Mapping[str, RowTable]) -> dict[str, NDArray[np.floating]]:
    return {split: table[:] for split, table in tables.items()}


def _labelled(
    features: NDArray[np.floating], labels: Labels
) -> tuple[NDArray[np.floating], Labels]:
    """The images whose label is known."""
    known = labels >= 0
    return (features, labels) if known.all() else (features[known], labels[known])
