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


@pytest.mark.parametrize("seed", range(3))
def test_one_round_cloud_is_one_cluster(seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(600, 32)).astype(np.float32)
    assert suggest_n_clusters(rows, seed=seed).n_clusters == 1


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
    signs = (Signs(2, 0.05, 9.0), Signs(5, 0.4, 12.0), Signs(8, 0.06, 10.0))
    found = choose(signs, second_mode=0.9)
    assert (found.n_clusters, found.how_sure, found.next_best) == (5, "clear", (8, 2))


def test_without_one_the_short_codes_are_told_apart_by_their_gaps() -> None:
    signs = (Signs(2, 0.1, 12.0), Signs(9, 0.02, 9.0), Signs(10, 0.05, 9.1), Signs(30, 0.06, 11.0))
    found = choose(signs, second_mode=0.9)
    assert (found.n_clusters, found.how_sure, found.next_best) == (10, "likely", (9, 2, 30))
    close = tuple(one._replace(gap=0.03) if one.n_clusters == 9 else one for one in signs)
    assert choose(close, second_mode=0.9).how_sure == "unsure"


def test_where_nothing_keeps_a_walk_there_is_one_cluster() -> None:
    signs = (Signs(2, 0.01, 9.0), Signs(3, 0.02, 8.0))
    assert choose(signs, second_mode=0.3).n_clusters == 1
