from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.records import write_record
from tests.benchmarks.speed.growth.samples import growth_record
from ucls.errors import UsageError


def run(*options):
    return CliRunner().invoke(app, ["estimate", *map(str, options)])


def test_every_option_of_the_device_counts_and_the_page_goes_to_a_file_too(tmp_path):
    write_record(path := tmp_path / "growth.json", growth_record())
    out = tmp_path / "new" / "estimate.md"
    options = {
        "tflops": 1.5, "share": 0.1, "fp32-tflops": 2.5, "fp32-share": 0.2, "bandwidth": 3.5,
        "bandwidth-share": 0.3,
    }  # fmt: skip
    given = [text for name, value in options.items() for text in (f"--device-{name}", value)]
    done = run(path, *given, "--out", out)
    assert done.output == out.read_text()
    assert f"`{path}`" in done.output
    assert "1.5 TFLOP/s of bfloat16 products of which 10% are reached" in done.output
    assert "2.5 TFLOP/s of float32 (20%), 3.5 TB/s of memory (30%)" in done.output
    assert run(path, "--out", out).exit_code == 0
    out.write_text("# My notes")
    assert "was not written by this command" in str(run(path, "--out", out).exception)


def test_without_a_record_it_says_how_to_make_one(tmp_path):
    done = run(tmp_path / "none.json")
    assert isinstance(done.exception, UsageError)
    assert "python -m benchmarks growth" in str(done.exception)
