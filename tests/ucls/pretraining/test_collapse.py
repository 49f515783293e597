import math

import pytest
import torch

from ucls.pretraining.collapse import clusters_in_use, collapse_note, spread


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


def test_even_clusters_are_all_in_use():
    logits = torch.eye(10).repeat(30, 1)
    assert clusters_in_use(logits) == pytest.approx(10)
    assert collapse_note(torch.randn(300, 16), logits) is None


def test_what_is_no_number_is_told():
    assert "no finite numbers" in collapse_note(torch.full((4, 4), math.nan), None)
