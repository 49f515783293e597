from collections.abc import Sequence

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from ucls.heads.linear import LinearHeads

HEADS, FEATURES = 3, 7

all_seeds = pytest.mark.parametrize("seed", range(3))
all_kinds = pytest.mark.parametrize(
    ("spaces", "sizes"),
    [((7,), (4,)), ((2, 4, 1), (4,)), ((3, 4), (2, 5)), ((7,), (3, 1, 2))],
    ids=str,
)


def new_heads(seed: int, sizes: Sequence[int], spaces: Sequence[int] | None = None) -> LinearHeads:
    generator = torch.Generator().manual_seed(seed)
    return LinearHeads(HEADS, FEATURES, sizes, spaces=spaces, generator=generator)


def shaken(seed: int, sizes: Sequence[int], spaces: Sequence[int] | None = None) -> LinearHeads:
    """Heads whose scales are no longer the norms of their directions."""
    heads, generator = new_heads(seed, sizes, spaces), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return heads


def random_features(seed: int, n_images: int = 9) -> torch.Tensor:
    return torch.randn(n_images, FEATURES, generator=torch.Generator().manual_seed(seed + 50))


def encoders(heads: LinearHeads, head: int, size: int) -> nn.ModuleList:
    """One classifier of a head as layers of torch, one for each space."""
    n_outputs, before = sum(heads.sizes), sum(heads.sizes[: heads.sizes.index(size)])
    rows = slice(head * n_outputs + before, head * n_outputs + before + size)
    layers = nn.ModuleList()
    for space, width in enumerate(heads.spaces):
        layer = weight_norm(nn.Linear(width, size))
        with torch.no_grad():
            layer.bias.copy_(heads.bias[space][rows])
            layer.parametrizations.weight.original0.copy_(heads.scale[space][rows, None])
            layer.parametrizations.weight.original1.copy_(heads.direction[space][rows])
        layers.append(layer)
    return layers


def labels_of(layers: nn.ModuleList, features: torch.Tensor) -> list[torch.Tensor]:
    parts = features.split([layer.in_features for layer in layers], dim=1)
    return [layer(part).softmax(dim=-1) for layer, part in zip(layers, parts, strict=True)]


def separate(heads: LinearHeads) -> list[list[nn.ModuleList]]:
    return [[encoders(heads, head, size) for size in heads.sizes] for head in range(HEADS)]


def labels_by_separate_networks(
    networks: list[list[nn.ModuleList]], features: torch.Tensor
) -> torch.Tensor:
    by_head = [
        [torch.stack(labels_of(layers, features)).mean(dim=0) for layers in of_head]
        for of_head in networks
    ]
    return torch.stack([torch.cat(by_size, dim=-1) for by_size in by_head])


@all_seeds
@all_kinds
def test_equals_separate_networks(seed: int, spaces: Sequence[int], sizes: Sequence[int]) -> None:
    heads, features = shaken(seed, sizes, spaces), random_features(seed)
    logits = heads(features)
    assert logits.shape == (HEADS, len(features), sum(sizes))
    expected = labels_by_separate_networks(separate(heads), features).log()
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-4)


@all_seeds
@all_kinds
def test_gradients_equal_those_of_separate_networks(
    seed: int, spaces: Sequence[int], sizes: Sequence[int]
) -> None:
    heads, features = shaken(seed, sizes, spaces), random_features(seed)
    networks = separate(heads)
    labels_by_separate_networks(networks, features).log().square().sum().backward()
    heads(features).square().sum().backward()
    for space in range(len(spaces)):
        layers = [of_size[space] for of_head in networks for of_size in of_head]
        norms = [layer.parametrizations.weight for layer in layers]
        for ours, expected in (
            (heads.direction[space].grad, torch.cat([norm.original1.grad for norm in norms])),
            (heads.scale[space].grad, torch.cat([norm.original0.grad for norm in norms])[:, 0]),
            (heads.bias[space].grad, torch.cat([layer.bias.grad for layer in layers])),
        ):
            torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


@all_seeds
@all_kinds
def test_labels_are_the_mean_of_those_of_the_spaces(
    seed: int, spaces: Sequence[int], sizes: Sequence[int]
) -> None:
    heads, features = shaken(seed, sizes, spaces), random_features(seed)
    by_space = heads.by_space(features)
    assert len(by_space) == len(spaces)
    for space, log_labels in enumerate(by_space):
        for head, networks in enumerate(separate(heads)):
            expected = [labels_of(layers, features)[space] for layers in networks]
            torch.testing.assert_close(log_labels[head].exp(), torch.cat(expected, dim=-1))
    mean = torch.stack([part.exp() for part in by_space]).mean(dim=0)
    torch.testing.assert_close(heads(features).exp(), mean)


@all_seeds
def test_each_space_sees_its_own_columns(seed: int) -> None:
    heads, features = shaken(seed, (4,), (2, 4, 1)), random_features(seed)
    assert torch.equal(torch.cat(heads.split(features), dim=1), features)
    changed = features.clone()
    changed[:, 2:6] += 1.0
    same = [
        torch.equal(a, b)
        for a, b in zip(heads.by_space(features), heads.by_space(changed), strict=True)
    ]
    assert same == [True, False, True]


@all_seeds
def test_without_spaces_there_is_one(seed: int) -> None:
    bare, given = new_heads(seed, (4,)), new_heads(seed, (4,), (7,))
    features = random_features(seed)
    assert bare.spaces == (FEATURES,)
    assert torch.equal(bare(features), given(features))


@all_seeds
@pytest.mark.parametrize("spaces", [(7,), (2, 4, 1)], ids=str)
def test_new_heads_are_drawn_as_torch_draws_its_linear_layers(
    seed: int, spaces: Sequence[int]
) -> None:
    heads = new_heads(seed, (40, 60), spaces)
    for width, direction, scale, bias in zip(
        spaces, heads.direction, heads.scale, heads.bias, strict=True
    ):
        bound = width**-0.5
        torch.testing.assert_close(scale.detach(), direction.detach().norm(dim=1))
        for values in (direction.detach().flatten(), bias.detach()):
            assert 0.9 * bound < float(values.abs().max()) <= bound
            spread = 5 * bound / (3 * len(values)) ** 0.5
            assert abs(float(values.mean())) < spread
            assert float(values.square().mean()) == pytest.approx(bound**2 / 3, rel=0.3)


@all_seeds
def test_scale_and_direction_of_the_weights_are_apart(seed: int) -> None:
    heads, features = shaken(seed, (4,)), random_features(seed)
    before = heads(features)
    with torch.no_grad():
        heads.direction[0] *= 7.0
    torch.testing.assert_close(heads(features), before)
    with torch.no_grad():
        heads.scale[0] *= 2.0
        heads.bias[0] *= 2.0
    torch.testing.assert_close(heads(features), (2.0 * before).log_softmax(dim=-1))


@all_seeds
@pytest.mark.parametrize("head", range(HEADS))
def test_a_heads_loss_reaches_its_own_weights_only(seed: int, head: int) -> None:
    heads = shaken(seed, (2, 5), (3, 4))
    heads(random_features(seed))[head].square().sum().backward()
    for name, parameter in heads.named_parameters():
        reached = parameter.grad.reshape(HEADS, -1).abs().sum(dim=1) > 0
        assert reached.tolist() == [i == head for i in range(HEADS)], name


def test_the_seed_makes_the_weights() -> None:
    first, again, other = (new_heads(seed, (2, 5), (3, 4)) for seed in (0, 0, 1))
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
        assert not torch.equal(value, other.state_dict()[name])
    logits = first(random_features(0))
    assert not torch.allclose(logits[0], logits[1], atol=1e-3)


def test_every_parameter_is_a_weight_or_a_bias() -> None:
    heads = new_heads(0, (2, 5), (3, 4))
    parts = [id(p) for p in [*heads.weights(), *heads.biases()]]
    assert sorted(parts) == sorted(id(p) for p in heads.parameters())
    assert {id(bias) for bias in heads.biases()} == {id(bias) for bias in heads.bias}


@all_seeds
@all_kinds
def test_bfloat16_products_stay_near_and_give_float32(
    seed: int, spaces: Sequence[int], sizes: Sequence[int]
) -> None:
    heads, features = shaken(seed, sizes, spaces), random_features(seed)
    full, half = heads(features), heads(features, dtype=torch.bfloat16)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half.exp(), full.exp(), atol=0.03, rtol=0.03)
    assert not torch.equal(half, full)


@all_seeds
def test_logarithms_stay_finite_where_probabilities_vanish(seed: int) -> None:
    heads = shaken(seed, (4,), (3, 4))
    logits = heads(1e4 * random_features(seed))
    assert float(logits.detach().exp().min()) == 0.0
    logits.sum().backward()
    assert logits.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in heads.parameters())
