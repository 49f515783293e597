"""Steps of every stage, measured on a few images of the source and on made-up ones."""

import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ucls.devices import resolve_device
from ucls.ensemble import consensus
from ucls.errors import UclsError
from ucls.extraction.batch_size import fitting_batch_size
from ucls.extraction.decoding import DecodedBatch, decode_batches
from ucls.extraction.tokens import views_of
from ucls.images.sets import ImageSet
from ucls.merging import merge_heads
from ucls.metrics.baselines import kmeans
from ucls.metrics.lloyd import assign
from ucls.neighbors.approximate import TIMED_IMAGES, IvfSearch, exact_seconds
from ucls.neighbors.made_up import made_up_graph
from ucls.planning.measured import Line, Search, line_of, seconds_of
from ucls.planning.scale import Scale
from ucls.settings.config import required
from ucls.training.linear import self_train
from ucls.types import Labels, Linkage, NeighborGraph

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone

DECODED = 16
"""Images of the source that are decoded, from its first to its last."""
WRITTEN = 2**26
"""Bytes."""
FEWEST = 2**12
"""Made-up images."""
MOST_CLUSTERS = 128
"""Of merging, the consensus and k-means as they are measured; more are carried on to."""
QUERIES = 1024
WRONG = 0.1
"""Share of the images that a made-up head puts into any cluster."""

Features = NDArray[np.float32]


def measure_extraction(
    images: ImageSet, backbones: Sequence["Backbone"], *, n_augmented: int
) -> tuple[float, float]:
    """Seconds to decode an image on one core, and for its forward passes, with all its views.

    Raises:
        UclsError: if none of the images that are tried can be read.
    """
    few = images.of_rows(np.unique(np.linspace(0, len(images) - 1, DECODED).astype(np.int64)))
    decode = forward = 0.0
    for backbone in backbones:
        views = views_of(backbone, n_augmented)
        batches: list[DecodedBatch] = []
        loaded = decode_batches(few, views, start=0, batch_size=len(few))
        decode += seconds_of(partial(batches.extend, loaded)) / len(few)
        pixels = batches[0].pixels
        if pixels is None:
            raise UclsError(
                f"none of {len(few)} images of {images.name} could be read, such as "
                f"{few.paths[0]}: repair them, or leave them out"
            )
        n_read = pixels.shape[1]
        is_gpu = backbone.device.startswith("cuda")
        size = fitting_batch_size(backbone) if is_gpu else n_read
        batch = pixels[0][torch.arange(size) % n_read]
        # The first takes what the others find ready.
        _encode(backbone, batch if is_gpu else batch[:1])
        forward += len(views) * seconds_of(partial(_encode, backbone, batch)) / size
    return decode, forward


def _encode(backbone: "Backbone", pixels: torch.Tensor) -> None:
    backbone.encode(pixels).cls.cpu()


def measure_writing(folder: Path) -> float:
    """Bytes a second that reach the disk of a folder, or of the one above that is there."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    content = np.random.default_rng(0).bytes(WRITTEN)
    with tempfile.TemporaryFile(dir=place, prefix="ucls-plan-") as file:

        def write() -> None:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

        return WRITTEN / seconds_of(write)


def measure_search(scale: Scale) -> tuple[float, Search]:
    """Seconds for a pair of images in exact search, and those of approximate search."""
    features = made_up(TIMED_IMAGES, scale.width, n_clusters=MOST_CLUSTERS)
    device = str(resolve_device(scale.config.device))
    exact_seconds(features[:QUERIES], device)  # the first takes what the others find ready
    pair = exact_seconds(features, device) / len(features) ** 2
    k = min(required(scale.config.neighbors.k), 50)
    found: list[IvfSearch] = []
    build = seconds_of(lambda: found.append(IvfSearch(features, k=k)))
    rows = np.arange(QUERIES)
    query = seconds_of(lambda: [show(slice(None)) for show in found[0].blocks(rows, k)])
    return pair, Search(len(features), build, query / QUERIES)


def measure_self_training(scale: Scale) -> tuple[float, float]:
    """Seconds of an iteration of all classifiers, and of an image once."""
    tokens = made_up(FEWEST, scale.token_width, n_clusters=MOST_CLUSTERS)
    labels = np.arange(FEWEST, dtype=np.int32) % scale.n_clusters

    def train(iterations: int) -> None:
        self_train(
            tokens,
            labels,
            dict(scale.tokens),
            n_clusters=scale.n_clusters,
            config=scale.config.self_train.model_copy(update={"iterations": iterations}),
            device=resolve_device(scale.config.device),
        )

    by_iterations = line_of(train, 1)
    return by_iterations.per_image, by_iterations.fixed / FEWEST


def measure_consensus(scale: Scale) -> tuple[Line, Line]:
    """Seconds to merge the clusters of all heads, and for their consensus."""
    n_clusters = min(scale.n_clusters, MOST_CLUSTERS)
    sizes = [round(times * n_clusters) for times in required(scale.config.train.scales)]
    head_clusters = [size for size in sizes for _ in range(scale.n_networks)]
    linkage: Linkage | Literal["auto", "none"] = required(scale.config.merge.linkage)
    k = required(scale.config.neighbors.k)
    graph_of = partial(_graph_of_clusters, n_clusters=n_clusters, k=k)

    def merge(n_images: int) -> None:
        if linkage != "none":
            merge_heads(
                made_up_labels(n_images, head_clusters),
                graph_of(n_images),
                n_clusters,
                head_clusters=head_clusters,
                linkage=linkage,
            )

    def combine(n_images: int) -> None:
        labels = made_up_labels(n_images, [n_clusters] * len(head_clusters))
        consensus(labels, n_clusters, method=scale.config.ensemble.method)

    fewest = max(FEWEST, 4 * max(sizes))
    # What does not grow with the images compares clusters with one another.
    beyond = (scale.n_clusters / n_clusters) ** 2
    merging, combining = line_of(merge, fewest), line_of(combine, fewest)
    return (
        merging._replace(fixed=merging.fixed * beyond),
        combining._replace(fixed=combining.fixed * beyond),
    )


def _graph_of_clusters(n_images: int, *, n_clusters: int, k: int) -> NeighborGraph:
    """A graph of images whose neighbours are of their cluster."""
    images = np.arange(n_images)[:, None] + n_clusters * np.arange(1, k + 1)
    return made_up_graph((images % n_images).astype(np.int32))


def measure_kmeans(scale: Scale) -> tuple[Line, float]:
    """Seconds of one fit of k-means, and for an image to be given to its nearest centre."""
    n_clusters = min(scale.n_clusters, MOST_CLUSTERS)
    beyond = scale.n_clusters / n_clusters
    fewest = max(FEWEST, 4 * n_clusters)
    features = made_up(2 * fewest, scale.width, n_clusters=n_clusters)
    device = resolve_device(scale.config.device)

    def fit(n_images: int) -> None:
        kmeans({"train": features[:n_images]}, n_clusters=n_clusters, restarts=1, device=device)

    line = line_of(fit, fewest)
    rows = torch.from_numpy(features[:fewest]).to(device)
    centres = rows[:n_clusters]
    seconds = seconds_of(partial(assign, rows, centres))
    return Line(line.fixed * beyond, line.per_image * beyond), seconds * beyond / fewest


def made_up(n_images: int, width: int, *, n_clusters: int) -> Features:
    """Features [N, D] in clusters that overlap."""
    generator = np.random.default_rng(0)
    centres = generator.standard_normal((n_clusters, width), np.float32)
    features = generator.standard_normal((n_images, width), np.float32)
    features += centres[np.arange(n_images) % n_clusters]
    return features


def made_up_labels(n_images: int, head_clusters: Sequence[int]) -> Labels:
    """Labels [H, N] of heads that agree on most images."""
    generator = np.random.default_rng(0)
    labels = np.arange(n_images) % np.array(head_clusters)[:, None]
    drawn = generator.integers(np.array(head_clusters)[:, None], size=labels.shape)
    is_wrong = generator.random(labels.shape) < WRONG
    return np.where(is_wrong, drawn, labels).astype(np.int32)
