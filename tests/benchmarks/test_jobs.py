from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import jobs as module
from benchmarks.jobs import Job, Outcome, run_jobs
from benchmarks.records import read_record
from benchmarks.trials import Trial
from ucls.config import Config
from ucls.errors import UsageError
from ucls.sources import Source

QUICK = {"train.epochs": 1, "train.n_heads": 3, "self_train.iterations": 10, "neighbors.k": 3}


def make_jobs(folder: Path, n_seeds: int = 1, **settings: Any) -> list[Job]:
    asked = {**QUICK, **settings}
    return [
        Job(
            name="blobs",
            config=Config(seed=seed, device="cpu").with_values(asked),
            settings=asked,
            images={"train": 120, "val": 40},
            folder=folder / "runs" / f"seed{seed}",
            record=folder / "results" / f"seed{seed}.json",
            overrides=settings,
            facts=lambda _: {"row": "first"},
        )
        for seed in range(n_seeds)
    ]


def run(jobs: list[Job], source: Source | Callable[[], Source], **options: Any) -> list[Outcome]:
    return list(run_jobs(jobs, source if callable(source) else lambda: source, **options))


@pytest.mark.slow
def test_every_run_leaves_a_record_and_is_skipped_until_other_settings_are_asked_for(
    tmp_path: Path, blobs: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = run(make_jobs(tmp_path, 2), blobs)
    assert [one.title for one in outcomes] == ["blobs, seed 0", "blobs, seed 1"]
    trial = outcomes[1].trial
    assert isinstance(trial, Trial)
    assert read_record(tmp_path / "results" / "seed1.json", Trial) == trial
    assert (trial.dataset, trial.objective, trial.seed) == ("blobs", "ucls", 1)
    assert (trial.settings, trial.row) == (QUICK, "first")
    assert trial.resolved["train.epochs"] == 1
    assert trial.images == {"train": 120, "val": 40}
    assert {"torch", "python"} <= trial.versions.keys()
    assert 0 < trial.figures["val"]["ensemble.chosen"]["acc"] <= 1
    # Skipping opens no source, so that tables can be made where there is none.
    (_, again) = run(make_jobs(tmp_path, 2), lambda: 1 / 0, skip_existing=True)
    assert (again.result, again.trial) == ("skipped", trial)
    jobs = make_jobs(tmp_path, **{"train.n_heads": 2})
    (failed,) = run(jobs, blobs)
    assert "train.n_heads is 3 there, 2 here" in failed.reason
    assert capsys.readouterr().err.endswith(f"blobs, seed 0 failed: {failed.reason}\n")
    (again,) = run(jobs, blobs, skip_existing=True)
    assert again.trial is not None
    assert again.trial.resolved["train.n_heads"] == 2


def test_a_source_that_does_not_open_fails_once(tmp_path: Path) -> None:
    def fail() -> Source:
        raise UsageError("it is not there")

    (outcome,) = run(make_jobs(tmp_path, 2), fail)
    assert outcome == Outcome("blobs", "failed", "it is not there")


def test_a_failing_run_does_not_stop_the_others(tmp_path: Path, blobs: Source) -> None:
    folder = tmp_path / "runs" / "seed0"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("mine")
    failed, ran = run(make_jobs(tmp_path, 2), blobs, stages=("extract",))
    assert "is not empty and holds no run" in failed.reason
    assert (ran.result, ran.trial) == ("ran", None)
    assert "no record" in ran.reason


def test_what_nobody_foresaw_is_told_with_its_place_and_an_interrupt_stops_all(
    tmp_path: Path,
    blobs: Source,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(error: BaseException) -> Callable[..., None]:
        def run_stages(*_: object, **__: object) -> None:
            raise error

        return run_stages

    monkeypatch.setattr(module, "run_stages", fail(RuntimeError("out of\nmemory")))
    outcomes = run(make_jobs(tmp_path, 2), blobs)
    assert [outcome.reason for outcome in outcomes] == ["RuntimeError: out of memory"] * 2
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert printed.endswith("blobs, seed 1 failed: RuntimeError: out of memory\n")
    monkeypatch.setattr(module, "run_stages", fail(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        run(make_jobs(tmp_path, 2), blobs)
