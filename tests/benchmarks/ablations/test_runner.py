from pathlib import Path

import pytest

from benchmarks.ablations import runner
from benchmarks.ablations.plan import Places, Plan
from benchmarks.ablations.record import Entry, Record
from benchmarks.ablations.runner import run_study
from benchmarks.ablations.settings import Choices
from benchmarks.ablations.studies import COMPONENTS, HEADS, SWEEP
from benchmarks.ablations.study import Study
from ucls.errors import UclsError
from ucls.sources import Source

GIVEN = {"train.epochs": 2, "self_train.iterations": 20, "neighbors.k": 3}
TWO_HEADS = HEADS.with_values([2, 3])


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "runs", tmp_path / "results" / "record.json")


def run(
    source: Source, places: Places, study: Study = TWO_HEADS, n_seeds: int = 1, **options: object
) -> tuple[Record, list[Entry]]:
    given = GIVEN if study.name == "heads" else {**GIVEN, "train.n_heads": 3}
    told: list[Entry] = []
    plan = Plan(study, source, Choices(given=given), range(n_seeds))
    return run_study(plan, places, command="a test", told=told.append, **options), told


def test_every_row_is_run_with_every_seed(blobs_source: Source, places: Places) -> None:
    record, told = run(blobs_source, places, n_seeds=2)
    assert [(e.variant, e.seed) for e in told] == [("2", 0), ("3", 0), ("2", 1), ("3", 1)]
    assert Record.read(places.record) == record
    assert record.settings["3"]["train.n_heads"] == 3
    assert record.machine["processor"]
    assert [entry.shared for entry in told] == [[], *[["neighbors"]] * 3]
    assert all(0 <= entry.figures["ensemble"]["acc"] <= 1 for entry in told)
    assert all(entry.seconds["train"] > 0 for entry in told)
    assert record.source["n_images"] == {"train": 120, "val": 40}


def test_components_are_measured_with_self_training(blobs_source: Source, places: Places) -> None:
    record, told = run(blobs_source, places, COMPONENTS)
    assert list(record.left_out) == ["+ Feat."]
    assert [entry.variant for entry in told] == [
        "baseline", "batch-norm", "adaptive-neighbors", "sinkhorn", "cross-entropy",
    ]  # fmt: skip
    assert all(entry.figures["self_training"] is not None for entry in told)
    neighbors = [entry.figures["neighbors"] for entry in told]
    assert [one["mean_count"] for one in neighbors[:2]] == [3.0, 3.0]
    assert neighbors[2]["mean_count"] > 3.0
    assert neighbors[2] == neighbors[3] == neighbors[4]


def test_a_lower_threshold_has_more_neighbors(blobs_source: Source, places: Places) -> None:
    record, _ = run(blobs_source, places, SWEEP.with_values([1.0, 0.8, 0.2]))
    counts = [entry.figures["neighbors"]["mean_count"] for entry in record.entries]
    assert counts == sorted(counts)
    assert counts[0] == 3.0 < counts[-1]
    assert record.entries[0].figures["neighbors"]["accuracy_above"] is None
    assert record.entries[1].figures["neighbors"]["accuracy_above"] > 0.9


@pytest.mark.parametrize(
    ("error", "told_as"),
    [(UclsError("the disk is full"), "the disk is full"),
     (RuntimeError("CUDA out of memory\nmore"), "RuntimeError: CUDA out of memory")],
)  # fmt: skip
def test_a_failing_row_does_not_stop_the_others(
    blobs_source: Source,
    places: Places,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    told_as: str,
) -> None:
    whole = runner.run_single

    def fail_with_two(source: Source, config, *args: object, **kwargs: object) -> list[str]:
        if config.train.n_heads == 2:
            raise error
        return whole(source, config, *args, **kwargs)

    monkeypatch.setattr(runner, "run_single", fail_with_two)
    record, told = run(blobs_source, places)
    assert [entry.error for entry in told] == [told_as, None]
    monkeypatch.undo()
    again, _ = run(blobs_source, places, skip_existing=True)
    assert [entry.error for entry in again.entries] == [None, None]
    assert again.entries[0] == record.finished[0]


def test_finished_runs_are_kept_only_if_wanted_and_alike(
    blobs_source: Source, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = run(blobs_source, places)
    ran: list[tuple[int, int]] = []
    whole = runner.run_single

    def counted(source: Source, config, *args: object, **kwargs: object) -> list[str]:
        ran.append((config.train.n_heads, config.seed))
        return whole(source, config, *args, **kwargs)

    monkeypatch.setattr(runner, "run_single", counted)
    kept, told = run(blobs_source, places, n_seeds=2, skip_existing=True)
    assert ran == [(2, 1), (3, 1)]
    assert kept.entries[:2] == first.entries
    assert len(told) == 4
    ran.clear()
    other, _ = run(blobs_source, places, HEADS.with_values([3, 4]), skip_existing=True)
    assert ran == [(4, 0)]
    assert [(entry.variant, entry.seed) for entry in other.entries] == [
        ("3", 0),
        ("3", 1),
        ("4", 0),
    ]
    ran.clear()
    run(blobs_source, places, HEADS.with_values([3]))
    assert ran == [(3, 0)]
