from typing import Any

import numpy as np
import pytest

from ucls.merging.overlap import heads_disagree

EQUAL = [60] * 6
TWENTY_TO_ONE = [1000, 50, 50, 50, 50, 50]


@pytest.mark.parametrize("seed", range(3))
def test_heads_that_find_the_same_classes_agree(
    seed: int, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(EQUAL, seed=seed)
    heads = split_classes(classes, 18, seed=seed)
    assert not heads_disagree(heads, graph, 6, head_clusters=[18] * 3)


def mixed(heads: Any, seed: int) -> Any:
    """Heads that put a third of the images anywhere, each other ones."""
    rng = np.random.default_rng(seed)
    anywhere = rng.integers(heads.max() + 1, size=heads.shape, dtype=np.int32)
    return np.where(rng.random(heads.shape) < 1 / 3, anywhere, heads)


@pytest.mark.parametrize("seed", range(3))
def test_heads_whose_clusters_mix_classes_disagree(
    seed: int, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(EQUAL, seed=seed)
    heads = mixed(split_classes(classes, 18, seed=seed), seed)
    assert heads_disagree(heads, graph, 6, head_clusters=[18] * 3)
    assert not heads_disagree(heads[:2], graph, 6, head_clusters=[18] * 2)
    assert not heads_disagree(heads, graph, 18, head_clusters=[18] * 3)


@pytest.mark.parametrize("seed", range(3))
def test_unequal_classes_need_small_clusters_all_the_same(
    seed: int, plant_classes: Any, split_classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes, graph = plant_classes(TWENTY_TO_ONE, seed=seed)
    heads = split_classes(classes, 18, seed=seed)
    monkeypatch.setattr("ucls.merging.overlap.AGREE_FROM", 1.01)
    assert not heads_disagree(heads, graph, 6, head_clusters=[18] * 3)
