import numpy as np
import pytest
import torch

from ucls.preparation.signs import (
    evenness_of_columns,
    hubness,
    left_by_two_groups,
    nearest_rows,
    sample_rows,
)


@pytest.mark.parametrize(
    ("variance", "evenness"),
    [
        ([2.0, 2.0, 2.0], 1.0),
        ([5.0, 0.0, 0.0], 1.0),  # columns that never vary do not count
        ([1.0, 1e-9, 1e-9, 1e-9], 0.25),
        ([3.0, 1.0], 16 / 20),
        ([0.0, 0.0], 1.0),
    ],
)
def test_evenness_is_the_participation_ratio(variance: list[float], evenness: float) -> None:
    found = evenness_of_columns(torch.tensor(variance, dtype=torch.float64))
    assert found == pytest.approx(evenness, abs=1e-6)


def test_evenness_does_not_depend_on_the_scale() -> None:
    variance = torch.tensor([3.0, 1.0, 0.5], dtype=torch.float64)
    assert evenness_of_columns(variance * 1e-60) == pytest.approx(evenness_of_columns(variance))


def test_a_sample_is_spread_evenly_and_has_all_of_few() -> None:
    assert sample_rows(5).tolist() == [0, 1, 2, 3, 4]
    assert sample_rows(9, 3).tolist() == [0, 4, 8]


def test_images_around_one_have_it_as_their_hub() -> None:
    centre, around = torch.ones(1, 20), 1 + 0.8 * torch.eye(20)
    counts = np.array([20, *[0] * 20])
    counts[1] += 1  # the centre's own nearest, of which all are as near
    deviations = counts - counts.mean()
    expected = (deviations**3).mean() / counts.std() ** 3
    assert hubness(torch.cat([centre, around]), nearest=1) == pytest.approx(expected)


def test_pairs_have_no_hubs() -> None:
    assert hubness(torch.eye(4).repeat(2, 1), nearest=1) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_a_direction_that_all_share_makes_hubs(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    features = torch.randn(400, 30, generator=rng)
    masked = features.clone()
    masked[:, 0] += 12 * torch.randn(400, generator=rng) ** 2
    assert hubness(masked - masked.mean(dim=0)) > 2 * abs(hubness(features))
    assert hubness(3 * features) == pytest.approx(hubness(features), abs=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_a_split_in_two_leaves_what_is_known_of_distributions(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    normal = torch.randn(20000, generator=rng)
    assert left_by_two_groups(3 * normal + 7) == pytest.approx(1 - 2 / torch.pi, abs=0.01)
    assert left_by_two_groups(torch.rand(20000, generator=rng)) == pytest.approx(0.25, abs=0.01)
    apart = normal + 6 * (torch.arange(20000) % 2)
    assert left_by_two_groups(apart) == pytest.approx(4 / 40, abs=0.01)


def test_a_split_in_two_is_the_best() -> None:
    values = torch.tensor([0.0, 9.0, 1.0, 10.0, 0.5])
    expected = (0.5 + 0.5) / float((values - values.mean()).square().sum())
    assert left_by_two_groups(values) == pytest.approx(expected)
    assert left_by_two_groups(torch.ones(4)) == 1.0


def test_the_nearest_are_those_of_the_largest_cosine() -> None:
    x = torch.randn(1500, 6, generator=torch.Generator().manual_seed(0))
    found = nearest_rows(x, nearest=4)
    cosines = torch.nn.functional.cosine_similarity(x[1400], x, dim=1)
    cosines[1400] = -1.0
    assert found.shape == (1500, 4)
    assert found[1400].tolist() == cosines.topk(4).indices.tolist()
    assert nearest_rows(x[:3]).shape == (3, 2)
