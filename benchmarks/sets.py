"""Labelled sets that are made here, without a download; each is always the same."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.config import Config
from ucls.datasets.mnist import read_idx
from ucls.errors import UsageError
from ucls.pipeline import start
from ucls.runs.labels import known_labels
from ucls.runs.resolve import ExtractedData
from ucls.sources import Source, load_source

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]
Made = dict[str, Any]
"""``features`` [N, D] and ``labels`` [N], as a feature file has them."""


class LabelledSet(NamedTuple):
    """The training images of a source."""

    source: Source
    features: Features
    labels: Labels
    n_classes: int
    extracted: ExtractedData


Opener = Callable[[Path], Source]
"""Opens a source, with a folder for its file and its cache if it needs them."""

FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist leaves it."""


def sheets(n_images: int = 6000, width: int = 256, n_clusters: int = 30) -> Made:
    """Each class a curved sheet of its own, of sizes from 20 to 1.

    Rectified random mixtures, unlike the directions of :func:`sphere`.
    """
    rng = np.random.default_rng(7)
    sizes = geometric_sizes(n_images, n_clusters, 20.0)
    labels = rng.permutation(np.repeat(np.arange(n_clusters), sizes)).astype(np.int32)
    centres = 0.8 * rng.normal(size=(n_clusters, width))
    directions = rng.normal(size=(n_clusters, 8, width))
    curved = _spread(np.tanh(2.0 * rng.normal(size=(n_images, 8))), directions[labels]) / 8**0.5
    features = centres[labels] + 1.6 * curved + 1.2 * rng.normal(size=(n_images, width))
    return _made(np.maximum(features, -0.2), labels)


def sphere(ratio: float, *, n_images: int = 6000, width: int = 256, n_clusters: int = 30) -> Made:
    """Directions on a sphere, far from the origin, as some backbones leave their features.

    Each class is wider in ten directions of its own; of every six the second leans on the first.
    All are moved along one direction, along which they also vary together, so that cosines with
    the origin tell little. The classes are the same for every ratio.

    Args:
        ratio: the largest class over the least.
        n_images: N.
        width: D.
        n_clusters: C.
    """
    rng = np.random.default_rng(0)
    centres = _unit(rng.normal(size=(n_clusters, width)))
    leaning = np.arange(1, n_clusters, 6)
    centres[leaning] = _unit(centres[leaning - 1] + 0.6 * centres[leaning])
    own = rng.normal(size=(n_clusters, 10, width)) / width**0.5
    common = _unit(rng.normal(size=(1, width)))
    sizes = geometric_sizes(n_images, n_clusters, ratio)
    labels = rng.permutation(np.repeat(np.arange(n_clusters), sizes)).astype(np.int32)
    within = 0.45 * _spread(rng.normal(size=(n_images, 10)), own[labels])
    noise = rng.normal(size=(n_images, width)) / width**0.5
    directions = _unit(centres[labels] + 0.75 * (within + noise))
    return _made(directions + common * (0.8 + 0.2 * rng.normal(size=(n_images, 1))), labels)


def blobs(n_images: int, *, noise: float, width: int = 32, n_clusters: int = 5) -> Made:
    """Equal round blobs, each a distance of the square root of 2 from every other.

    Args:
        n_images: N.
        noise: deviation of each feature.
        width: D.
        n_clusters: C.
    """
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(n_images) % n_clusters).astype(np.int32)
    # In no axis of the features, so that scaling these neither helps nor harms.
    centres = np.linalg.qr(rng.normal(size=(width, n_clusters)))[0].T
    return _made(centres[labels] + noise * rng.normal(size=(n_images, width)), labels)


def fashion() -> Made:
    """The test images of Fashion-MNIST as pixels in 0..1."""
    images, labels = (
        read_idx(FASHION / f"t10k-{name}-ubyte") for name in ("images-idx3", "labels-idx1")
    )
    return _made(images.reshape(len(images), -1) / 255, labels)


def geometric_sizes(n_images: int, n_classes: int, ratio: float) -> npt.NDArray[np.int64]:
    """Class sizes that fall evenly to 1 / ratio of the largest, and add up to N."""
    shares = np.geomspace(ratio, 1, n_classes)
    sizes: npt.NDArray[np.int64] = np.round(n_images * shares / shares.sum()).astype(np.int64)
    sizes = np.maximum(sizes, 1)
    sizes[0] += n_images - sizes.sum()
    return sizes


def thinned_rows(labels: Labels, *, ratio: float, seed: int = 0) -> npt.NDArray[np.int64]:
    """Rows, rising, that leave class sizes falling evenly to 1 / ratio of the largest class."""
    rng = np.random.default_rng(seed)
    n_classes = int(labels.max()) + 1
    kept = []
    for place, label in enumerate(rng.permutation(n_classes)):
        rows = np.flatnonzero(labels == label)
        share = ratio ** -(place / max(n_classes - 1, 1))
        wanted = min(len(rows), max(1, round(len(rows) * share)))
        kept.append(rng.choice(rows, wanted, replace=False))
    return np.sort(np.concatenate(kept))


def read_set(source: Source, folder: Path) -> LabelledSet:
    """Features and labels of the training images, as every method sees them.

    Raises:
        UsageError: if there are no labels to measure against.
    """
    if source.n_classes is None:
        raise UsageError(f"{source.name} has no labels to measure against: give a labelled source")
    config = Config(n_clusters=max(2, source.n_classes))  # also of a single class
    run = start(
        source, out=folder / "features", config=config, cache_dir=folder / "cache", overwrite=True
    )
    with run.features("train") as cache:
        features = cache.read(run.feature_set).astype(np.float32)
    return LabelledSet(source, features, known_labels(run)["train"], run.n_clusters, run.data)


def thinned(source: Source, ratio: float, folder: Path) -> Source:
    """A feature file of a part of a source, with classes from ``ratio`` to 1 in size."""
    whole = read_set(source, folder)
    rows = thinned_rows(whole.labels, ratio=ratio)
    return _stored(_made(whole.features[rows], whole.labels[rows]), folder)


def digits(folder: Path, ratio: float = 1.0) -> Source:
    """The digits of scikit-learn, whole or thinned to classes from ``ratio`` to 1 in size."""
    source = load_source("digits")
    return source if ratio == 1.0 else thinned(source, ratio, folder)


def openers(texts: Iterable[str]) -> dict[str, Opener]:
    """What opens the sources given as ``NAME=SOURCE``, or by a dataset's name alone."""
    given = (text.partition("=") for text in texts)
    return {name: partial(_load, path or name) for name, _, path in given}


def _load(path: str, folder: Path) -> Source:
    return load_source(path)


def _stored(made: Made, folder: Path) -> Source:
    path = folder / f"made-{len(list(folder.glob('made-*')))}.npz"
    np.savez(path, **made)
    return load_source(str(path))


def made_file(make: Callable[[], Made]) -> Opener:
    """What makes a feature file of features and labels that are made here."""
    return lambda folder: _stored(make(), folder)


def sphere_file(ratio: float) -> Opener:
    """What makes a sphere with classes from ``ratio`` to 1 in size."""
    return made_file(partial(sphere, ratio))


def thinner(opener: Opener, ratio: float) -> Opener:
    """What opens a source thinned to classes from ``ratio`` to 1 in size."""
    return lambda folder: thinned(opener(folder), ratio, folder)


SETS: Mapping[str, Opener] = {
    "digits": digits,
    "digits, 3:1": partial(digits, ratio=3.0),
    "digits, 10:1": partial(digits, ratio=10.0),
    "sphere": sphere_file(1.0),
    "sphere, 5:1": sphere_file(5.0),
    "sphere, 20:1": sphere_file(20.0),
    "sheets, 20:1": made_file(sheets),
    "5 blobs of 60": made_file(partial(blobs, 300, noise=0.1)),
    "noisy blobs, 100 images": made_file(partial(blobs, 100, noise=0.29)),
    "noisy blobs, 300 images": made_file(partial(blobs, 300, noise=0.29)),
    "noisy blobs, 1,000 images": made_file(partial(blobs, 1000, noise=0.29)),
    **({"Fashion-MNIST": made_file(fashion)} if FASHION.is_dir() else {}),
}
"""What opens each, by name. Classes are equal where no ratio of the largest to the least is named;
k-means has about 0.97 on the noisy blobs."""
QUICK_SETS = ("digits", "digits, 10:1", "sphere, 20:1", "noisy blobs, 300 images")


def _made(features: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Made:
    return {"features": features.astype(np.float32), "labels": labels.astype(np.int32)}


def _unit(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / lengths)


def _spread(places: npt.NDArray[Any], directions: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each image's place [n, k] along the directions of its class [n, k, d]."""
    return np.asarray(np.einsum("nk,nkd->nd", places, directions))
