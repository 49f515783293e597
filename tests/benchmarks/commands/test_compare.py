import dataclasses

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.commands.compare import changes, machine_differences
from benchmarks.records import made_here, write_record
from benchmarks.speed.measurement import Measurement, SpeedRecord


def record(**ratios):
    """A record whose references take one second; values are ours in each turn."""
    measurements = [
        Measurement(name, "bare", list(seconds), [1.0] * len(seconds))
        for name, seconds in ratios.items()
    ]
    return SpeedRecord(**made_here(), measurements=measurements)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), ["1", "2", "+100%", "slower"]),
        ((2.0, 2.0, 2.0), (1.0, 1.0, 1.0), ["2", "1", "-50%", "faster"]),
        ((1.0, 1.0, 1.0), (1.02, 1.02, 1.02), ["1", "1.02", "+2%", "same"]),
        ((1.0, 2.0, 3.0), (2.2, 2.2, 2.2), ["2", "2.2", "+10%", "same"]),
    ],
)
def test_a_change_counts_where_the_quartiles_lie_apart(before, after, line):
    assert list(changes(record(step=before), record(step=after))) == [["step", "bare", *line]]


def test_what_one_record_lacks_is_told():
    both, new, old = changes(record(old=(1.0,), both=(1.0,)), record(both=(1.0,), new=(1.0,)))
    assert both == ["both", "bare", "1", "1", "+0%", "same"]
    assert new == ["new", "bare", "-", "1", "-", "new"]
    assert old == ["old", "bare", "1", "-", "-", "gone"]


def test_other_machines_and_versions_are_told():
    here = record(step=(1.0,))
    versions = {**here.machine["versions"], "torch": "1.0"}
    machine = {**here.machine, "cores": 96, "versions": versions}
    there = dataclasses.replace(here, machine=machine)
    assert machine_differences(here, here) == []
    cores, torch = machine_differences(there, here)
    assert cores.startswith("cores: 96 before, ")
    assert torch.startswith("torch: 1.0 before, ")


def test_both_records_are_put_beside_each_other(tmp_path):
    paths = [tmp_path / "before.json", tmp_path / "after.json"]
    for path, seconds in zip(paths, (2.0, 1.0), strict=True):
        write_record(path, record(step=(seconds,)))
    done = CliRunner().invoke(app, ["compare", *map(str, paths)])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].split() == ["step", "bare", "2", "1", "-50%", "faster"]
