from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import jobs as module
from benchmarks.jobs import Job, Outcome, run_jobs
from benchmarks.records import read_record
from benchmarks.runner import STAGE_NAMES
from benchmarks.trials import Trial
from tests.ucls.datasets.layouts import write_cifar10
from ucls.config import Config
from ucls.errors import UsageError
from ucls.progress import SILENT, Advance, Reporter, ignore_progress
from ucls.sources import Source, load_source

QUICK = {"train.epochs": 1, "train.n_heads": 3, "self_train.iterations": 10, "neighbors.k": 3}


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


@pytest.fixture
def blobs(sources: Path) -> Source:
    return load_source(str(sources / "blobs.npz"), val=str(sources / "blobs-val.npz"))


def make_jobs(folder: Path, n_seeds: int = 1, **settings: Any) -> list[Job]:
    asked = {**QUICK, **settings}
    return [
        Job(
            dataset="blobs",
            config=Config(seed=seed, device="cpu").with_values(asked),
            settings=asked,
            images={"train": 120, "val": 40},
            folder=folder / "runs" / f"seed{seed}",
            record=folder / "results" / f"seed{seed}.json",
            overrides=settings,
        )
        for seed in range(n_seeds)
    ]


def run(
    jobs: list[Job], source: Source, *, reporter: Reporter = SILENT, **options: Any
) -> list[Outcome]:
    return list(run_jobs(jobs, lambda: source, **{"stages": STAGE_NAMES, **options}))


def test_every_run_leaves_a_record_of_what_was_run(tmp_path: Path, blobs: Source) -> None:
    jobs = [replace(job, facts=lambda _: {"neighbors": {"k": 3}}) for job in make_jobs(tmp_path, 2)]
    outcomes = run(jobs, blobs)
    assert [(outcome.title, outcome.result) for outcome in outcomes] == [
        ("blobs, seed 0", "ran"),
        ("blobs, seed 1", "ran"),
    ]
    trial = outcomes[1].trial
    assert isinstance(trial, Trial)
    assert read_record(tmp_path / "results" / "seed1.json", Trial) == trial
    assert (trial.dataset, trial.objective, trial.seed) == ("blobs", "ucls", 1)
    assert (trial.settings, trial.neighbors) == (QUICK, {"k": 3})
    assert trial.resolved["train.epochs"] == 1
    assert trial.images == {"train": 120, "val": 40}
    assert {"torch", "python"} <= trial.versions.keys()
    assert 0 < trial.figures["val"]["ensemble.chosen"]["acc"] <= 1


def test_what_has_its_record_is_skipped(tmp_path: Path, blobs: Source) -> None:
    (first,) = run(make_jobs(tmp_path), blobs)
    # Skipping opens no source, so that tables can be made where there is none.
    (again,) = run_jobs(make_jobs(tmp_path), lambda: 1 / 0, stages=STAGE_NAMES, skip_existing=True)
    assert (again.result, again.trial) == ("skipped", first.trial)
    for change in ({"images": {"train": 121}}, {"content": "others"}):
        jobs = [replace(job, **change) for job in make_jobs(tmp_path)]
        assert run(jobs, blobs, skip_existing=True)[0].result == "ran"


def test_other_settings_need_leave_to_replace_a_run(tmp_path: Path, blobs: Source) -> None:
    run(make_jobs(tmp_path), blobs)
    jobs = make_jobs(tmp_path, **{"train.n_heads": 2})
    (failed,) = run(jobs, blobs)
    assert failed.result == "failed"
    assert "train.n_heads is 3 there, 2 here" in failed.reason
    assert "--runs-dir" in failed.reason
    told = Listener()
    options = {"skip_existing": True, "reporter": told}
    (again,) = run_jobs(jobs, lambda: blobs, stages=STAGE_NAMES, **options)
    assert again.trial is not None
    assert again.trial.resolved["train.n_heads"] == 2
    assert "run again, as its record differs: train.n_heads is 3 there, 2 here" in told.lines[0]


def test_stages_without_figures_leave_no_record(tmp_path: Path, blobs: Source) -> None:
    (outcome,) = run(make_jobs(tmp_path), blobs, stages=("extract", "neighbors"))
    assert (outcome.result, outcome.trial) == ("ran", None)
    assert "no record" in outcome.reason
    assert not (tmp_path / "results").exists()


def test_a_source_that_does_not_open_fails_once(tmp_path: Path) -> None:
    def fail() -> Source:
        raise UsageError("it is not there")

    (outcome,) = run_jobs(make_jobs(tmp_path, 2), fail, stages=STAGE_NAMES)
    assert (outcome.title, outcome.job, outcome.reason) == ("blobs", None, "it is not there")
    assert "UsageError" in outcome.traceback


def test_a_failing_run_does_not_stop_the_others(tmp_path: Path, blobs: Source) -> None:
    folder = tmp_path / "runs" / "seed0"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("mine")
    outcomes = run(make_jobs(tmp_path, 2), blobs, stages=("extract",))
    assert [outcome.result for outcome in outcomes] == ["failed", "ran"]
    assert "is not empty and holds no run" in outcomes[0].reason


def test_an_extraction_that_fails_ends_the_source(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"none")
    wrong = {"extract.weights": str(weights), "extract.backbone": "dinov2_vits14"}
    source = load_source("cifar10", data_dir=tmp_path)
    (outcome,) = run(make_jobs(tmp_path, 2, **wrong), source)
    assert (outcome.job, outcome.result) == (None, "failed")
    assert "weights.safetensors" in outcome.reason


def test_an_unexpected_error_is_one_line(
    tmp_path: Path,
    blobs: Source,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr(module, "run_stages", fail)
    outcomes = run(make_jobs(tmp_path, 2), blobs)
    assert [outcome.reason for outcome in outcomes] == ["RuntimeError: out of memory"] * 2
    outcomes[0].tell(show_traceback=False)
    assert capsys.readouterr().err == "blobs, seed 0 failed: RuntimeError: out of memory\n"
    outcomes[0].tell(show_traceback=True)
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_stops_everything(tmp_path: Path, blobs: Source) -> None:
    told = Listener(stop_at="neighbors:")
    jobs = run_jobs(make_jobs(tmp_path, 3), lambda: blobs, stages=STAGE_NAMES, reporter=told)
    with pytest.raises(KeyboardInterrupt):
        list(jobs)
    assert not any("seed 1" in line for line in told.lines)
