"""Where the simulated classes lie, before any image is drawn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.simulated.geometry import CLASSES_PER_FAMILY, Geometry

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

GOLDEN_RATIO = (1 + 5**0.5) / 2


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes of simulated features.

    Attributes:
        purity: mean share of an image that lies along its class, in 0..1, float64 [C].
        centres: unit vectors, float32 [C, dimensions].
        modes: about unit vectors, float32 [C, modes, dimensions].
        twins: the class that each is easily taken for, int64 [C]; without one, the class itself.
    """

    purity: Float64
    centres: Float32
    modes: Float32
    twins: npt.NDArray[np.int64]


def make_classes(
    geometry: Geometry, n_classes: int, *, n_dims: int, rng: np.random.Generator
) -> Classes:
    """Places the classes: twins side by side, pairs of twins in families, families anywhere.

    The directions, of C classes in a space of so many dimensions, are drawn; purities are the same
    for every seed.
    """
    numbers = np.arange(n_classes)
    twins = np.where(numbers ^ 1 < n_classes, numbers ^ 1, numbers)
    shape = (n_classes, geometry.n_modes, n_dims)
    return Classes(
        purity=class_purities(geometry, n_classes),
        centres=_place_centres(geometry, n_classes, n_dims=n_dims, rng=rng),
        modes=rng.standard_normal(shape, dtype=np.float32) / np.float32(n_dims**0.5),
        twins=twins,
    )


def class_purities(geometry: Geometry, n_classes: int) -> Float64:
    """The purity of each class, float64 [C].

    Evenly spaced quantiles, so that few classes have the same figures as many. Twins are alike, and
    families hold pure and loose classes: multiples of the golden ratio keep neighbours apart.
    """
    pairs = np.arange(-(-n_classes // 2))
    ranks = np.argsort(np.argsort((pairs + 0.5) * GOLDEN_RATIO % 1))
    places = np.stack([2 * ranks, 2 * ranks + 1], axis=1).ravel()[:n_classes]
    quantiles = (np.argsort(np.argsort(places)) + 0.5) / n_classes
    span = geometry.purest - geometry.loosest
    purities: Float64 = geometry.loosest + span * quantiles**geometry.purity_skew
    return purities


def _place_centres(
    geometry: Geometry, n_classes: int, *, n_dims: int, rng: np.random.Generator
) -> Float32:
    """Unit vectors [C, dimensions]: each a sum of its family's, its pair's and its own one."""
    numbers = np.arange(n_classes)
    pairs, families = numbers // 2, numbers // CLASSES_PER_FAMILY
    n_pairs, n_families = pairs[-1] + 1, families[-1] + 1
    vectors = _spread_out(n_classes + n_pairs + n_families, n_dims, rng)
    own, of_pairs, of_families = np.split(vectors, [n_classes, n_classes + n_pairs])
    family, twin = geometry.family_similarity, geometry.twin_similarity
    centres = (
        family**0.5 * of_families[families]
        + (twin - family) ** 0.5 * of_pairs[pairs]
        + (1 - twin) ** 0.5 * own
    )
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return centres.astype(np.float32)


def _spread_out(n_vectors: int, n_dims: int, rng: np.random.Generator) -> Float64:
    """Unit vectors [n, dimensions], orthogonal to each other if there is room, else nearly so."""
    drawn = rng.standard_normal((n_vectors, n_dims))
    if n_vectors <= n_dims:
        return np.linalg.qr(drawn.T)[0].T
    vectors = np.linalg.qr(drawn)[0]
    spread: Float64 = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return spread
