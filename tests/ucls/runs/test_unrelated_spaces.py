import numpy as np
import pytest
import torch

from ucls.preparation.prepared import unit_length
from ucls.runs.unrelated_spaces import shares_held, unrelated_spaces

N, CLASSES = 600, 6

all_seeds = pytest.mark.parametrize("seed", range(3))


def around(classes: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """Features [N, 16] near a random direction for each class."""
    centres = rng.normal(size=(classes.max() + 1, 16))
    return unit_length(torch.from_numpy(centres[classes] + 0.5 * rng.normal(size=(N, 16))).float())


@all_seeds
def test_noise_is_left_out_and_what_tells_anything_stays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.arange(N) % CLASSES
    good, coarse = around(labels, rng), around(labels // 2, rng)
    noise = unit_length(torch.from_numpy(rng.normal(size=(N, 16))).float())
    shares = shares_held([good, noise, coarse], CLASSES, seed=seed)
    assert shares.shape == (3, 3)
    assert (shares <= 1.0).all()
    assert shares[0, 0] > 0.9
    assert shares[1, 1] < 0.45
    assert abs(shares[0, 1]) < 0.03
    assert unrelated_spaces(shares) == [1]


@all_seeds
def test_two_that_tell_different_things_stay(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes, colours = np.arange(N) % 3, np.arange(N) // 3 % 3
    shares = shares_held([around(shapes, rng), around(colours, rng)], 3, seed=seed)
    assert max(shares[0, 1], shares[1, 0]) < 0.03
    assert unrelated_spaces(shares) == []


def test_weak_spaces_that_are_related_stay() -> None:
    assert unrelated_spaces(np.array([[0.9, 0.1], [0.1, 0.3]])) == []
    assert unrelated_spaces(np.array([[0.9, 0.0], [0.1, 0.3]])) == []
    assert unrelated_spaces(np.array([[0.9, 0.0], [0.0, 0.3]])) == [1]
    assert unrelated_spaces(np.array([[0.4, 0.0], [0.0, 0.3]])) == []


def test_more_clusters_than_the_images_fill() -> None:
    space = around(np.arange(N) % CLASSES, np.random.default_rng(0))
    assert np.isfinite(shares_held([space, space], N, seed=0)).all()
