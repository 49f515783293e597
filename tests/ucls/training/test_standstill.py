import pytest
import torch

from ucls.training.standstill import CHECKS, interval, moved_share, stands_still


@pytest.mark.parametrize("n_epochs", [1, 7, 19, 20, 21, 100, 399])
def test_looks_come_at_even_distances_and_are_at_most_twenty(n_epochs: int) -> None:
    step = interval(n_epochs)
    assert step >= 1
    assert n_epochs / 2 / CHECKS <= step
    assert n_epochs // step <= CHECKS


@pytest.mark.parametrize("n_moved", [0, 1, 30])
def test_the_share_of_labels_that_moved(n_moved: int) -> None:
    before = torch.arange(60).view(3, 20)
    now = before.clone()
    now.view(-1)[:n_moved] += 1
    assert moved_share(before, now) == pytest.approx(n_moved / 60)


@pytest.mark.parametrize(
    ("moved", "progress", "stands"),
    [
        (0.0, 0.5, True),
        (0.02, 0.9, True),
        (0.021, 0.9, False),
        (0.0, 0.49, False),
        (None, 0.9, False),
    ],
)
def test_a_training_stands_still_late_and_once_hardly_an_image_moves(
    moved: float | None, progress: float, stands: bool
) -> None:
    assert stands_still(moved, progress=progress) is stands
