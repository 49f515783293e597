import math
from types import SimpleNamespace

import pytest
import torch

from ucls.pretraining.collapse import clusters_in_use, collapse_note, spread
from ucls.pretraining.loop import Training
from ucls.settings.pretraining import PretrainConfig


def test_random_directions_are_spread_evenly():
    assert spread(torch.randn(5000, 64)) == pytest.approx(1, abs=0.01)


def test_the_same_vector_for_all_is_a_collapse():
    vectors = torch.ones(100, 16) + 1e-3 * torch.randn(100, 16)
    assert spread(vectors) < 0.01
    assert "almost the same vector" in collapse_note(vectors, None)


def test_one_cluster_for_all_is_a_collapse():
    vectors = torch.randn(100, 16)
    logits = torch.zeros(100, 20)
    logits[:, 3] = 1
    assert clusters_in_use(logits) == pytest.approx(1)
    assert "1.0 of 20 clusters" in collapse_note(vectors, logits)


def test_few_clusters_that_share_all_images_are_named():
    logits = torch.eye(10)[torch.arange(400) % 2]
    assert "2.0 of 10 clusters" in collapse_note(torch.randn(400, 16), logits)


def test_even_clusters_are_all_in_use():
    logits = torch.eye(10).repeat(30, 1)
    assert clusters_in_use(logits) == pytest.approx(10)
    assert collapse_note(torch.randn(300, 16), logits) is None


def test_what_is_no_number_is_told():
    assert "no finite numbers" in collapse_note(torch.full((4, 4), math.nan), None)


@pytest.mark.parametrize(
    ("n_steps", "epochs", "expected"), [(15, 5, [40]), (100, 100, [500]), (2, 3, [])]
)
def test_it_is_looked_for_once_a_network_has_seen_some_batches(
    n_steps: int, epochs: int, expected: list[int]
) -> None:
    training = SimpleNamespace(config=PretrainConfig(epochs=epochs), n_steps=n_steps)
    looks = [
        epoch * n_steps + step
        for epoch in range(epochs)
        for step in range(n_steps)
        if Training._is_time_to_look(training, epoch, step)
    ]
    assert looks == expected
