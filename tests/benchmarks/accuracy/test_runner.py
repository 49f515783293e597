from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy.plan import Outcome
from benchmarks.accuracy.records import Record, read_record
from benchmarks.accuracy.runner import run_plan
from tests.benchmarks.accuracy.samples import PIXELS, QUICK, make_plan
from tests.ucls.datasets.layouts import write_cifar10
from ucls.progress import Advance, ignore_progress


class Listener:
    """Keeps what is said; ``stop_at`` acts as Ctrl-C would."""

    def __init__(self, stop_at: str = "nothing") -> None:
        self.lines: list[str] = []
        self.stop_at = stop_at

    def say(self, message: str, /) -> None:
        self.lines.append(message)
        if self.stop_at in message:
            raise KeyboardInterrupt

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        yield ignore_progress


def run(
    folder: Path, *names: str, listener: Listener | None = None, **options: Any
) -> list[Outcome]:
    return list(run_plan(make_plan(folder, *names, **options), reporter=listener or Listener()))


def written(path: Path) -> int:
    """When, in nanoseconds."""
    return path.stat().st_mtime_ns


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Outcome]]:
    """Two seeds of digits, of which tests change nothing."""
    folder = tmp_path_factory.mktemp("benchmark")
    return folder, run(folder, "digits", seeds=2)


def test_every_seed_has_a_record(finished: tuple[Path, list[Outcome]]) -> None:
    folder, outcomes = finished
    assert [(outcome.seed, outcome.result) for outcome in outcomes] == [(0, "ran"), (1, "ran")]
    for outcome in outcomes:
        path = folder / "results" / "digits" / f"ucls-seed{outcome.seed}.json"
        assert read_record(path) == outcome.record


def test_a_record_says_what_was_run(finished: tuple[Path, list[Outcome]]) -> None:
    folder, outcomes = finished
    record = outcomes[1].record
    assert isinstance(record, Record)
    assert (record.dataset, record.objective, record.seed) == ("digits", "ucls", 1)
    assert record.overrides == QUICK
    assert record.settings == {"n_clusters": 10, "train.objective": "ucls", **QUICK}
    assert record.resolved["train.epochs"] == 1
    assert record.resolved["seed"] == 1
    assert record.images == {"train": 1437, "val": 360}
    assert {"extract", "train", "evaluate"} <= record.stages.keys()
    assert record.stages["train"].keys() == {"seconds", "peak_memory_mb"}
    assert record.machine["cores"] >= 1
    assert {"torch", "python"} <= record.versions.keys()
    assert 0 < record.figures["val"]["ensemble.chosen"]["acc"] <= 1
    assert "cluster_sizes" not in record.figures["val"]["kmeans"]
    assert (folder / "runs" / "digits" / "ucls-seed1" / "labels.csv").is_file()


def test_a_record_with_the_same_settings_is_skipped(
    finished: tuple[Path, list[Outcome]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Skipping opens no dataset, so that tables can be made where there is none.
    monkeypatch.setattr("benchmarks.accuracy.runner.open_source", None)
    outcomes = run(finished[0], "digits", seeds=2, skip_existing=True)
    assert [outcome.result for outcome in outcomes] == ["skipped", "skipped"]
    assert outcomes[0].record == finished[1][0].record


def test_other_settings_need_leave_to_replace_a_run(tmp_path: Path) -> None:
    run(tmp_path, "digits")
    other = {**QUICK, "train.n_heads": 2}
    (failed,) = run(tmp_path, "digits", overrides=other)
    assert (failed.seed, failed.result) == (0, "failed")
    assert "train.n_heads is 3 there, 2 here" in failed.reason
    assert "--runs-dir" in failed.reason
    listener = Listener()
    (again,) = run(tmp_path, "digits", listener=listener, overrides=other, skip_existing=True)
    assert again.result == "ran"
    assert again.record is not None
    assert again.record.resolved["train.n_heads"] == 2
    assert "run again, as its record differs: train.n_heads is 3 there, 2 here" in listener.lines[0]


def test_some_stages_are_run_again_in_the_same_folder(tmp_path: Path) -> None:
    run(tmp_path, "digits")
    folder = tmp_path / "runs" / "digits" / "ucls-seed0"
    trained = written(folder / "heads.safetensors")
    vote = {**QUICK, "ensemble.method": "vote"}
    stages = ("ensemble", "evaluate")
    (outcome,) = run(tmp_path, "digits", stages=stages, overrides=vote)
    assert outcome.record is not None
    assert outcome.record.figures["val"]["ensemble.chosen"]["method"] == "vote"
    assert outcome.record.settings["ensemble.method"] == "vote"
    assert written(folder / "heads.safetensors") == trained
    made = written(folder / "consensus.h5")
    run(tmp_path, "digits", stages=stages, overrides=vote)
    assert written(folder / "consensus.h5") == made
    run(tmp_path, "digits", stages=stages, overrides=vote, overwrite=True)
    assert written(folder / "consensus.h5") > made
    assert written(folder / "heads.safetensors") == trained
    (failed,) = run(tmp_path, "digits", stages=stages, overrides={**vote, "train.epochs": 2})
    assert failed.result == "failed"
    assert "would change the stage train" in failed.reason


def test_stages_without_figures_leave_no_record(tmp_path: Path) -> None:
    (outcome,) = run(tmp_path, "digits", stages=("extract", "neighbors"))
    assert (outcome.result, outcome.record) == ("ran", None)
    assert "no record" in outcome.reason
    assert not (tmp_path / "results").exists()
    assert (tmp_path / "runs" / "digits" / "ucls-seed0" / "neighbors.h5").is_file()


def test_a_missing_dataset_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UCLS_DATA", raising=False)
    outcomes = run(tmp_path, "cifar10", "digits", seeds=2, stages=("extract",))
    assert [(outcome.dataset, outcome.seed, outcome.result) for outcome in outcomes] == [
        ("cifar10", None, "failed"),
        ("digits", 0, "ran"),
        ("digits", 1, "ran"),
    ]
    assert "toronto" in outcomes[0].reason
    assert "UsageError" in outcomes[0].traceback


def test_a_failing_seed_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "digits" / "ucls-seed0"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("mine")
    outcomes = run(tmp_path, "digits", seeds=2, stages=("extract",))
    assert [(outcome.seed, outcome.result) for outcome in outcomes] == [(0, "failed"), (1, "ran")]
    assert "is not empty and holds no run" in outcomes[0].reason


def test_an_extraction_that_fails_ends_the_dataset(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"none")
    overrides = {"extract.weights": str(weights), "extract.workers": 0}
    listener = Listener()
    options = {"data_dir": tmp_path, "overrides": overrides, "listener": listener}
    (outcome,) = run(tmp_path, "cifar10", seeds=2, **options)
    assert (outcome.seed, outcome.result) == (None, "failed")
    assert "weights.safetensors" in outcome.reason
    assert not any("seed 1" in line for line in listener.lines)


def test_an_unexpected_error_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr("benchmarks.accuracy.runner.run_stages", fail)
    outcomes = run(tmp_path, "digits", seeds=2)
    assert [outcome.reason for outcome in outcomes] == ["RuntimeError: out of memory"] * 2


def test_an_interrupt_stops_everything(tmp_path: Path) -> None:
    listener = Listener(stop_at="neighbors:")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "digits", seeds=3, listener=listener)
    assert not any("seed 1" in line for line in listener.lines)


def test_a_dataset_in_its_own_layout(tmp_path: Path) -> None:
    write_cifar10(tmp_path, n_train=60, n_val=20)
    (outcome,) = run(tmp_path, "cifar10", data_dir=tmp_path, overrides=PIXELS)
    assert outcome.record is not None, outcome.reason
    assert outcome.record.images == {"train": 60, "val": 20}
    assert outcome.record.resolved["train.teacher_temperature"] == 0.07
    # An incomplete dataset is run again, as it may be whole by now.
    again = run(tmp_path, "cifar10", data_dir=tmp_path, overrides=PIXELS, skip_existing=True)
    assert again[0].result == "ran"


def test_another_objective_has_folders_and_records_of_its_own(tmp_path: Path) -> None:
    outcomes = run(tmp_path, "digits", objective="temi")
    assert outcomes[0].record is not None
    assert outcomes[0].record.resolved["train.symmetric"] is True
    assert (tmp_path / "results" / "digits" / "temi-seed0.json").is_file()
