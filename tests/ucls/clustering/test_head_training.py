from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.conftest import TINY, blobs
from ucls.clustering.fitting import fit_settings
from ucls.clustering.graph import find_neighborhood
from ucls.clustering.head_groups import KeepsNothing
from ucls.clustering.head_training import HeadTraining, Trained
from ucls.heads.trained import TrainedHeads
from ucls.progress import SILENT
from ucls.runs.checkpoint import Arrays, Unfinished
from ucls.settings.config import Config
from ucls.training.training_set import TrainingSet

GROUPS = {"train.n_heads": 4, "train.heads_at_once": 2, "train.early_stopping": False}


class Memory(KeepsNothing):
    """Keeps the last state in memory, and stops the training at some save."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.kept, self.left = Unfinished([], {}, []), stop_at
        self.groups: dict[tuple[int, str], MemoryOfGroup] = {}

    def of_group(self, group: int, of: str) -> "MemoryOfGroup":
        return self.groups.setdefault((group, of), MemoryOfGroup(self))

    def restore(self) -> Unfinished:
        return self.kept

    def is_due(self) -> bool:
        return True

    def save(self, groups: Sequence[Arrays], state: Arrays, log: Sequence[str]) -> None:
        copied = {name: value.copy() for name, value in state.items()}
        self.kept = Unfinished(list(groups), copied, list(log))
        self.count()

    def count(self) -> None:
        if self.left is not None:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt


class MemoryOfGroup(Memory):
    """Counts its saves with those of the whole."""

    def __init__(self, whole: Memory) -> None:
        super().__init__()
        self.whole = whole

    def count(self) -> None:
        self.whole.count()


def training(keeper: KeepsNothing | None = None, **values: Any) -> HeadTraining:
    features = blobs(120, 0)[0]
    asked = Config(n_clusters=4).with_values({**TINY, **GROUPS, **values})
    config = fit_settings(asked, features)
    prepared, preparation, graph = find_neighborhood(features, config, reporter=SILENT)
    data = TrainingSet(
        prepared,
        graph,
        config.train,
        n_clusters=4,
        device=torch.device("cpu"),
        preparation=preparation,
    )

    def others() -> Iterator[tuple[str, NDArray[np.floating]]]:
        yield "val", blobs(40, 1)[0]

    return HeadTraining(data, config, links=lambda: graph, other_splits=others, keeper=keeper)


def equal(first: Trained, second: Trained) -> bool:
    same = [np.array_equal(first.tensors[name], second.tensors[name]) for name in first.tensors]
    labels = (one.assignments.labels["train"] for one in (first, second))
    return all(same) and np.array_equal(*labels)


def test_all_groups_label_all_splits() -> None:
    trained = training().train()
    assert trained.assignments.labels["train"].shape == (4, 120)
    assert trained.assignments.labels["val"].shape == (4, 40)
    assert trained.assignments.head_clusters.tolist() == [8] * 4


def test_the_tensors_say_what_the_heads_said() -> None:
    trained = training().train()
    heads = TrainedHeads(trained.tensors, trained.metadata)
    for split, n, seed in (("train", 120, 0), ("val", 40, 1)):
        found = heads.labels(heads.logits(blobs(n, seed)[0]))
        assert (found == trained.assignments.labels[split]).mean() > 0.99


def test_the_same_seed_gives_the_same_heads_and_another_does_not() -> None:
    first = training().train()
    assert equal(first, training().train())
    assert not equal(first, training(seed=1).train())


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [2, 4, 5])
def test_what_was_stopped_anywhere_continues_to_the_same_heads(stop_at: int) -> None:
    memory = Memory(stop_at)
    with pytest.raises(KeyboardInterrupt):
        training(memory).train()
    memory.left = None
    assert equal(training(memory).train(), training().train())


def test_no_more_heads_are_trained_once_they_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ucls.runs.settling.SETTLED", 0.0)
    values = {"train.early_stopping": True, "train.heads_at_once": 1}
    assert len(training(**values).train().assignments.loss) == 2


@pytest.fixture
def disagreeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over-clustered heads never agree."""
    monkeypatch.setattr(
        "ucls.clustering.head_training.heads_disagree",
        lambda labels, graph, n_clusters, *, head_clusters: min(head_clusters) > n_clusters,
    )


@pytest.mark.usefixtures("disagreeing")
def test_heads_that_disagree_give_way_to_heads_of_the_size_asked_for() -> None:
    trained = training().train()
    assert trained.assignments.head_clusters.tolist() == [4] * 4
    assert trained.assignments.labels["val"].max() < 4
    asked_for = training(**{"train.scales": [1]}).train()
    assert equal(trained, asked_for)


@pytest.mark.slow
@pytest.mark.usefixtures("disagreeing")
@pytest.mark.parametrize("stop_at", [1, 3, 4, 5, 7, 8])
def test_heads_in_place_of_others_continue_after_a_stop(stop_at: int) -> None:
    memory = Memory(stop_at)
    with pytest.raises(KeyboardInterrupt):
        training(memory).train()
    memory.left = None
    assert equal(training(memory).train(), training().train())


@pytest.mark.usefixtures("disagreeing")
@pytest.mark.parametrize("values", [{"merge.linkage": "spectral"}, {"merge.min_cluster_size": 9}])
def test_over_clustered_heads_stay_where_merging_needs_them(values: dict[str, Any]) -> None:
    assert training(**values).train().assignments.head_clusters.tolist() == [8] * 4
