"""Simulated features, of any number of images, a chunk at a time."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.simulated.classes import FITTED, Classes, Geometry, make_classes
from ucls.cache import atomic_write
from ucls.errors import UsageError
from ucls.progress import Advance, ignore_progress

Float32 = npt.NDArray[np.float32]

IMAGES_PER_BLOCK = 1024
IMAGES_PER_WRITE = 8 * IMAGES_PER_BLOCK
MIXED_POWER = 3  # of a uniform number is the twin's share in a mixed image: mostly a little
STREAMS = {"classes": 0, "embedding": 1, "labels": 2, "train": 3, "val": 4}  # parts of seeds
TOLD = ("n_images", "n_classes", "n_features", "seed")


@dataclass(frozen=True)
class SimulatedFeatures:
    """N images of C classes with D features and the geometry of real ones, made when read.

    Images are drawn in blocks, each with a seed of its own, so that a row is the same whatever is
    read with it or before it. ``val`` has other images of the same classes than ``train``.
    """

    n_images: int
    n_classes: int
    n_features: int = 2048
    seed: int = 0
    split: Literal["train", "val"] = "train"
    geometry: Geometry = FITTED

    def __post_init__(self) -> None:
        if not 2 <= self.n_classes <= self.n_images or self.n_features < 2:
            raise UsageError(
                "expected at least 2 classes, as many images, and 2 features, got "
                f"{self.n_classes} classes, {self.n_images} images and {self.n_features} features: "
                "change one of them"
            )

    @property
    def n_dims(self) -> int:
        """Dimensions that the features fill; the rest of D is an embedding."""
        return min(self.n_features, self.geometry.n_dims(self.n_classes))

    @cached_property
    def labels(self) -> npt.NDArray[np.int32]:
        """The class of each image, int32 [N]; classes are equally large, but for rounding."""
        balanced = np.arange(self.n_images, dtype=np.int32) % self.n_classes
        return self._rng("labels", STREAMS[self.split]).permutation(balanced)

    def chunk(self, rows: slice | npt.NDArray[np.integer[Any]]) -> Float32:
        """Features of n images, float32 [n, D], as long as a layer norm leaves them: sqrt(D)."""
        wanted = np.arange(self.n_images)[rows]
        blocks = wanted // IMAGES_PER_BLOCK
        features = np.empty((len(wanted), self.n_features), dtype=np.float32)
        for block in np.unique(blocks):
            here = blocks == block
            features[here] = self._block(int(block))[wanted[here] % IMAGES_PER_BLOCK]
        return features

    def _rng(self, stream: str, number: int = 0) -> np.random.Generator:
        return np.random.Generator(np.random.SFC64([self.seed, STREAMS[stream], number]))

    @cached_property
    def _classes(self) -> Classes:
        rng = self._rng("classes")
        return make_classes(self.geometry, self.n_classes, n_dims=self.n_dims, rng=rng)

    @cached_property
    def _embedding(self) -> Float32:
        """[dimensions, D]: keeps angles, and makes unit vectors sqrt(D) long."""
        drawn = self._rng("embedding").standard_normal((self.n_features, self.n_dims))
        orthonormal = np.linalg.qr(drawn)[0].T
        return np.ascontiguousarray(orthonormal * self.n_features**0.5, dtype=np.float32)

    def _block(self, block: int) -> Float32:
        """The features of all images of a block."""
        start = block * IMAGES_PER_BLOCK
        labels = self.labels[start : start + IMAGES_PER_BLOCK]
        rng = self._rng(self.split, block)
        features: Float32 = draw_images(self._classes, labels, self.geometry, rng) @ self._embedding
        return features


def draw_images(
    classes: Classes, labels: npt.NDArray[np.int32], geometry: Geometry, rng: np.random.Generator
) -> Float32:
    """Draws an image for each of n labels, as a unit vector, float32 [n, dimensions]."""
    n_images, n_dims = len(labels), classes.centres.shape[1]
    logits = np.log(classes.purity / (1 - classes.purity))[labels]
    logits += geometry.purity_spread * rng.standard_normal(n_images)
    purity = (1 / (1 + np.exp(-logits))).astype(np.float32)[:, None]
    twins = classes.twins[labels]
    is_mixed = rng.random(n_images) < geometry.mixed
    drawn = rng.random(n_images) ** MIXED_POWER
    twin_share = np.where(is_mixed, drawn, 0).astype(np.float32)[:, None]
    centres = (1 - twin_share) * classes.centres[labels] + twin_share * classes.centres[twins]
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    shown = np.where(rng.random(n_images) < twin_share[:, 0], twins, labels)
    modes = classes.modes[shown, rng.integers(geometry.n_modes, size=n_images)]
    noise = rng.standard_normal((n_images, n_dims), dtype=np.float32) / np.float32(n_dims**0.5)
    share = np.float32(geometry.mode_share)
    rest = np.sqrt(share) * modes + np.sqrt(1 - share) * noise
    images: Float32 = np.sqrt(purity) * centres + np.sqrt(1 - purity) * rest
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    return images


def write_simulated(
    path: Path, made: SimulatedFeatures, *, advance: Advance = ignore_progress
) -> None:
    """Writes features (float16) and labels as a source for ``ucls run``; the file ends in .h5."""
    import h5py

    if path.suffix != ".h5":
        raise UsageError(f"expected a file that ends in .h5, got {path}: rename it")
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        file.attrs["simulated"] = json.dumps(asdict(made))
        file["labels"] = made.labels
        shape = (made.n_images, made.n_features)
        features = file.create_dataset("features", shape, dtype=np.float16)
        for start in range(0, made.n_images, IMAGES_PER_WRITE):
            rows = slice(start, min(start + IMAGES_PER_WRITE, made.n_images))
            features[rows] = made.chunk(rows).astype(np.float16)
            advance(rows.stop - rows.start)


def how_simulated(path: Path) -> str:
    """What a file that is simulated was made with, as text; empty for all others."""
    import h5py

    if path.suffix != ".h5":
        return ""
    with h5py.File(path) as file:
        made = json.loads(file.attrs.get("simulated", "{}"))
    return _tell(made) if made else ""


def tell(made: SimulatedFeatures) -> str:
    """What features are made with, as text."""
    return _tell(asdict(made))


def _tell(made: dict[str, Any]) -> str:
    return ", ".join(f"{name} {made[name]:,}" for name in TOLD)


def is_simulated(path: Path) -> bool:
    """Whether a file holds what :func:`write_simulated` wrote."""
    try:
        return bool(how_simulated(path))
    except OSError:
        return False
