import re
from pathlib import Path

import pytest

from benchmarks.accuracy.datasets import (
    BENCHMARKS,
    FOLDER,
    THESIS,
    load_benchmark,
    load_benchmarks,
)
from ucls.config import Config
from ucls.errors import UsageError
from ucls.settings.objectives import objective_names
from ucls.settings.presets import preset

SOURCE = re.compile(r"# .*(thesis|ours|TEMI)")
PLACES = {"runs_dir": Path("runs"), "results_dir": Path("results")}


@pytest.mark.parametrize("name", THESIS)
def test_a_file_holds_the_preset(name: str) -> None:
    settings = load_benchmark(name).settings
    assert settings.keys() == preset(name).keys()
    assert Config().with_values(settings) == Config().with_values(preset(name))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_value_of_a_file_has_a_source(name: str) -> None:
    lines = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    values = [line for line in lines if line and line[0] not in "#["]
    assert len(values) == len(load_benchmark(name).settings)
    assert [line for line in values if not SOURCE.search(line)] == []


@pytest.mark.parametrize("objective", objective_names())
def test_every_objective_can_be_asked_for(objective: str) -> None:
    for name in BENCHMARKS:
        job = load_benchmark(name).job(3, **PLACES, objective=objective)
        assert (job.config.train.objective, job.config.seed) == (objective, 3)
        assert job.folder == Path("runs") / name / f"{objective}-seed3"
        assert job.record == Path("results") / name / f"{objective}-seed3.json"
        if name in THESIS:
            expected = preset(name, objective=objective) | {"train.objective": objective}
            assert job.settings.keys() == expected.keys()


def test_all_is_the_ten_of_the_thesis() -> None:
    assert tuple(benchmark.name for benchmark in load_benchmarks("all")) == THESIS
    assert (len(THESIS), set(BENCHMARKS)) == (10, {*THESIS, "digits"})
    assert {one.name for one in load_benchmarks("digits, stl10,digits")} == {"digits", "stl10"}
    with pytest.raises(UsageError, match=r"--datasets to be 'all' or some of .*, got cifar11"):
        load_benchmarks("cifar11")
