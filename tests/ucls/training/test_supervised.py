from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ucls.settings.probe import PROTOCOLS, LarsProtocol
from ucls.training.linear import LinearClassifier
from ucls.training.supervised import fitting_batch, train_with_lars
from ucls.types import Labels

CLASSES = 3
SHORT = LarsProtocol(
    learning_rates=(5.0, 20.0), epochs=30, batch_size=64, weight_decay=1e-6, falls=True
)

all_seeds = pytest.mark.parametrize("seed", range(3))


def corners(seed: int, n_images: int = 300) -> tuple[npt.NDArray[np.float32], Labels]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=n_images).astype(np.int32)
    features = np.eye(5)[labels] + 0.1 * rng.normal(size=(n_images, 5))
    return features.astype(np.float32), labels


def train(seed: int, protocol: LarsProtocol = SHORT) -> tuple[LinearClassifier, ...]:
    return train_with_lars(*corners(seed), protocol, n_classes=CLASSES, seed=seed)


@all_seeds
@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_classes_that_lie_apart_are_learned(seed: int, scale: float) -> None:
    features, labels = corners(seed)
    told: list[int] = []
    classifiers = train_with_lars(
        (scale * (features + 3)).astype(np.float32),
        labels,
        SHORT,
        n_classes=CLASSES,
        seed=seed,
        advance=lambda amount=1, /, **_: told.append(amount),
    )
    assert len(classifiers) == len(SHORT.learning_rates)
    others, truth = corners(seed + 10)
    for one in classifiers:
        predicted, _ = one.predict((scale * (others + 3)).astype(np.float32))
        np.testing.assert_array_equal(predicted, truth)
    assert told == [1] * SHORT.epochs


@all_seeds
def test_a_seed_gives_the_same_again(seed: int) -> None:
    first, again, other = (train(s)[0].weight for s in (seed, seed, seed + 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rates_fall_or_stay() -> None:
    falling, staying = train(0), train(0, replace(SHORT, falls=False))
    assert np.linalg.norm(falling[0].weight) < np.linalg.norm(staying[0].weight)


@pytest.mark.parametrize(
    ("n_images", "expected"), [(1_281_167, 4096), (50_000, 500), (1_437, 32), (10, 32)]
)
def test_small_sets_have_smaller_batches(n_images: int, expected: int) -> None:
    protocol = PROTOCOLS["self-classifier"]
    assert isinstance(protocol, LarsProtocol)
    assert fitting_batch(protocol, n_images) == expected
