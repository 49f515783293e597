from pathlib import Path

import numpy as np
import pytest

from ucls.corrections.edits import Corrections, Move
from ucls.report import images as module
from ucls.report.cleaning import cleaning_list
from ucls.report.images import choose_images, count_cells, nearest_shown
from ucls.report.state import RunState
from ucls.runs.run import Run
from ucls.stages.relabel import relabel


def test_all_images_are_known_while_they_are_few(shared_run: Path) -> None:
    state = RunState.of(Run(shared_run))
    chosen = choose_images(state, cleaning_list(state))
    assert chosen.known.tolist() == list(range(160))
    assert set(chosen.on_map.tolist()) <= set(chosen.shown.tolist())
    columns = chosen.as_columns(state)
    assert columns["path"] == state.labels.paths
    assert columns["split"] == [0] * 120 + [1] * 40
    assert columns["found"] == state.labels.found.tolist()


def test_of_many_images_only_those_that_are_shown(
    shared_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ON_MAP", 30), ("BY_CLUSTER", 16)):
        monkeypatch.setattr(module, name, value)
    state = RunState.of(Run(shared_run))
    chosen = choose_images(state, cleaning_list(state), 100)
    assert chosen.known.tolist() == chosen.shown.tolist()
    assert len(chosen.on_map) == 30
    assert len(chosen.shown) <= 30 + 16 + 80
    confidence, probability = state.labels.confidence, state.labels.probability
    for number in state.numbers:
        rows = np.flatnonzero(state.labels.clusters == number)
        order = rows[np.lexsort((probability[rows], confidence[rows]))]
        assert set(order[[0, -1]].tolist()) <= set(chosen.shown.tolist())


def test_images_moved_by_hand_are_always_known(
    run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ON_MAP", 10), ("BY_CLUSTER", 8)):
        monkeypatch.setattr(module, name, value)
    moved = tuple(range(3, 120, 2))
    relabel(run_path, Corrections(edits=(Move(images=moved, into=9),)))
    state = RunState.of(Run(run_path))
    chosen = choose_images(state, cleaning_list(state), 50)
    assert set(moved) <= set(chosen.known.tolist())
    assert len(chosen.shown) < len(chosen.known) < 160


def test_cells_count_every_image(shared_run: Path) -> None:
    state = RunState.of(Run(shared_run))
    cells = count_cells(state)
    assert sum(n for _, _, n in cells) == 160
    for number in state.numbers:
        assert sum(n for found, _, n in cells if found == number) == state.labels.sizes()[number]


@pytest.mark.parametrize("seed", range(3))
def test_nearest_are_those_of_the_largest_cosine(seed: int) -> None:
    features = np.random.default_rng(seed).normal(size=(30, 5)).astype(np.float32)
    centred = features - features.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    similarity = unit @ unit.T - 2 * np.eye(30)
    expected = np.argsort(-similarity, axis=1)[:, : module.NEAREST]
    assert nearest_shown(features) == expected.tolist()
    assert nearest_shown(features[:1]) == [[]]
    assert nearest_shown(features[:2]) == [[1], [0]]
