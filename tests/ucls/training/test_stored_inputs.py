from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ucls.neighbors.build import build_neighbors
from ucls.settings.config import TrainConfig
from ucls.tables import RowTable
from ucls.training.stored_inputs import RowsOnDisk, StoredInputs, ViewsOnDisk
from ucls.training.training_set import TrainingSet
from ucls.training.views import ViewKind

V, N, D = 3, 60, 9
CPU = torch.device("cpu")

all_kinds = pytest.mark.parametrize("kind", get_args(ViewKind))


def features_of(seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(V, N, D)) * np.linspace(1, 9, D) + 5).astype(np.float32)


def tables_of(features: NDArray[np.float32]) -> list[RowTable]:
    return [RowTable(lambda rows, own=own: own[rows].copy(), own.shape, "f4") for own in features]


def training_sets(path: Path, **changes: Any) -> tuple[TrainingSet, TrainingSet]:
    """In memory and on disk."""
    features = features_of(0)
    graph = build_neighbors(features[0], k=3, threshold=1.0)
    config = TrainConfig(**{"scales": (1,), "views": "neighbor", "batch_norm": True, **changes})
    on_disk = ViewsOnDisk(tables_of(features), path / "inputs.h5", key="key", device=CPU)
    held, stored = (
        TrainingSet(one, graph, config, n_clusters=4, device=CPU)
        for one in (features.copy(), on_disk)
    )
    return held, stored


@all_kinds
@pytest.mark.parametrize("components", ["all", 4])
def test_inputs_are_those_in_memory_in_half_precision(
    tmp_path: Path, kind: ViewKind, components: int | str
) -> None:
    held, stored = training_sets(tmp_path, views=kind, components=components)
    assert (len(stored), len(stored.stored)) == (len(held), len(held.stored))
    assert (stored.n_features, stored.n_distinct) == (held.n_features, held.n_distinct)
    for name, value in held.inputs.state_dict().items():
        assert torch.equal(stored.inputs.state_dict()[name], value)
    for view, inputs in enumerate(held.stored):
        assert torch.equal(stored.stored[view, :N], inputs.half().float())
    assert torch.equal(torch.cat(list(stored.chunks())), held.stored[0].half().float())


def test_without_batch_norm_they_keep_their_precision(tmp_path: Path) -> None:
    held, stored = training_sets(tmp_path, batch_norm=False)
    assert torch.equal(stored.stored[0, :N], held.stored[0])


@all_kinds
@pytest.mark.parametrize("shape", [(7,), (2, 5)], ids=str)
def test_the_same_views_are_drawn_whether_read_ahead_or_not(
    tmp_path: Path, kind: ViewKind, shape: tuple[int, ...]
) -> None:
    held, stored = training_sets(tmp_path, views=kind)
    batches = [torch.randint(N, shape) for _ in range(4)]
    drawn = [torch.Generator().manual_seed(1) for _ in range(3)]
    for rows, following in zip(batches, [*batches[1:], None], strict=True):
        expected = held.views.draw(rows, 2, drawn[0]).half().float()
        ahead = stored.views.draw(rows, 2, drawn[1], following=following)
        assert torch.equal(ahead, expected)
        assert torch.equal(stored.views.draw(rows, 2, drawn[2]), expected)


def test_what_follows_is_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, stored = training_sets(tmp_path)
    first, second = torch.arange(5), torch.arange(5, 10)
    read: list[torch.Tensor] = []
    own = StoredInputs._read

    def spy(self: StoredInputs, place: Any) -> torch.Tensor:
        read.append(place[1])
        return own(self, place)

    monkeypatch.setattr(StoredInputs, "_read", spy)
    generator = torch.Generator().manual_seed(0)
    stored.views.draw(first, 1, generator, following=second)
    stored.views.draw(second, 1, generator)
    assert [rows[:5].tolist() for rows in read] == [first.tolist(), second.tolist()]


def test_draws_in_between_are_heeded(tmp_path: Path) -> None:
    held, stored = training_sets(tmp_path)
    rows, generators = torch.arange(N), [torch.Generator().manual_seed(0) for _ in range(2)]
    stored.views.draw(rows, 2, generators[0], following=rows)
    held.views.draw(rows, 2, generators[1])
    for generator in generators:
        torch.rand(1, generator=generator)
    found = stored.views.draw(rows, 2, generators[0])
    assert torch.equal(found, held.views.draw(rows, 2, generators[1]).half().float())


def test_a_whole_file_is_taken_as_it_is(tmp_path: Path) -> None:
    training_sets(tmp_path)
    written = (tmp_path / "inputs.h5").stat().st_mtime_ns
    training_sets(tmp_path)
    assert (tmp_path / "inputs.h5").stat().st_mtime_ns == written


@pytest.mark.parametrize("rows", [slice(0, 5), slice(55, 65), slice(0, V * N, 7)], ids=str)
def test_rows_of_all_views_are_one_after_the_other(rows: slice) -> None:
    features = features_of(1)
    found = RowsOnDisk(tables_of(features), CPU)[rows]
    np.testing.assert_array_equal(found, features.reshape(-1, D)[rows])
