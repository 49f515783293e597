import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from ucls.errors import UsageError
from ucls.metrics.probe import Labelled, check_probe, hold_out, knn_figures, linear_figures
from ucls.settings.config import SelfTrainConfig
from ucls.settings.probe import PROTOCOLS, ProtocolName

all_seeds = pytest.mark.parametrize("seed", range(3))


def blobs(seed: int, n_images: int, noise: float = 0.3) -> Labelled:
    rng = np.random.default_rng(seed)
    labels = (np.arange(n_images) % 4).astype(np.int32)
    features = np.eye(6)[labels] + noise * rng.normal(size=(n_images, 6))
    return Labelled(features.astype(np.float32), labels)


@pytest.fixture
def short_sweep(monkeypatch: pytest.MonkeyPatch) -> SelfTrainConfig:
    config = SelfTrainConfig(learning_rates=(1e-6, 0.1), iterations=60, batch_size=32)
    monkeypatch.setitem(PROTOCOLS, "thesis", config)
    return config


def test_images_without_a_label_are_left_out() -> None:
    found = Labelled.known(np.eye(3, dtype=np.float32), np.array([1, -1, 0], np.int32))
    assert found.labels.tolist() == [1, 0]
    np.testing.assert_array_equal(found.features, np.eye(3)[[0, 2]])


@all_seeds
def test_a_random_fifth_is_held_out(seed: int) -> None:
    images = blobs(seed, 53)
    train, held_out = hold_out(images, seed=seed)
    assert (len(train.labels), len(held_out.labels)) == (43, 10)
    together = np.concatenate([train.features, held_out.features])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(images.features, axis=0))
    np.testing.assert_array_equal(hold_out(images, seed=seed)[0].features, train.features)
    assert not np.array_equal(hold_out(images, seed=seed + 1)[1].features, held_out.features)
    assert len(hold_out(blobs(seed, 3), seed=seed)[1].labels) == 1


def test_one_class_and_nothing_to_score_are_told() -> None:
    one = Labelled(np.eye(3, dtype=np.float32), np.zeros(3, np.int32))
    nothing = Labelled(np.zeros((0, 3), np.float32), np.zeros(0, np.int32))
    with pytest.raises(UsageError, match=r"two classes or more .* got 3 images of 1 class:"):
        check_probe(one, one)
    with pytest.raises(UsageError, match="expected labelled images to score"):
        check_probe(blobs(0, 8), nothing)
    check_probe(blobs(0, 8), blobs(1, 8))


@all_seeds
def test_no_more_neighbours_vote_than_there_are(seed: int) -> None:
    figures = knn_figures(blobs(seed, 30, noise=0.01), blobs(seed + 10, 20, noise=0.01))
    assert [row["k"] for row in figures] == [5, 20, 30]
    assert figures[0] == {"k": 5, "weighted": 1.0, "majority": 1.0}
    assert figures[2]["weighted"] == 1.0 > figures[2]["majority"]


@all_seeds
def test_the_best_rate_is_told_beside_the_one_that_training_images_pick(
    seed: int, short_sweep: SelfTrainConfig
) -> None:
    figures = linear_figures(blobs(seed, 200), blobs(seed + 10, 100), protocol="thesis", seed=seed)
    slow, fast = figures["by_rate"]
    assert (slow["learning_rate"], fast["learning_rate"]) == short_sweep.learning_rates
    assert slow["acc"] < fast["acc"] == figures["acc"]
    assert figures["learning_rate"] == 0.1
    assert figures["picked_on_train"] == fast
    again = linear_figures(blobs(seed, 200), blobs(seed + 10, 100), protocol="thesis", seed=seed)
    assert again == figures


@pytest.mark.slow  # hundreds of epochs
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_reaches_logistic_regression_on_digits(protocol: ProtocolName) -> None:
    x, y = load_digits(return_X_y=True)
    train, val = hold_out(Labelled((x / 16).astype(np.float32), y.astype(np.int32)), seed=0)
    reference = LogisticRegression(max_iter=1000).fit(*train).score(*val)
    assert linear_figures(train, val, protocol=protocol)["acc"] > reference - 0.02
