import numpy as np
import pytest

from ucls.training.filling import fill_forgotten
from ucls.training.linear import LinearClassifier

N_CLUSTERS = 4


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(300, 6)).astype("f4"), rng.integers(0, N_CLUSTERS, 300)


def classifier(seed: int, bias: list[float]) -> LinearClassifier:
    weight = np.random.default_rng(seed).normal(size=(6, N_CLUSTERS)).astype("f4")
    return LinearClassifier(weight, np.float32(bias), 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_a_forgotten_cluster_gets_half_of_its_images(seed: int) -> None:
    tokens, labels = drawn(seed)
    labels[labels == 2] = 1
    labels[:40] = 2
    before = classifier(seed, [0, 0, -50, 0])
    after = fill_forgotten(before, tokens, labels.astype("i4"))
    found = after.predict(tokens)[0]
    assert (before.predict(tokens)[0] != 2).all()
    assert np.count_nonzero(found == 2) == 20
    margins = tokens * 0.5 @ before.weight + before.bias
    taken = margins[found == 2]
    assert (taken.max(axis=1) - taken[:, 2]).max() < (
        (margins.max(axis=1) - margins[:, 2])[found != 2].min() + 1e-3
    )


@pytest.mark.parametrize("seed", range(5))
def test_several_are_all_filled(seed: int) -> None:
    tokens, labels = drawn(seed)
    after = fill_forgotten(classifier(seed, [0, -90, -50, -50]), tokens, labels.astype("i4"))
    sizes = np.bincount(after.predict(tokens)[0], minlength=N_CLUSTERS)
    assert (sizes >= 0.1 * np.bincount(labels)).all()


def test_what_forgets_none_stays_as_it_is() -> None:
    tokens, _ = drawn(0)
    one = classifier(0, [0, 0, 0, 0])
    labels = one.predict(tokens)[0]
    assert fill_forgotten(one, tokens, labels) is one


def test_clusters_without_pseudo_labels_stay_empty() -> None:
    tokens, labels = drawn(1)
    labels[labels == 3] = -1
    after = fill_forgotten(classifier(1, [0, 0, 0, -99]), tokens, labels.astype("i4"))
    assert (after.predict(tokens)[0] != 3).all()
