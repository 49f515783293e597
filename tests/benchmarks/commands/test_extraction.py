from typer.testing import CliRunner

from benchmarks.__main__ import app


def test_the_command_shows_rate_and_bottleneck():
    options = ["--images", "4", "--batch-size", "2", "--workers", "0", "--repeats", "1"]
    done = CliRunner().invoke(app, ["extraction", "--backbone", "timm/test_vit", *options])
    assert done.exit_code == 0, done.output
    line = done.output.splitlines()[-1]
    assert line.startswith("extraction of 4 JPEGs, timm/test_vit, float")
    assert "images_per_s" in line
