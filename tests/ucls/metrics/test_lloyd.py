import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from ucls.metrics import lloyd as module
from ucls.metrics.lloyd import assign, lloyd

N, D, C = 500, 6, 5


def draw(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features, and some of them as first centres."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(N, D, generator=generator)
    features[: N // 2] += 2.0
    return features, features[torch.randperm(N, generator=generator)[:C]].clone()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("chunk", [7, module.CHUNK])
def test_finds_what_scikit_learn_finds(
    seed: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    features, first = draw(seed)
    centres, inertia = lloyd(features, first, tolerance=0.0)
    model = KMeans(C, init=first.numpy(), n_init=1, tol=0.0).fit(features.numpy())
    np.testing.assert_array_equal(assign(features, centres)[0].numpy(), model.labels_)
    np.testing.assert_allclose(centres, model.cluster_centers_, atol=1e-5)
    assert inertia == pytest.approx(model.inertia_, rel=1e-5)


def test_assigns_to_the_nearest_centre() -> None:
    features, centres = draw(0)
    labels, distances = assign(features, centres)
    expected = torch.cdist(features.double(), centres.double()).square().min(dim=1)
    assert torch.equal(labels, expected.indices)
    torch.testing.assert_close(distances.double(), expected.values, atol=1e-5, rtol=1e-5)


def test_a_centre_without_images_stays() -> None:
    features, first = draw(0)
    first[0] = 100.0
    centres, _ = lloyd(features, first)
    assert torch.equal(centres[0], first[0])
    assert not torch.equal(centres[1], first[1])


def test_ends_once_the_centres_hardly_move() -> None:
    features, first = draw(0)
    whole, _ = lloyd(features, first, tolerance=0.0)
    once, _ = lloyd(features, first, tolerance=1e6)
    assert torch.equal(once, lloyd(features, first, iterations=1)[0])
    assert not torch.equal(once, whole)


def test_takes_no_more_iterations_than_asked_for() -> None:
    features, first = draw(0)
    labels, _ = assign(features, first)
    centres, _ = lloyd(features, first, iterations=1)
    means = torch.stack([features[labels == c].mean(dim=0) for c in range(C)])
    torch.testing.assert_close(centres, means)
