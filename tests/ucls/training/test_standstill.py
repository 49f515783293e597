from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from ucls.training.standstill import (
    AGREEMENT_CHANGE,
    CHECKS,
    LOSS_CHANGE,
    PATIENCE,
    Look,
    head_agreement,
    interval,
    stands_still,
)

all_seeds = pytest.mark.parametrize("seed", range(3))


def looks(losses: Sequence[float], agreements: Sequence[float] | None = None) -> list[Look]:
    same = [0.5] * len(losses)
    return [Look(*pair) for pair in zip(losses, agreements or same, strict=True)]


def random_labels(seed: int, n_heads: int, n_images: int, n_clusters: int) -> np.ndarray:
    labels = np.random.default_rng(seed).integers(n_clusters, size=(n_heads, n_images))
    return labels.astype(np.int32)


@pytest.mark.parametrize(
    ("n_epochs", "epochs"), [(1, 1), (19, 1), (20, 1), (39, 1), (40, 2), (100, 5), (410, 20)]
)
def test_the_epochs_between_two_looks(n_epochs: int, epochs: int) -> None:
    assert interval(n_epochs) == epochs


@pytest.mark.parametrize("n_epochs", [20, 37, 100, 399, 1000])
def test_a_training_is_looked_at_often_enough(n_epochs: int) -> None:
    assert CHECKS <= n_epochs // interval(n_epochs) < 2 * CHECKS


@all_seeds
def test_agreement_is_the_mean_nmi_of_each_head_with_the_next(seed: int) -> None:
    labels = random_labels(seed, 4, 60, 3)
    expected = [
        normalized_mutual_info_score(labels[i], labels[(i + 1) % 4]) for i in range(len(labels))
    ]
    assert head_agreement(labels) == pytest.approx(np.mean(expected))


@all_seeds
def test_heads_agree_fully_whatever_they_call_their_clusters(seed: int) -> None:
    (labels,), rng = random_labels(seed, 1, 60, 5), np.random.default_rng(seed)
    renamed = np.stack([rng.permutation(5)[labels] for _ in range(3)]).astype(np.int32)
    assert head_agreement(renamed) == pytest.approx(1.0)


@all_seeds
def test_heads_that_know_nothing_of_each_other_do_not_agree(seed: int) -> None:
    assert head_agreement(random_labels(seed, 4, 4000, 5)) < 0.02


def test_a_training_stands_still_only_after_enough_looks() -> None:
    assert not stands_still([])
    for n_looks in range(1, PATIENCE + 4):
        assert stands_still(looks([1.0] * n_looks)) == (n_looks > PATIENCE)


@all_seeds
def test_a_training_that_has_settled_stands_still(seed: int) -> None:
    rng = np.random.default_rng(seed)
    falling, rising = rng.uniform(1.0, 9.0, 5).tolist(), rng.uniform(0.0, 0.5, 5).tolist()
    settled = 0.25 * AGREEMENT_CHANGE
    losses = falling + (0.5 + rng.uniform(-settled, settled, PATIENCE + 1)).tolist()
    agreements = rising + (0.9 + rng.uniform(-settled, settled, PATIENCE + 1)).tolist()
    losses[0] = 9.0
    assert stands_still(looks(losses, agreements))
    assert not stands_still(looks(losses[:-1], agreements[:-1]))


@pytest.mark.parametrize("moved", range(PATIENCE + 1))
@pytest.mark.parametrize("change", [-1.0, 1.0])
def test_any_recent_move_counts(moved: int, change: float) -> None:
    losses, agreements = [5.0, *[1.0] * (PATIENCE + 1)], [0.2, *[0.8] * (PATIENCE + 1)]
    assert stands_still(looks(losses, agreements))
    for values, step in ((losses, 0.09), (agreements, 0.003)):
        before = values[1 + moved]
        values[1 + moved] += change * step
        assert not stands_still(looks(losses, agreements))
        values[1 + moved] = before


def test_moves_before_the_last_looks_do_not_count() -> None:
    losses = [5.0, 0.0, 9.0, *[1.0] * (PATIENCE + 1)]
    agreements = [0.0, 1.0, 0.3, *[0.8] * (PATIENCE + 1)]
    assert stands_still(looks(losses, agreements))


@pytest.mark.parametrize("start", [3.0, 1.5, -4.0])
def test_the_loss_is_measured_by_how_far_it_has_come(start: float) -> None:
    come = abs(start - 1.0)
    for share, still in ((0.9, True), (1.1, False)):
        losses = [start, 1.0 + share * LOSS_CHANGE * come, *[1.0] * PATIENCE]
        assert stands_still(looks(losses)) == still


@all_seeds
@pytest.mark.parametrize("factor", [1e-4, -1.0, 1e4])
def test_the_unit_of_the_loss_does_not_matter(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    outcomes = set()
    for size in np.geomspace(1e-5, 1e-1, 20):
        losses = np.append(5.0, 1.0 + size * rng.normal(size=PATIENCE + 1))
        outcome = stands_still(looks(losses.tolist()))
        assert stands_still(looks((factor * losses).tolist())) == outcome
        outcomes.add(outcome)
    assert outcomes == {True, False}


def test_a_slow_but_steady_fall_is_no_standstill() -> None:
    losses = [10.0 - 0.1 * look for look in range(CHECKS)]
    assert not any(stands_still(looks(losses[: n + 1])) for n in range(CHECKS))


@pytest.mark.parametrize("loss", [0.0, 2.0, -2.0])
def test_a_loss_that_never_moves_stands_still(loss: float) -> None:
    assert stands_still(looks([loss] * (PATIENCE + 1)))
    if loss:
        jittered = [loss, *[loss * (1.0 + 1e-6)] * PATIENCE]
        assert stands_still(looks(jittered))
