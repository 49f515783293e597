from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.records import write_record
from benchmarks.speed.estimate.device import Device
from tests.benchmarks.speed.growth.samples import growth_record
from ucls.errors import UsageError


def run(*options):
    return CliRunner().invoke(app, ["estimate", *map(str, options)])


@pytest.fixture
def told(monkeypatch):
    """The devices that reports are made of, and no report."""
    devices = []

    def page(record, device, *, source):
        devices.append(device)
        return f"# {len(record.stages)} stages of {source}\n"

    monkeypatch.setattr("benchmarks.speed.estimate.page.estimate_page", page)
    return devices


@pytest.fixture
def record_path(tmp_path: Path) -> Path:
    path = tmp_path / "growth.json"
    write_record(path, growth_record())
    return path


def test_the_report_goes_to_the_terminal_and_to_a_file(told, record_path, tmp_path):
    out = tmp_path / "new" / "estimate.md"
    done = run(record_path, "--out", out)
    assert done.output == f"# 6 stages of {record_path}\n" == out.read_text()
    assert told == [Device()]


def test_every_option_of_the_device_counts(told, record_path):
    options = {
        "tflops": 1.0, "share": 0.1, "fp32-tflops": 2.0, "fp32-share": 0.2, "bandwidth": 3.0,
        "bandwidth-share": 0.3,
    }  # fmt: skip
    given = [text for name, value in options.items() for text in (f"--device-{name}", str(value))]
    run(record_path, *given)
    assert told == [Device(1.0, 0.1, 2.0, 0.2, 3.0, 0.3)]


def test_without_a_record_it_says_how_to_make_one(tmp_path):
    done = run(tmp_path / "none.json")
    assert isinstance(done.exception, UsageError)
    assert "python -m benchmarks growth" in str(done.exception)


@pytest.mark.slow
def test_the_real_report_of_a_made_up_record(record_path):
    done = run(record_path)
    assert done.exit_code == 0, done.output
    assert "## 100 million images, C=10,000" in done.output
    assert "nan" not in done.output
