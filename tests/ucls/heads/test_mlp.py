from collections.abc import Sequence

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from ucls.heads.mlp import MlpHeads

HEADS, FEATURES, CLUSTERS, HIDDEN, BOTTLENECK = 3, 7, 5, 12, 6
SEVERAL = (2, 5, 4)


def new_heads(seed: int, sizes: Sequence[int] = (CLUSTERS,)) -> MlpHeads:
    return MlpHeads(
        HEADS,
        FEATURES,
        sizes,
        hidden_dim=HIDDEN,
        bottleneck_dim=BOTTLENECK,
        generator=torch.Generator().manual_seed(seed),
    )


def shaken(seed: int, sizes: Sequence[int] = (CLUSTERS,)) -> MlpHeads:
    """Heads whose biases and scales are no longer all zero or one."""
    heads, generator = new_heads(seed, sizes), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return heads


def random_features(seed: int, n_images: int = 9) -> torch.Tensor:
    return torch.randn(n_images, FEATURES, generator=torch.Generator().manual_seed(seed + 50))


def own_features(seed: int, n_images: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed + 50)
    return torch.randn(HEADS, n_images, FEATURES, generator=generator)


class Normalized(nn.Module):
    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return F.normalize(hidden, dim=-1)


def head_alone(heads: MlpHeads, i: int) -> nn.Sequential:
    """Head ``i`` as layers of torch, with the weight norm that TEMI's head uses."""
    layers = (
        nn.Linear(FEATURES, HIDDEN),
        nn.Linear(HIDDEN, HIDDEN),
        nn.Linear(HIDDEN, BOTTLENECK),
    )
    last = weight_norm(nn.Linear(BOTTLENECK, CLUSTERS, bias=False))
    rows = slice(i * HIDDEN, (i + 1) * HIDDEN)
    weights = (heads.first_weight[rows], heads.hidden_weight[i].T, heads.bottleneck_weight[i].T)
    biases = (heads.first_bias[rows], heads.hidden_bias[i, 0], heads.bottleneck_bias[i, 0])
    with torch.no_grad():
        for layer, weight, bias in zip(layers, weights, biases, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        last.parametrizations.weight.original0.copy_(heads.scale[i].T)
        last.parametrizations.weight.original1.copy_(heads.direction[i].T)
    return nn.Sequential(layers[0], nn.GELU(), layers[1], nn.GELU(), layers[2], Normalized(), last)


@pytest.mark.parametrize("seed", range(3))
def test_equals_separate_networks(seed: int) -> None:
    heads, features = shaken(seed), random_features(seed)
    logits = heads(features)
    assert logits.shape == (HEADS, len(features), CLUSTERS)
    for i in range(HEADS):
        torch.testing.assert_close(logits[i], head_alone(heads, i)(features))


@pytest.mark.parametrize("seed", range(3))
def test_gradients_equal_those_of_separate_networks(seed: int) -> None:
    heads, features = shaken(seed), random_features(seed)
    singles = [head_alone(heads, i) for i in range(HEADS)]
    sum(head(features).square().sum() for head in singles).backward()
    heads(features).square().sum().backward()
    for i, single in enumerate(singles):
        last = single[-1].parametrizations.weight
        torch.testing.assert_close(
            heads.first_weight.grad[i * HIDDEN : (i + 1) * HIDDEN], single[0].weight.grad
        )
        torch.testing.assert_close(heads.hidden_weight.grad[i].T, single[2].weight.grad)
        torch.testing.assert_close(heads.bottleneck_bias.grad[i, 0], single[4].bias.grad)
        torch.testing.assert_close(heads.direction.grad[i].T, last.original1.grad)
        torch.testing.assert_close(heads.scale.grad[i].T, last.original0.grad)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("head", range(HEADS))
def test_a_heads_loss_reaches_its_own_weights_only(seed: int, head: int) -> None:
    heads = shaken(seed)
    heads(random_features(seed))[head].square().sum().backward()
    for name, parameter in heads.named_parameters():
        reached = parameter.grad.reshape(HEADS, -1).abs().sum(dim=1) > 0
        assert reached.tolist() == [i == head for i in range(HEADS)], name


def test_the_seed_makes_the_weights() -> None:
    first, again, other = new_heads(0), new_heads(0), new_heads(1)
    for name, parameter in first.state_dict().items():
        assert torch.equal(parameter, again.state_dict()[name])
    assert not torch.equal(first.direction, other.direction)
    assert not torch.equal(first.first_weight, other.first_weight)
    logits = first(random_features(0))
    assert not torch.allclose(logits[0], logits[1], atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_new_logits_are_cosines(seed: int) -> None:
    logits = new_heads(seed)(random_features(seed, n_images=200) * 100)
    assert logits.abs().max() <= 1.0 + 1e-5
    assert logits.abs().max() > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_only_the_direction_of_the_last_layer_counts(seed: int) -> None:
    heads, features = shaken(seed), random_features(seed)
    before = heads(features)
    with torch.no_grad():
        heads.direction *= 7.0
    torch.testing.assert_close(heads(features), before)
    with torch.no_grad():
        heads.scale *= 2.0
    torch.testing.assert_close(heads(features), 2.0 * before)


def test_bfloat16_products_stay_near_and_give_float32() -> None:
    heads, features = shaken(0), random_features(0)
    full, half = heads(features), heads(features, dtype=torch.bfloat16)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, atol=0.05, rtol=0.05)
    assert not torch.equal(half, full)


def test_every_parameter_is_a_weight_or_a_bias() -> None:
    heads = new_heads(0)
    parts = [id(p) for p in [*heads.weights(), *heads.biases()]]
    assert sorted(parts) == sorted(id(p) for p in heads.parameters())
    assert all(float(bias.detach().abs().sum()) == 0.0 for bias in heads.biases())
    assert all(float(weight.detach().abs().sum()) > 0.0 for weight in heads.weights())


@pytest.mark.parametrize("seed", range(3))
def test_classifiers_of_several_sizes_share_the_rest_of_the_head(seed: int) -> None:
    heads, features = shaken(seed, SEVERAL), random_features(seed)
    logits = heads(features)
    assert heads.sizes == SEVERAL
    assert logits.shape == (HEADS, len(features), sum(SEVERAL))
    start = 0
    for size in SEVERAL:
        alone, own = new_heads(seed + 1, (size,)), slice(start, start + size)
        state = heads.state_dict()
        last = {name: state[name][..., own] for name in ("direction", "scale")}
        alone.load_state_dict(state | last)
        torch.testing.assert_close(logits[..., own], alone(features))
        torch.testing.assert_close(heads.embed(features), alone.embed(features))
        start += size


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_are_the_classified_embedding(seed: int, dtype: torch.dtype) -> None:
    heads, features = shaken(seed, SEVERAL), random_features(seed)
    embedding = heads.embed(features, dtype=dtype)
    assert embedding.shape == (HEADS, len(features), BOTTLENECK)
    assert embedding.dtype == dtype
    assert torch.equal(heads.classify(embedding), heads(features, dtype=dtype))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_images", [1, 9])
def test_own_images_of_each_head_that_are_the_same_are_shared_ones(
    seed: int, n_images: int
) -> None:
    heads, features = shaken(seed, SEVERAL), random_features(seed, n_images)
    gradients = []
    for seen in (features, features.expand(HEADS, -1, -1)):
        heads.zero_grad()
        logits = heads(seen)
        torch.testing.assert_close(logits, heads(features))
        logits.square().sum().backward()
        gradients.append({name: p.grad.clone() for name, p in heads.named_parameters()})
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("seed", range(3))
def test_each_head_sees_its_own_images(seed: int) -> None:
    heads, features = shaken(seed), own_features(seed)
    logits = heads(features)
    assert logits.shape == (HEADS, features.shape[1], CLUSTERS)
    for i in range(HEADS):
        torch.testing.assert_close(logits[i], head_alone(heads, i)(features[i]))


@pytest.mark.parametrize("seed", range(3))
def test_one_heads_images_do_not_reach_the_others(seed: int) -> None:
    heads, features = shaken(seed), own_features(seed).requires_grad_()
    heads(features)[1].square().sum().backward()
    assert (features.grad.abs().sum(dim=(1, 2)) > 0).tolist() == [False, True, False]


def test_bfloat16_products_of_own_images_stay_near() -> None:
    heads, features = shaken(0), own_features(0)
    full, half = heads(features), heads(features, dtype=torch.bfloat16)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, atol=0.05, rtol=0.05)
    assert not torch.equal(half, full)
