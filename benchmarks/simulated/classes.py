"""Where the simulated classes lie: a few numbers, fitted to thesis table 6.16, and directions."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

BACKGROUND_LEVEL = 0.25  # similarity to an image without purity
CLASSES_PER_FAMILY = 4
FEWEST_DIMS = 16
GOLDEN_RATIO = (1 + 5**0.5) / 2


@dataclass(frozen=True)
class Geometry:
    """How classes lie on the sphere.

    The purity of an image is the share of its squared length that lies along its class: two images
    of one class have the root of the product of their purities as cosine similarity, on average.
    """

    loosest: float  # purity of the loosest class, in 0..1
    purest: float  # and of the purest
    purity_skew: float  # 1 spreads the classes evenly between both; above 1, more are loose
    purity_spread: float  # standard deviation over a class, of the logit of purity
    twin_similarity: float  # cosine of the centres of two twins: classes come in pairs
    family_similarity: float  # of other classes of a family, which has two pairs
    mixed: float  # share of the images that show their class's twin as well
    mode_share: float  # of what is no purity, in common with others of a mode: portraits, packs
    background: float  # images of unrelated classes above the level, over the size of a class
    n_modes: int = 16

    def n_dims(self, n_classes: int) -> int:
        """Dimensions that features need, which is the smallest D that the fit holds for.

        The noise of two images has a cosine of standard deviation 1/sqrt(dimensions). So that
        unrelated classes play the same part however many there are, their number decides.
        """
        share = min(self.background / max(n_classes - 1, 1), 0.25)
        deviations = NormalDist().inv_cdf(1 - share)
        return max(FEWEST_DIMS, round((deviations / BACKGROUND_LEVEL) ** 2))


FITTED = Geometry(
    loosest=0.0476, purest=0.901, purity_skew=0.924, purity_spread=0.546, twin_similarity=0.627,
    family_similarity=0.253, mixed=0.069, mode_share=0.39, background=0.0225,
)  # fmt: skip
"""Found by the Nelder-Mead method, begun again from its own results: they minimise the mean eighth
power of :attr:`benchmarks.simulated.check.Comparison.excess` over features of 10, 100 and 200
classes. Those of later fits were better on small sets, and worse on sets of the thesis's size."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes: ``purity`` [C] in 0..1, unit ``centres`` [C, dims], ``modes`` [C, M, dims].

    ``twins`` [C] are the classes that each is easily taken for; without one, the class itself.
    """

    purity: Float64
    centres: Float32
    modes: Float32
    twins: npt.NDArray[np.int64]


def make_classes(
    geometry: Geometry, n_classes: int, *, n_dims: int, rng: np.random.Generator
) -> Classes:
    """Places the classes: twins side by side, pairs of twins in families, families anywhere."""
    numbers = np.arange(n_classes)
    shape = (n_classes, geometry.n_modes, n_dims)
    return Classes(
        purity=class_purities(geometry, n_classes),
        centres=_place_centres(geometry, n_classes, n_dims=n_dims, rng=rng),
        modes=rng.standard_normal(shape, dtype=np.float32) / np.float32(n_dims**0.5),
        twins=np.where(numbers ^ 1 < n_classes, numbers ^ 1, numbers),
    )


def class_purities(geometry: Geometry, n_classes: int) -> Float64:
    """The purity of each class, float64 [C], the same for every seed.

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
    centres: Float64 = (
        family**0.5 * of_families[families]
        + (twin - family) ** 0.5 * of_pairs[pairs]
        + (1 - twin) ** 0.5 * own
    )
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return centres.astype(np.float32)


def _spread_out(n_vectors: int, n_dims: int, rng: np.random.Generator) -> Float64:
    """Unit vectors [n, dimensions], orthogonal to each other if there is room, else nearly so."""
    drawn = rng.standard_normal((n_vectors, n_dims))
    vectors = np.linalg.qr(drawn.T)[0].T if n_vectors <= n_dims else np.linalg.qr(drawn)[0]
    spread: Float64 = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return spread
