"""What each stage would do, and what that takes: closed forms of measured steps."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from ucls.merging.links import NEAREST
from ucls.metrics.baselines import FROM_DISK, LONG_KMEANS, SAMPLE_PER_CLUSTER
from ucls.neighbors.approximate import SAMPLE
from ucls.neighbors.search import QUERIES_FROM_DISK
from ucls.planning.measured import Measured
from ucls.planning.scale import Scale
from ucls.planning.sizes import (
    LABEL,
    SINGLE,
    graph_bytes,
    head_weights,
    labels_bytes,
    logits_bytes,
    trained_labels_bytes,
)
from ucls.runs.time_limit import training_steps
from ucls.settings.config import required
from ucls.wording import count, duration, size

LINK, VOTE = 31, 18
"""Bytes of a link of the graph in merging and of a head's label in MCLA, at their peaks, as
``python -m benchmarks growth`` measured them."""
TYPICAL = 2
"""Neighbours for each of the k nearest, where the threshold is typical; 1.8 in ``ucls run digits``,
where half of the images have more than k, as they have elsewhere."""
LABEL_COLUMNS = 30
"""Characters of a line of ``labels.csv`` beside the path."""


class StagePlan(NamedTuple):
    """One stage, on the machines that were asked for."""

    stage: str
    does: str
    seconds: float
    memory: float
    """Bytes at its peak, on each machine, without Python and its libraries."""
    disk: float
    """Bytes of its files at their most, checkpoints among them."""
    limit: str
    """What most of the time goes into, or what does not fit."""


def plan_stages(scale: Scale, measured: Measured) -> list[StagePlan]:
    """Every stage of a run, in order."""
    return [
        _checked(make(scale, measured), scale.free)
        for make in (_extract, _neighbors, _train, _merge, _ensemble, _self_train, _evaluate)
    ]


def _checked(plan: StagePlan, free: int) -> StagePlan:
    """The same, limited by the memory where it does not hold it."""
    if plan.memory <= free:
        return plan
    return plan._replace(limit=f"memory: {size(free)} are free; {plan.limit}")


def _largest(seconds: Mapping[str, float]) -> str:
    return max(seconds, key=lambda what: seconds[what])


def _extract(scale: Scale, measured: Measured) -> StagePlan:
    n_bytes = scale.n_images * (scale.cached + scale.path_length)
    own = scale.n_images / scale.n_processes
    parts = {"disk": n_bytes / measured.bytes_per_second}
    if not scale.backbones:
        does, seconds = "copies the features into the cache", parts["disk"]
    else:
        does = f"{' and '.join(scale.backbones)}, once for each image"
        parts["decoding"] = own * measured.decode / max(1, scale.workers)
        parts["forward passes"] = own * measured.forward
        if scale.n_processes > 1:  # parts are put together by the first
            parts["disk"] *= 2
        computing = [parts["decoding"], parts["forward passes"]]
        # On a CPU both take the same cores.
        busy = max(computing) if scale.device == "cuda" else sum(computing)
        seconds = max(busy, parts["disk"])
        if scale.n_processes > 1:
            seconds = busy + parts["disk"]
    return StagePlan("extract", does, seconds, scale.paths, n_bytes, _largest(parts))


def _neighbors(scale: Scale, measured: Measured) -> StagePlan:
    k, n = required(scale.config.neighbors.k), scale.n_images
    is_on_disk = scale.is_on_disk(scale.searched)
    graph = _graph(scale)
    memory = graph + (0 if is_on_disk else scale.searched)
    if scale.config.neighbors.search == "approximate":
        seconds = approximate_seconds(scale, measured)
        memory += n * scale.width * (1 if is_on_disk else 2)
        does, limit = f"approximate search, {k} nearest or more", "probed lists, N^1.5"
    else:
        passes = math.ceil(n / QUERIES_FROM_DISK / scale.n_processes) if is_on_disk else 1
        read = passes * scale.searched / measured.bytes_per_second
        parts = {"all pairs, N²": exact_seconds(scale, measured), "reading the disk": read}
        seconds, limit = sum(parts.values()), _largest(parts)
        does = f"exact search, {k} nearest or more"
        approximate = approximate_seconds(scale, measured)
        if approximate < seconds / 2:
            limit += f"; neighbors.search=approximate: {duration(approximate)} or more"
    does += ", features on disk" if is_on_disk else ""
    return StagePlan("neighbors", does, seconds, memory, graph, limit)


def _graph(scale: Scale) -> float:
    """Bytes of the neighbour graph."""
    config = scale.config.neighbors
    times = TYPICAL if config.threshold == "typical" else 1
    return graph_bytes(scale.n_images, times * required(config.k))


def exact_seconds(scale: Scale, measured: Measured) -> float:
    """Of exact search: all pairs of images, divided among the processes."""
    return measured.pair * scale.n_images**2 / scale.n_processes


def approximate_seconds(scale: Scale, measured: Measured) -> float:
    """Of approximate search with as few lists probed as there can be.

    Lists are as the root of N, so that an image is compared with the root of N others. Each process
    fills an index of all images, and looks for some images exactly to know the recall.
    """
    search, n = measured.approximate, scale.n_images
    growth = n / search.n_images
    filling = search.build * growth * max(1.0, math.sqrt(growth))
    searching = n * search.query * math.sqrt(growth) / scale.n_processes
    return filling + searching + min(SAMPLE, n) * n * measured.pair


def _train(scale: Scale, measured: Measured) -> StagePlan:
    train, n = scale.config.train, scale.n_images
    steps = training_steps(scale.config, n, n_processes=scale.n_processes)
    epochs = required(train.epochs)
    is_on_disk = scale.is_on_disk(scale.trained)
    batch_size = min(required(train.batch_size), n)
    read = scale.stored / n * batch_size * steps / measured.bytes_per_second if is_on_disk else 0.0
    # The next batch is read while heads are trained on this one.
    parts = {"steps": steps * measured.step, "reading the disk": read}
    hidden = (train.hidden_dim, train.hidden_dim, train.bottleneck_dim) if train.hidden_dim else ()
    layers = (scale.n_inputs, *(width for width in hidden if width))
    weights = SINGLE * scale.n_networks * head_weights(layers, scale.n_outputs)
    logits = logits_bytes(required(train.heads_at_once), batch_size, scale.n_outputs)
    labels = trained_labels_bytes(n, scale.n_heads)
    features = 0 if is_on_disk else scale.trained
    memory = features + 5 * weights + _graph(scale)
    left = 5 * weights + labels_bytes(n, scale.n_heads) + (scale.stored if is_on_disk else 0)
    does = f"{count(scale.n_heads, 'head')}, {count(epochs, 'epoch')} at most"
    return StagePlan(
        "train",
        does + (", features on disk" if is_on_disk else ""),
        max(parts.values()),
        memory + max(logits, labels),
        left,
        _largest(parts),
    )


def _merge(scale: Scale, measured: Measured) -> StagePlan:
    if scale.config.merge.linkage == "none":
        return StagePlan("merge", "nothing: heads stay as they are", 0.0, 0.0, 0.0, "")
    n, k = scale.n_images, required(scale.config.neighbors.k)
    does = f"{scale.n_outputs:,} clusters of each head to {scale.n_clusters:,}"
    memory = LABEL * n * scale.n_heads + LINK * n * min(k, NEAREST)
    return StagePlan("merge", does, measured.merge.at(n), memory, 0.0, "links of the images")


def _ensemble(scale: Scale, measured: Measured) -> StagePlan:
    does = f"{scale.config.ensemble.method} of {count(scale.n_heads, 'head')}"
    left = labels_bytes(scale.n_images, 1)
    seconds, memory = (
        measured.ensemble.at(scale.n_images),
        float(VOTE * scale.n_images * scale.n_heads),
    )
    return StagePlan("ensemble", does, seconds, float(memory), left, "labels of all heads")


def _self_train(scale: Scale, measured: Measured) -> StagePlan:
    config, n = scale.config.self_train, scale.n_images
    iterations, n_kinds = required(config.iterations), len(scale.tokens)
    share = -(-n_kinds // scale.n_processes) / n_kinds
    n_bytes = n * scale.token_width * scale.itemsize
    is_on_disk = scale.is_on_disk(n_bytes)
    drawn = iterations * required(config.batch_size) * scale.token_width * scale.itemsize
    parts = {
        "iterations": share * iterations * measured.iteration,
        "each image once": n * measured.labelling,
        "reading the disk": (n_bytes + is_on_disk * drawn) / measured.bytes_per_second,
    }
    n_classifiers = n_kinds * len(config.learning_rates)
    does = f"{count(n_classifiers, 'classifier')}, {iterations:,} iterations"
    return StagePlan(
        "self-train",
        does + (", features on disk" if is_on_disk else ""),
        sum(parts.values()),
        scale.paths + (0 if is_on_disk else n_bytes),
        n * (scale.path_length + LABEL_COLUMNS) + SINGLE * scale.token_width * scale.n_clusters,
        _largest(parts),
    )


def _evaluate(scale: Scale, measured: Measured) -> StagePlan:
    n, restarts = scale.n_images, required(scale.config.evaluate.kmeans_restarts)
    n_bytes, sample = SINGLE * n * scale.width, SAMPLE_PER_CLUSTER * scale.n_clusters
    is_on_disk = scale.is_on_disk(n_bytes)
    fitted = n
    if is_on_disk:
        fitted = min(n, max(sample, FROM_DISK))
    elif n * scale.width * scale.n_clusters > LONG_KMEANS:
        fitted = min(n, sample)
    parts = {
        "k-means": restarts * measured.kmeans.at(fitted),
        "each image once": n * measured.assigning,
        "reading the disk": n_bytes / measured.bytes_per_second,
    }
    memory = SINGLE * fitted * scale.width + (0 if is_on_disk else n_bytes)
    does = f"k-means of {count(fitted, 'image')}, and all figures"
    return StagePlan("evaluate", does, sum(parts.values()), memory, 0.0, _largest(parts))
