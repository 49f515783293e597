"""Learns networks, and clusters with them."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.collapses import image_sets
from benchmarks.learning.record import Learned, LearningRecord, Scores
from ucls import pipeline
from ucls.cache import read_json
from ucls.config import Config
from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy, nmi
from ucls.pretraining.record import CLUSTERS, LOG
from ucls.settings.config import required
from ucls.sources import Source
from ucls.stages.masks import masks
from ucls.stages.pretrain import Pretrained, pretrain

MASKED_BY = {"segins-s": "simsiam", "segins-m": "moco"}
"""Methods that learn from masks, and the one whose network of the same seed makes these."""


def fill(
    record: LearningRecord,
    source: Source,
    *,
    methods: Sequence[str],
    seeds: Sequence[int],
    folder: Path,
) -> Iterator[str]:
    """Makes what the record lacks; tells each network once it is in the record.

    Args:
        record: of the source.
        source: labelled images with ``val``.
        methods: of ``ucls pretrain``; those that need masks get them from a network of ``simsiam``
            or ``moco`` by ContraCAM. Seeds go last, so that what is there is whole when stopped.
        seeds: of the trainings and the runs.
        folder: where networks, features and runs stay, which are not made twice.
    """
    for seed in seeds:
        if seed not in record.kmeans:
            record.kmeans[seed] = pixel_kmeans(source, seed=seed)
            yield f"k-means on pixels, seed {seed}: ACC {record.kmeans[seed]:.3f}"
    for seed, method in product(seeds, methods):
        done = record.learned.setdefault(method, {})
        if seed not in done:
            settings = {**record.settings, "method": method, "seed": seed}
            done[seed] = learn(source, settings, folder=folder)
            yield f"{method}, seed {seed}: {_told(done[seed])}"


def learn(source: Source, settings: Mapping[str, Any], *, folder: Path) -> Learned:
    """Learns a network, and clusters the images by its features."""
    network = _network(source, settings, folder=folder)
    out = network.path
    lines = (out / LOG).read_text(encoding="utf-8").splitlines()
    epochs = [json.loads(line) for line in lines]
    config = Config(seed=settings["seed"], effort="quick")
    run = pipeline.run(
        source,
        out=out.with_name(f"{out.name}-run"),
        config=config.with_values({"extract.backbone": str(network.path)}),
        cache_dir=folder / "cache",
    )
    figures = read_json(run.path / "metrics.json")
    train, val = figures["train"], figures["val"]
    return Learned(
        epochs=tuple(_scores(epoch) for epoch in epochs),
        clusters=_clusters(source, out / CLUSTERS),
        run={
            "train": train["ensemble.chosen"]["acc"],
            "val": val["ensemble.chosen"]["acc"],
            "kmeans": train["kmeans"]["acc"],
            "knn": val["knn"]["acc"],
        },
        collapse=epochs[-1].get("collapse", ""),
    )


def _network(source: Source, settings: Mapping[str, Any], *, folder: Path) -> Pretrained:
    """The network of a method and a seed; where it needs masks, by those of another network."""
    out = folder / source.name / "{method}-{seed}".format_map(settings)
    first = MASKED_BY.get(settings["method"])
    if first is None:
        return pretrain(source, out=out, settings=settings)
    teller = _network(source, {**settings, "method": first}, folder=folder).path
    by_teller = {"method": "contracam", "backbone": str(teller)}
    masked = masks(source, out=teller.with_name(f"{teller.name}-masks"), settings=by_teller)
    return pretrain(source, out=out, settings={**settings, "masks": str(masked.path)})


def pixel_kmeans(source: Source, *, seed: int) -> float:
    """ACC of k-means on the pixels of the training images as they are."""
    from sklearn.cluster import KMeans

    images = image_sets(source)["train"]
    every = [np.asarray(images.read(row)) for row in range(len(images))]
    if len({one.shape for one in every}) > 1:
        raise UsageError(f"images of {source.name} differ in size: give some of one size")
    pixels = np.stack([one.ravel() for one in every])
    kmeans = KMeans(required(source.n_classes), random_state=seed)
    clusters = kmeans.fit_predict(pixels.astype(np.float32) / 255)
    return clustering_accuracy(required(images.labels), clusters)


def _told(network: Learned) -> str:
    own = {f"own {name}": score for name, score in network.clusters.items()}
    return ", ".join(f"{name} {score:.3f}" for name, score in {**own, **network.run}.items())


def _scores(epoch: Mapping[str, Any]) -> Scores:
    return {name: epoch[name] for name in ("acc", "nmi", "knn") if name in epoch}


def _clusters(source: Source, path: Path) -> Scores:
    if not path.exists():
        return {}
    images = image_sets(source)["train"]
    with path.open(newline="", encoding="utf-8") as file:
        found = {row["path"]: int(row["cluster"]) for row in csv.DictReader(file)}
    is_read = [name in found for name in images.paths]
    labels = required(images.labels)[is_read]
    clusters = np.array([found[name] for name in images.paths if name in found], np.int32)
    return {"acc": clustering_accuracy(labels, clusters), "nmi": nmi(labels, clusters)}
