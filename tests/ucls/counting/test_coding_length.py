import numpy as np
import pytest

from ucls.counting.coding_length import coding_length, principal_directions


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_formula_of_the_paper(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(60, 5))
    labels = rng.integers(3, size=60).astype(np.int32)
    bits = 0.0
    for cluster in range(3):
        members = features[labels == cluster]
        n = len(members)
        scatter = np.cov(members.T, bias=True) * n
        volume = np.linalg.slogdet(np.eye(5) + 5 / (0.5 * n) * scatter)[1] / np.log(2)
        bits += (n + 5) / 2 * volume - n * np.log2(n / 60)
    assert coding_length(features, labels, distortion=0.5) == pytest.approx(bits / 60, rel=1e-12)


def test_equal_images_in_one_cluster_take_no_bits() -> None:
    assert coding_length(np.ones((9, 4)), np.zeros(9, np.int32)) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_separate_groups_are_shorter_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.arange(400, dtype=np.int32) % 2
    made = 3 * rng.normal(size=(2, 30))[labels] + 0.5 * rng.normal(size=(400, 30))
    features = principal_directions(made, width=8)
    one, two = np.zeros(400, np.int32), labels
    four = (labels + 2 * (np.arange(400) % 4 > 1)).astype(np.int32)
    assert coding_length(features, two) < coding_length(features, one)
    assert coding_length(features, two) < coding_length(features, four)


def test_directions_have_length_one_and_few_columns() -> None:
    made = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32) + 7
    found = principal_directions(made, width=6)
    assert found.shape == (50, 6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0)
    assert np.isfinite(principal_directions(np.ones((4, 3)))).all()
