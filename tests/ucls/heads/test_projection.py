from collections.abc import Sequence

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from ucls.heads.projection import ProjectionHeads

HEADS, FEATURES, HIDDEN, BOTTLENECK = 3, 7, 12, 6
SIZES = (2, 5)

all_seeds = pytest.mark.parametrize("seed", range(3))


def new_heads(
    seed: int, sizes: Sequence[int] = SIZES, *, learnable_classifier: bool = True
) -> ProjectionHeads:
    return ProjectionHeads(
        HEADS,
        FEATURES,
        sizes,
        hidden_dim=HIDDEN,
        bottleneck_dim=BOTTLENECK,
        learnable_classifier=learnable_classifier,
        generator=torch.Generator().manual_seed(seed),
    )


def shaken(seed: int, sizes: Sequence[int] = SIZES) -> ProjectionHeads:
    """Heads whose biases, scales and batch norms are no longer all zero or one."""
    heads, generator = new_heads(seed, sizes), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
        heads.norm.running_mean.normal_(generator=generator)
        heads.norm.running_var.uniform_(0.5, 2.0, generator=generator)
    return heads


def random_features(seed: int, n_images: int = 9) -> torch.Tensor:
    return torch.randn(n_images, FEATURES, generator=torch.Generator().manual_seed(seed + 50))


class HeadAlone(nn.Module):
    """Head ``i`` as layers of torch."""

    def __init__(self, heads: ProjectionHeads, i: int) -> None:
        super().__init__()
        rows = slice(i * HIDDEN, (i + 1) * HIDDEN)
        self.first = nn.Linear(FEATURES, HIDDEN, bias=False)
        self.norm = nn.BatchNorm1d(HIDDEN)
        self.projection = nn.Linear(HIDDEN, BOTTLENECK)
        self.classifiers = nn.ModuleList(
            weight_norm(nn.Linear(BOTTLENECK, size, bias=False)) for size in heads.sizes
        )
        with torch.no_grad():
            self.first.weight.copy_(heads.first_weight[rows])
            self.projection.weight.copy_(heads.bottleneck_weight[i].T)
            self.projection.bias.copy_(heads.bottleneck_bias[i, 0])
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(self.norm, name).copy_(getattr(heads.norm, name)[rows])
            directions = heads.direction[i].T.split(heads.sizes)
            scales = heads.scale[i].T.split(heads.sizes)
            for layer, scale, direction in zip(self.classifiers, scales, directions, strict=True):
                layer.parametrizations.weight.original0.copy_(scale)
                layer.parametrizations.weight.original1.copy_(direction)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = F.leaky_relu(self.norm(self.first(features)))
        embedding = F.normalize(self.projection(hidden), dim=-1)
        return torch.cat([classify(embedding) for classify in self.classifiers], dim=-1)

    def classifier_gradients(self) -> tuple[torch.Tensor, torch.Tensor]:
        norms = [layer.parametrizations.weight for layer in self.classifiers]
        return (
            torch.cat([norm.original0.grad for norm in norms]),
            torch.cat([norm.original1.grad for norm in norms]),
        )


@all_seeds
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("sizes", [SIZES, (4,)], ids=str)
def test_equals_separate_networks(seed: int, training: bool, sizes: Sequence[int]) -> None:
    heads, features = shaken(seed, sizes).train(training), random_features(seed)
    singles = [HeadAlone(heads, i).train(training) for i in range(HEADS)]
    logits = heads(features)
    assert logits.shape == (HEADS, len(features), sum(sizes))
    for i, single in enumerate(singles):
        torch.testing.assert_close(logits[i], single(features))


@all_seeds
@pytest.mark.parametrize("training", [True, False])
def test_gradients_equal_those_of_separate_networks(seed: int, training: bool) -> None:
    heads, features = shaken(seed).train(training), random_features(seed)
    singles = [HeadAlone(heads, i).train(training) for i in range(HEADS)]
    sum(head(features).square().sum() for head in singles).backward()
    heads(features).square().sum().backward()
    for i, single in enumerate(singles):
        rows = slice(i * HIDDEN, (i + 1) * HIDDEN)
        scale, direction = single.classifier_gradients()
        for ours, expected in (
            (heads.first_weight.grad[rows], single.first.weight.grad),
            (heads.norm.weight.grad[rows], single.norm.weight.grad),
            (heads.norm.bias.grad[rows], single.norm.bias.grad),
            (heads.bottleneck_weight.grad[i].T, single.projection.weight.grad),
            (heads.bottleneck_bias.grad[i, 0], single.projection.bias.grad),
            (heads.scale.grad[i].T, scale),
            (heads.direction.grad[i].T, direction),
        ):
            torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


@all_seeds
def test_the_batch_norms_learn_as_those_of_separate_networks_do(seed: int) -> None:
    heads = shaken(seed)
    singles = [HeadAlone(heads, i) for i in range(HEADS)]
    for step in range(4):
        features = random_features(seed + step)
        heads(features)
        for single in singles:
            single(features)
    features = random_features(seed)
    logits = heads.eval()(features)
    for i, single in enumerate(singles):
        torch.testing.assert_close(logits[i], single.eval()(features))


@all_seeds
def test_an_image_alone_is_labelled_as_among_others(seed: int) -> None:
    heads, features = shaken(seed), random_features(seed)
    assert not torch.allclose(heads(features)[:, :4], heads(features[:4]), atol=1e-3)
    heads.eval()
    torch.testing.assert_close(heads(features)[:, 3:4], heads(features[3:4]))


@all_seeds
@pytest.mark.parametrize("head", range(HEADS))
def test_a_heads_loss_reaches_its_own_weights_only(seed: int, head: int) -> None:
    heads = shaken(seed)
    heads(random_features(seed))[head].square().sum().backward()
    for name, parameter in heads.named_parameters():
        reached = parameter.grad.reshape(HEADS, -1).abs().sum(dim=1) > 0
        assert reached.tolist() == [i == head for i in range(HEADS)], name


@all_seeds
def test_classifiers_that_do_not_learn_stay_as_drawn(seed: int) -> None:
    heads = new_heads(seed, learnable_classifier=False)
    before = {name: value.clone() for name, value in heads.state_dict().items()}
    parameters = [*heads.weights(), *heads.biases()]
    classifier = {id(heads.direction), id(heads.scale)}
    assert not classifier & {id(parameter) for parameter in parameters}
    optimizer = torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.1)
    heads(random_features(seed)).square().sum().backward()
    optimizer.step()
    changed = {name for name, v in heads.state_dict().items() if not torch.equal(v, before[name])}
    assert changed == set(before) - {"direction", "scale"}


@all_seeds
def test_classifiers_start_alike_whether_they_learn_or_not(seed: int) -> None:
    fixed, learnable = (new_heads(seed, learnable_classifier=on) for on in (False, True))
    features = random_features(seed)
    assert torch.equal(fixed(features), learnable(features))


def test_every_trainable_parameter_is_a_weight_or_a_bias() -> None:
    for learnable_classifier in (True, False):
        heads = new_heads(0, learnable_classifier=learnable_classifier)
        parts = [id(p) for p in [*heads.weights(), *heads.biases()]]
        assert sorted(parts) == sorted(id(p) for p in heads.parameters() if p.requires_grad)
    batch_norm = {id(heads.norm.weight), id(heads.norm.bias)}
    assert batch_norm <= {id(bias) for bias in heads.biases()}


def test_the_seed_makes_the_weights() -> None:
    first, again, other = new_heads(0), new_heads(0), new_heads(1)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    for name in ("first_weight", "bottleneck_weight", "direction"):
        assert not torch.equal(getattr(first, name), getattr(other, name))
    logits = first(random_features(0))
    assert not torch.allclose(logits[0], logits[1], atol=1e-3)


@all_seeds
def test_new_logits_are_cosines(seed: int) -> None:
    logits = new_heads(seed)(random_features(seed, n_images=200) * 100)
    assert logits.abs().max() <= 1.0 + 1e-5
    assert logits.abs().max() > 0.1


@all_seeds
@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_products_stay_near_and_give_float32(seed: int, training: bool) -> None:
    heads, features = shaken(seed).train(training), random_features(seed)
    full, half = heads(features), heads(features, dtype=torch.bfloat16)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, atol=0.08, rtol=0.08)
    assert not torch.equal(half, full)
