from pathlib import Path

import pytest

from tests.conftest import Lines
from ucls import pipeline
from ucls.cache import RunFolder
from ucls.errors import UclsError, UsageError
from ucls.runs.opening import open_run
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.settings.presets import preset


def test_what_another_objective_has_no_use_for_is_dropped_and_named(
    run_path: Path, lines: Lines
) -> None:
    first = {"train.beta": 0.5, "train.teacher_momentum": 0.5, "train.cross_entropy": 0.25}
    open_run(run_path, settings=first)
    run = open_run(run_path, settings={"train.objective": "scan"}, reporter=lines)
    (said,) = lines.said
    before, _, names = said.partition(": ")
    assert before == "settings without a part from now on"
    assert set(names.split(", ")) == {"train.beta", "train.cross_entropy"}
    assert run.config.train.teacher_momentum == 0.5
    assert Run(run_path).config.train.beta is None
    open_run(run_path, settings={"train.objective": "scan"}, reporter=lines)
    assert lines.said == [said]
    back = open_run(run_path, settings={"train.objective": "ucls"}, reporter=lines)
    assert (back.config.train.beta, lines.said) == (0.6, [said])


def test_what_is_given_with_the_objective_is_not_dropped(run_path: Path) -> None:
    before = (run_path / "run.json").read_bytes()
    with pytest.raises(UsageError, match="beta has no part in the objective scan"):
        open_run(run_path, settings={"train.objective": "scan", "train.beta": 0.5})
    with pytest.raises(UsageError, match="objective: input should be 'ucls'"):
        open_run(run_path, settings={"train.objective": "dino"})
    assert (run_path / "run.json").read_bytes() == before


def test_a_run_of_a_preset_takes_another_objective(run_path: Path) -> None:
    values = preset("cifar10", objective="ucls")
    keep = {name: value for name, value in values.items() if name.startswith("train.")}
    open_run(run_path, settings=keep)
    run = open_run(run_path, settings={"train.objective": "turtle"})
    assert (run.config.train.objective, run.config.train.hidden_dim) == ("turtle", None)


def test_what_was_fitted_is_told(tmp_path: Path, sources: Path, lines: Lines) -> None:
    config = Config(n_clusters=4)
    pipeline.start(str(sources / "plain.npy"), out=tmp_path / "a", config=config, reporter=lines)
    (told,) = [line for line in lines.said if line.startswith("settings fitted to the data")]
    first, *block = told.splitlines()
    assert first == "settings fitted to the data (change any with --set):"
    assert max(map(len, block)) <= 100
    names = [entry.split() for line in block for entry in line[14:].strip(" ,").split(", ")]
    assert all(len(entry) == 2 for entry in names), "a name and its value are on one line"
    flat = " ".join(told.split())
    for part in (
        "run effort normal,",
        "train n_heads 16, heads_at_once 8, scales 2, components all,",
        "batch_size 64, learning_rate 0.004,",
        "ensemble heads all",
    ):
        assert part in flat
    assert not any(name in flat for name in ("n_clusters", "time_limit", "beta"))


def test_settings_are_not_changed_while_another_process_is_at_work(run_path: Path) -> None:
    before = (run_path / "run.json").read_bytes()
    with RunFolder(run_path).lock(), pytest.raises(UclsError, match="another process"):
        open_run(run_path, settings={"train.beta": 0.5})
    assert (run_path / "run.json").read_bytes() == before


def test_extraction_settings_come_too_late(run_path: Path) -> None:
    before = RunFolder(run_path).record
    with pytest.raises(UsageError, match=r"extract.strict would change the features"):
        open_run(run_path, settings={"extract.strict": True})
    assert RunFolder(run_path).record == before


def test_a_time_limit_comes_too_late(run_path: Path) -> None:
    before = RunFolder(run_path).record
    with pytest.raises(UsageError, match=r"time_limit would come too late, .* to `ucls run`"):
        open_run(run_path, settings={"time_limit": "10m"})
    assert RunFolder(run_path).record == before


def test_an_effort_takes_the_place_of_the_time_limit(run_path: Path, lines: Lines) -> None:
    folder = RunFolder(run_path)
    record = folder.record
    folder.update(
        requested={**record["requested"], "time_limit": "10m"},
        data={**record["data"], "time_limit": "10m", "effort": "thorough"},
    )
    assert Run(run_path).config.effort == "thorough"
    run = open_run(run_path, settings={"effort": "quick"}, reporter=lines)
    assert lines.said == ["settings without a part from now on: time_limit"]
    assert (run.config.effort, run.requested.time_limit) == ("quick", None)


def test_settings_that_a_stage_cannot_start_with_are_not_kept(run_path: Path) -> None:
    open_run(run_path, settings={"train.epochs": 7})
    before = (run_path / "run.json").read_bytes(), (run_path / "config.toml").read_bytes()
    with pytest.raises(UclsError, match="run first: ucls train"):
        open_run(run_path, after="merge", settings={"train.epochs": 5})
    assert ((run_path / "run.json").read_bytes(), (run_path / "config.toml").read_bytes()) == before
