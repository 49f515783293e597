import math

import pytest
import torch
from torch.nn import functional as F

from ucls.objectives.entropy import entropy_of_mean

HEADS, IMAGES, CLUSTERS = 3, 8, 4

all_seeds = pytest.mark.parametrize("seed", range(3))


def random_log_probs(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (6 * torch.rand(*shape, generator=generator).double() - 3).log_softmax(dim=-1)


def sharp(labels: list[int], n_clusters: int) -> torch.Tensor:
    """Log probabilities [B, C] that leave no doubt."""
    return (1000.0 * F.one_hot(torch.tensor(labels), n_clusters)).log_softmax(dim=-1)


@all_seeds
def test_it_is_the_entropy_of_the_mean_by_definition(seed: int) -> None:
    log_probs = random_log_probs(seed, HEADS, IMAGES, CLUSTERS)
    found = entropy_of_mean(log_probs)
    assert found.dtype == torch.float64
    for head in range(HEADS):
        mean = [float(log_probs[head, :, c].exp().sum()) / IMAGES for c in range(CLUSTERS)]
        expected = -sum(share * math.log(share) for share in mean)
        assert float(found[head]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n_images", [3, 7, 100, 1000])
def test_it_is_exact_for_any_number_of_images(n_images: int) -> None:
    alike = random_log_probs(0, 1, CLUSTERS).expand(n_images, -1)
    expected = torch.special.entr(alike[0].exp()).sum()
    torch.testing.assert_close(entropy_of_mean(alike), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("n_clusters", [2, 5, 100])
def test_it_lies_between_that_of_one_and_of_equal_clusters(n_clusters: int) -> None:
    one = entropy_of_mean(sharp([0] * 200, n_clusters))
    torch.testing.assert_close(one, torch.tensor(0.0))
    equal = entropy_of_mean(sharp(list(range(n_clusters)) * 3, n_clusters))
    torch.testing.assert_close(equal, torch.tensor(math.log(n_clusters)))
    unsure = entropy_of_mean(torch.zeros(7, n_clusters).log_softmax(dim=-1))
    torch.testing.assert_close(unsure, torch.tensor(math.log(n_clusters)))
    drawn = entropy_of_mean(random_log_probs(0, HEADS, 20, n_clusters))
    assert (drawn > 0.0).all()
    assert (drawn < math.log(n_clusters)).all()


@all_seeds
def test_its_gradient_is_that_of_the_plain_formula(seed: int) -> None:
    plain, ours = (
        random_log_probs(seed, HEADS, IMAGES, CLUSTERS).requires_grad_() for _ in range(2)
    )
    torch.special.entr(plain.exp().mean(dim=-2)).sum().backward()
    entropy_of_mean(ours).sum().backward()
    torch.testing.assert_close(ours.grad, plain.grad, atol=1e-6, rtol=0)


@all_seeds
def test_climbing_it_spreads_a_collapsed_batch(seed: int) -> None:
    logits = random_log_probs(seed, 24, CLUSTERS)
    logits[:, 0] += 6.0
    before = entropy_of_mean(logits.log_softmax(dim=-1))
    for _ in range(100):
        logits.requires_grad_()
        entropy = entropy_of_mean(logits.log_softmax(dim=-1))
        (gradient,) = torch.autograd.grad(entropy, logits)
        logits = (logits + 20.0 * gradient).detach()
    after = entropy_of_mean(logits.log_softmax(dim=-1))
    assert before < 0.5
    assert after > 0.9 * math.log(CLUSTERS)


@pytest.mark.parametrize("labels", [[2] * 8, [0, 1] * 4])
def test_empty_clusters_leave_value_and_gradient_finite(labels: list[int]) -> None:
    logits = (1000.0 * F.one_hot(torch.tensor(labels), CLUSTERS)).requires_grad_()
    log_probs = logits.log_softmax(dim=-1)
    assert (log_probs.exp().sum(dim=0) == 0.0).any()
    entropy = entropy_of_mean(log_probs)
    entropy.backward()
    assert entropy.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
