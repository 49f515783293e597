from pathlib import Path

import numpy as np
import pytest

from benchmarks.ablations.plan import Plan
from benchmarks.ablations.settings import Choices
from benchmarks.ablations.single import link, run_single
from benchmarks.ablations.studies import HEADS
from ucls.cache import read_graph, read_json
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.sources import Source


@pytest.fixture
def config(blobs_source: Source) -> Config:
    given = {"train.epochs": 2, "neighbors.k": 3}
    plan = Plan(HEADS.with_values([3]), blobs_source, Choices(given=given), range(1))
    return plan.config(plan.study.variants[0], 0)


def test_equal_neighbors_are_built_once(
    tmp_path: Path, blobs_source: Source, config: Config
) -> None:
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    assert run_single(blobs_source, config, first) == []
    more_heads = config.with_values({"train.n_heads": 4, "seed": 1})
    assert run_single(blobs_source, more_heads, second, others=[first]) == ["neighbors"]
    wider = config.with_values({"neighbors.k": 6})
    assert run_single(blobs_source, wider, other, others=[first, second]) == []
    assert Run(second).is_done("neighbors")
    graphs = [read_graph(path / "neighbors.h5") for path in (first, second, other)]
    np.testing.assert_array_equal(graphs[0].indices, graphs[1].indices)
    assert graphs[2].k == 6


def test_k_means_is_taken_over_where_the_seed_is_the_same(
    tmp_path: Path, blobs_source: Source, config: Config
) -> None:
    first, alike, reseeded = (tmp_path / name for name in ("first", "alike", "reseeded"))
    run_single(blobs_source, config, first)
    more_heads = config.with_values({"train.n_heads": 4})
    run_single(blobs_source, more_heads, alike, others=[first])
    run_single(blobs_source, config.with_values({"seed": 1}), reseeded, others=[first])
    inodes = [(path / "baselines.json").stat().st_ino for path in (first, alike, reseeded)]
    assert inodes[0] == inodes[1] != inodes[2]


def test_it_starts_anew_unless_it_is_to_keep(
    tmp_path: Path, blobs_source: Source, config: Config
) -> None:
    folder = tmp_path / "run"
    run_single(blobs_source, config, folder)
    trained = (folder / "assignments.h5").stat().st_mtime_ns
    run_single(blobs_source, config, folder, keep=True)
    assert (folder / "assignments.h5").stat().st_mtime_ns == trained
    run_single(blobs_source, config, folder)
    assert (folder / "assignments.h5").stat().st_mtime_ns != trained


def test_it_trains_a_classifier_only_if_wanted(
    tmp_path: Path, blobs_source: Source, config: Config
) -> None:
    short = config.with_values({"self_train.iterations": 20})
    run_single(blobs_source, short, tmp_path / "with", self_trains=True)
    run_single(blobs_source, short, tmp_path / "without")
    figures = [read_json(tmp_path / name / "metrics.json")["val"] for name in ("with", "without")]
    assert "self_training" in figures[0]
    assert "self_training" not in figures[1]


def test_a_file_is_copied_where_it_cannot_have_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    (tmp_path / "a").write_text("neighbours")
    link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "neighbours"
