import re
from pathlib import Path
from typing import get_args

import pytest

from benchmarks.accuracy.datasets import (
    THESIS,
    benchmark_names,
    check_overrides,
    load_benchmark,
    load_benchmarks,
)
from ucls.config import Config
from ucls.errors import UsageError
from ucls.objectives.settings import ObjectiveName
from ucls.presets import preset

SOURCE = re.compile(r"# .*(thesis|ours|TEMI)")
PLACES = {"runs_dir": Path("runs"), "results_dir": Path("results")}


def test_the_ten_of_the_thesis_and_digits_have_files() -> None:
    assert set(benchmark_names()) == {*THESIS, "digits"}
    assert len(THESIS) == 10


@pytest.mark.parametrize("name", THESIS)
def test_a_file_holds_the_preset(name: str) -> None:
    settings = load_benchmark(name).settings
    assert settings.keys() == preset(name).keys()
    assert Config().with_values(settings) == Config().with_values(preset(name))


@pytest.mark.parametrize("name", benchmark_names())
def test_every_value_of_a_file_has_a_source(name: str) -> None:
    lines = load_benchmark(name).path.read_text(encoding="utf-8").splitlines()
    values = [line for line in lines if line and line[0] not in "#["]
    assert len(values) == len(load_benchmark(name).settings)
    assert [line for line in values if not SOURCE.search(line)] == []


@pytest.mark.parametrize("objective", get_args(ObjectiveName))
@pytest.mark.parametrize("name", benchmark_names())
def test_every_objective_can_be_asked_for(name: str, objective: ObjectiveName) -> None:
    benchmark = load_benchmark(name)
    (job,) = benchmark.jobs(range(3, 4), **PLACES, objective=objective)
    assert (job.config.train.objective, job.config.seed) == (objective, 3)
    assert job.folder == Path("runs") / name / f"{objective}-seed3"
    assert job.record == Path("results") / name / f"{objective}-seed3.json"
    if name in THESIS:
        expected = preset(name, objective=objective) | {"train.objective": objective}
        assert job.settings.keys() == expected.keys()


def test_overrides_lie_over_the_file() -> None:
    benchmark = load_benchmark("cifar10")
    (job,) = benchmark.jobs(range(1), **PLACES, overrides={"train.epochs": 300})
    assert job.config.train.epochs == job.settings["train.epochs"] == 300
    assert benchmark.settings["train.epochs"] == 400


def test_all_is_the_ten_of_the_thesis() -> None:
    assert tuple(benchmark.name for benchmark in load_benchmarks("all")) == THESIS
    names = [benchmark.name for benchmark in load_benchmarks("digits, stl10,digits")]
    assert names == ["digits", "stl10"]
    with pytest.raises(UsageError, match="expected names"):
        load_benchmarks(" , ")
    with pytest.raises(UsageError, match=r"'cifar11'; choose some of digits, .*mean cifar10"):
        load_benchmarks("cifar11")


@pytest.mark.parametrize("name", ["seed", "device", "train.objective"])
def test_a_setting_with_an_option_is_not_overridden(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is not given with --set"):
        check_overrides({name: 1})
