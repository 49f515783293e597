import itertools

import pytest
import torch
from torch.nn import functional as F

from ucls.heads.layers import INITIAL_STD, by_size, cosine_logits, first_layer, new_weight

HEADS, IMAGES, FEATURES, OUT, CLUSTERS = 3, 6, 5, 4, 7


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layer(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    return draw(seed + 10, HEADS * OUT, FEATURES), draw(seed + 20, HEADS * OUT)


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_normal_with_a_small_spread(seed: int) -> None:
    weight = new_weight(20, 30, 40, generator=torch.Generator().manual_seed(seed))
    assert weight.shape == (20, 30, 40)
    assert weight.requires_grad
    values, n = weight.detach().flatten(), weight.numel()
    assert abs(float(values.mean())) < 5 * INITIAL_STD / n**0.5
    assert float(values.std()) == pytest.approx(INITIAL_STD, abs=5 * INITIAL_STD / (2 * n) ** 0.5)
    within = float((values.abs() < INITIAL_STD).float().mean())
    assert within == pytest.approx(0.6827, abs=5 * (0.6827 * 0.3173 / n) ** 0.5)


def test_the_generator_makes_the_weights() -> None:
    first, again, other = (
        new_weight(3, 4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, new_weight(3, 4, generator=None))


@pytest.mark.parametrize("seed", range(3))
def test_shared_images_meet_the_layer_of_each_head(seed: int) -> None:
    (weight, bias), features = layer(seed), draw(seed, IMAGES, FEATURES)
    outputs = first_layer(features, weight, bias, n_heads=HEADS)
    assert outputs.shape == (HEADS, IMAGES, OUT)
    for head in range(HEADS):
        own = slice(head * OUT, (head + 1) * OUT)
        torch.testing.assert_close(outputs[head], F.linear(features, weight[own], bias[own]))


@pytest.mark.parametrize("seed", range(3))
def test_own_images_meet_the_layer_of_their_head(seed: int) -> None:
    (weight, bias), features = layer(seed), draw(seed, HEADS, IMAGES, FEATURES)
    outputs = first_layer(features, weight, bias, n_heads=HEADS)
    assert outputs.shape == (HEADS, IMAGES, OUT)
    for head in range(HEADS):
        own = slice(head * OUT, (head + 1) * OUT)
        torch.testing.assert_close(outputs[head], F.linear(features[head], weight[own], bias[own]))


@pytest.mark.parametrize("seed", range(3))
def test_cosine_logits_are_scaled_cosines(seed: int) -> None:
    embedding, direction = draw(seed, HEADS, IMAGES, OUT), draw(seed + 1, HEADS, OUT, CLUSTERS)
    scale = draw(seed + 2, HEADS, 1, CLUSTERS)
    cosines = F.cosine_similarity(embedding.unsqueeze(-1), direction.unsqueeze(1), dim=2)
    torch.testing.assert_close(cosine_logits(embedding, direction, scale), cosines * scale)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("embedded", "classified"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float32, torch.float64),
    ],
)
def test_cosines_are_as_fine_as_the_classifier(
    seed: int, embedded: torch.dtype, classified: torch.dtype
) -> None:
    embedding = draw(seed, HEADS, IMAGES, OUT).to(embedded)
    direction = draw(seed + 1, HEADS, OUT, CLUSTERS).to(classified)
    logits = cosine_logits(embedding, direction, torch.ones(HEADS, 1, CLUSTERS, dtype=classified))
    assert logits.dtype == classified
    fine = F.normalize(embedding.double(), dim=-1) @ F.normalize(direction.double(), dim=1)
    torch.testing.assert_close(logits.double(), fine, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("sizes", [*itertools.permutations((1, 2, 4)), (7,), (3, 3, 1)])
def test_logits_are_taken_apart_by_size(sizes: tuple[int, ...]) -> None:
    logits = draw(0, HEADS, IMAGES, CLUSTERS)
    parts = by_size(logits, sizes)
    assert [part.shape for part in parts] == [(HEADS, IMAGES, size) for size in sizes]
    assert torch.equal(torch.cat(parts, dim=-1), logits)
    for part, expected in zip(parts, logits.split(sizes, dim=-1), strict=True):
        assert torch.equal(part, expected)
