import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from ucls.counting import N_STEPS, suggest_n_clusters
from ucls.counting.suggestion import Signs, choose
from ucls.errors import UsageError


def directions(n_images: int, n_classes: int, seed: int) -> NDArray[np.float32]:
    """Classes of equal size around directions of their own, in 64 dimensions."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_classes, 64)) / 8
    rows = centres[np.arange(n_images) % n_classes] + 0.07 * rng.normal(size=(n_images, 64))
    return (rows - rows.mean(axis=0)).astype(np.float32)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("n_images", "n_classes"), [(400, 2), (600, 10), pytest.param(1500, 40, marks=pytest.mark.slow)]
)
def test_separate_classes_are_counted(n_images: int, n_classes: int, seed: int) -> None:
    found = suggest_n_clusters(directions(n_images, n_classes, seed), seed=seed)
    assert found.n_clusters == n_classes
    assert found.how_sure == "clear"
    assert n_classes not in found.next_best


@pytest.mark.parametrize(
    "shape",
    [
        "round",
        *(pytest.param(shape, marks=pytest.mark.slow) for shape in ("in few directions", "square")),
        "long",
        pytest.param("heavy tails", marks=pytest.mark.slow),
    ],
)
def test_one_cloud_of_any_shape_is_one_cluster(shape: str) -> None:
    rng = np.random.default_rng(3)
    rows = {
        "round": rng.normal(size=(600, 32)),
        "in few directions": rng.normal(size=(500, 5)),
        "long": rng.normal(size=(600, 16)) * np.r_[10, 3, np.ones(14)],
        "square": rng.uniform(-1, 1, size=(600, 4)),
        "heavy tails": rng.standard_t(3, size=(600, 24)),
    }[shape]
    assert suggest_n_clusters(rows.astype(np.float32)).n_clusters == 1


@pytest.mark.slow
def test_handwritten_digits_are_about_ten() -> None:
    digits = load_digits().data.astype(np.float32)
    unit = digits / np.linalg.norm(digits, axis=1, keepdims=True)
    found = suggest_n_clusters(unit - unit.mean(axis=0))
    assert 9 <= found.n_clusters <= 11
    assert found == suggest_n_clusters(unit - unit.mean(axis=0))
    assert [one.n_clusters for one in found.signs] == sorted(
        {one.n_clusters for one in found.signs}
    )


def test_steps_are_told() -> None:
    told: list[int] = []
    suggest_n_clusters(directions(100, 3, 0), advance=lambda amount=1, /, **_: told.append(amount))
    assert sum(told) == N_STEPS


def test_too_few_images_are_refused() -> None:
    with pytest.raises(
        UsageError, match=r"how many clusters\? 19 images are too few .*pass -k NUMBER"
    ):
        suggest_n_clusters(directions(19, 3, 0))


def test_a_clear_gap_decides() -> None:
    signs = (Signs(2, 0.05, 0.1, 9.0), Signs(5, 0.4, 0.0, 12.0), Signs(8, 0.06, 0.0, 10.0))
    found = choose(signs, pace=0.1)
    assert (found.n_clusters, found.how_sure, found.next_best) == (5, "clear", (8, 2))


def test_without_one_the_short_codes_are_told_apart_by_what_is_beyond_clouds() -> None:
    signs = (
        Signs(2, 0.1, 0.03, 12.0),
        Signs(9, 0.05, -0.01, 9.0),
        Signs(10, 0.02, 0.02, 9.1),
        Signs(30, 0.06, 0.04, 11.0),
    )
    found = choose(signs, pace=0.1)
    assert (found.n_clusters, found.how_sure, found.next_best) == (10, "likely", (9, 2, 30))
    close = tuple(one._replace(beyond=0.015) if one.n_clusters == 9 else one for one in signs)
    assert choose(close, pace=0.1).how_sure == "unsure"
    common = tuple(
        one._replace(beyond=-0.01, of_clouds=0.05) if one.n_clusters == 9 else one for one in signs
    )
    assert choose(common, pace=0.1).n_clusters == 9
    below = tuple(one._replace(beyond=-0.03) for one in signs)
    assert choose(below, pace=0.1).how_sure == "unsure"


def test_of_more_clusters_than_are_compared_gaps_decide() -> None:
    signs = (Signs(60, 0.03, 0.04, 9.1), Signs(90, 0.01, None, 9.0), Signs(120, 0.05, None, 9.1))
    assert choose(signs, pace=0.1).n_clusters == 120
    fewer = (signs[0], signs[1]._replace(coding_length=9.2), signs[2])
    assert choose(fewer, pace=0.1).n_clusters == 60


@pytest.mark.parametrize(
    ("pace", "beyond", "gap", "number"),
    [(0.6, 0.04, 0.02, 1), (0.6, 0.04, 0.2, 1), (0.3, 0.04, 0.02, 3), (0.6, 0.06, 0.02, 3)],
)
def test_clouds_are_one_cluster_unless_a_gap_stands_out(
    pace: float, beyond: float, gap: float, number: int
) -> None:
    signs = (Signs(2, 0.01, 0.0, 9.0), Signs(3, gap, beyond, 8.0))
    assert choose(signs, pace=pace).n_clusters == number


def test_many_clear_clusters_are_no_cloud() -> None:
    signs = (Signs(2, 0.01, 0.0, 9.0), Signs(100, 0.3, None, 8.0))
    assert choose(signs, pace=0.6).n_clusters == 100
