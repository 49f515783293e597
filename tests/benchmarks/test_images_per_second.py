from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.images_per_second import Rate


def test_the_share_is_of_the_bare_rate() -> None:
    assert Rate(200.0, 150.0).share == 0.75


def test_both_rates_are_shown() -> None:
    options = ["--arch", "small:1:16", "--batch-size", "80", "--steps", "1"]
    result = CliRunner().invoke(app, ["pretraining", *options])
    assert result.exit_code == 0, result.output
    name, bare, training, share = result.output.splitlines()[-1].split(", ")
    assert name == "small:1:16"
    assert abs(float(training) / float(bare) - float(share)) < 0.1
