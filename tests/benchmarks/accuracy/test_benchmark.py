import re

import pytest

from benchmarks.accuracy.benchmark import (
    THESIS,
    benchmark_names,
    check_overrides,
    load_benchmark,
    load_benchmarks,
    make_config,
)
from ucls.errors import UsageError
from ucls.settings.config import Config
from ucls.settings.objectives import objective_names
from ucls.settings.presets import preset

SOURCE = re.compile(r"# .*(thesis|ours|TEMI)")


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


@pytest.mark.parametrize("objective", objective_names())
@pytest.mark.parametrize("name", benchmark_names())
def test_every_objective_can_be_asked_for(name: str, objective: str) -> None:
    settings = load_benchmark(name).settings_for(objective, {"seed": 3})
    config = make_config(settings, seed=1, device="cpu")
    assert (config.train.objective, config.seed) == (objective, 3)
    if name in THESIS:
        expected = preset(name, objective=objective) | {"train.objective": objective}
        assert settings.keys() == expected.keys() | {"seed"}


def test_overrides_lie_over_the_file() -> None:
    settings = load_benchmark("cifar10").settings_for("ucls", {"train.epochs": 1})
    assert settings["train.epochs"] == 1
    assert load_benchmark("cifar10").settings["train.epochs"] == 400


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'cifar11'; choose some of digits, .*mean cifar10"):
        load_benchmark("cifar11")


def test_all_is_the_ten_of_the_thesis() -> None:
    assert tuple(benchmark.name for benchmark in load_benchmarks("all")) == THESIS
    names = [benchmark.name for benchmark in load_benchmarks("digits, stl10,digits")]
    assert names == ["digits", "stl10"]
    with pytest.raises(UsageError, match="expected names"):
        load_benchmarks(" , ")


@pytest.mark.parametrize("name", ["seed", "device", "train.objective"])
def test_a_setting_with_an_option_is_not_overridden(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is not given with --set"):
        check_overrides({name: 1})
