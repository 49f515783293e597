"""Finds the geometry that meets thesis table 6.16, by the Nelder-Mead method.

The figures hardly depend on the number of images per class, so that small sets serve; sets of few
and of many classes are fitted together, for one geometry to hold for all of them.

Run: python -m benchmarks.simulated.fit
"""

import argparse
from dataclasses import asdict, replace

import numpy as np
import numpy.typing as npt

from benchmarks.machine import describe_machine
from benchmarks.simulated.check import check
from benchmarks.simulated.features import SimulatedFeatures
from benchmarks.simulated.geometry import FITTED, Geometry

SETS = ((25_700, 100), (12_850, 10), (51_400, 200))
"""Numbers of images and classes."""
N_QUERIES = 2_000
POWER = 8
"""Of the differences in the loss; a high one counts hardly any but the largest."""
FIRST_STEP = 0.15
POSITIVE = ("purity_skew", "purity_spread")
SHARES = (
    "loosest", "purest", "twin_similarity", "family_similarity", "mixed", "mode_share", "background"
)  # fmt: skip

Vector = npt.NDArray[np.float64]


def loss(geometry: Geometry, *, seed: int = 0) -> float:
    """How far simulated features are from table 6.16, over all sets.

    The mean ``POWER``-th power of all differences, as shares of their bounds.

    Args:
        geometry: to be judged.
        seed: of the features; sets have seeds one after the other.
    """
    excess = [
        row.excess
        for number, (n_images, n_classes) in enumerate(SETS, seed)
        for row in check(
            SimulatedFeatures(
                n_images, n_classes, geometry.n_dims(n_classes), number, geometry=geometry
            ),
            n_queries=N_QUERIES,
        )
    ]
    return float(np.mean(np.power(excess, POWER)))


def to_vector(geometry: Geometry) -> Vector:
    """What is fitted, as numbers without bounds."""
    values = asdict(geometry)
    positive = [np.log(values[name]) for name in POSITIVE]
    shares = [np.log(values[name] / (1 - values[name])) for name in SHARES]
    return np.array(positive + shares)


def from_vector(vector: Vector) -> Geometry:
    """The inverse of :func:`to_vector`; twins are at least as similar as families."""
    positive, shares = np.split(vector, [len(POSITIVE)])
    values = dict(zip(POSITIVE, np.exp(positive), strict=True))
    values |= dict(zip(SHARES, 1 / (1 + np.exp(-shares)), strict=True))
    values["twin_similarity"] = max(values["twin_similarity"], values["family_similarity"])
    return replace(FITTED, **{name: float(value) for name, value in values.items()})


def fit(start: Geometry, *, n_evaluations: int, seed: int = 0) -> Geometry:
    """Fits a geometry, and prints each that is better than those before it.

    Args:
        start: where to begin.
        n_evaluations: geometries that are tried.
        seed: see :func:`loss`.
    """
    from scipy.optimize import minimize

    best = np.inf

    def measure(vector: Vector) -> float:
        nonlocal best
        geometry = from_vector(vector)
        found = loss(geometry, seed=seed)
        if found < best:
            best = found
            print(f"{found:.4f} {geometry}", flush=True)
        return found

    first = to_vector(start)
    simplex = np.vstack([first, first + FIRST_STEP * np.eye(len(first))])
    options = {"maxfev": n_evaluations, "initial_simplex": simplex, "adaptive": True}
    return from_vector(minimize(measure, first, method="Nelder-Mead", options=options).x)


def main() -> None:
    """Prints the fitted geometry."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(describe_machine("numpy", "scipy"))
    print(fit(FITTED, n_evaluations=args.evaluations, seed=args.seed))


if __name__ == "__main__":
    main()
