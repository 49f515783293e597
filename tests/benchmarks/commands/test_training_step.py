import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.speed import training_ratios
from benchmarks.speed.measurement import Measurement, Size
from ucls.settings.objectives import objective_names


@pytest.fixture
def asked(monkeypatch):
    calls = []

    def ratios(objective, precisions, size, *, repeats, **settings):
        calls.append((objective, precisions, size, repeats, settings))
        yield Measurement(f"{objective} float32", "bare matmuls", [2.0], [1.0])

    monkeypatch.setattr(training_ratios, "objective_ratios", ratios)
    return calls


def run(*options):
    return CliRunner().invoke(app, ["training-step", *options])


def test_every_objective_in_both_precisions_at_the_usual_size(asked):
    done = run()
    assert done.exit_code == 0, done.output
    assert [call[0] for call in asked] == list(objective_names())
    assert all(name in done.output for name in objective_names())
    usual = {"batch_size": 1024, "hidden_dim": 512, "bottleneck_dim": 256, "n_smoothing": 1}
    assert asked[0][1:] == (["float32", "bfloat16"], Size(100_000, 100, 50, 1024), 10, usual)


def test_every_option_counts(asked):
    sizes = ("--heads", "2", "--features", "8", "--clusters", "3", "--batch", "16")
    widths = ("--hidden", "6", "--bottleneck", "4", "--smoothing", "2", "--symmetric")
    run(*sizes, *widths, "--objectives", "temi", "--precisions", "float32", "--scales", "1,2.5",
        "--repeats", "4")  # fmt: skip
    settings = {"batch_size": 16, "hidden_dim": 6, "bottleneck_dim": 4, "n_smoothing": 2}
    settings |= {"scales": [1.0, 2.5], "symmetric": True}
    assert asked == [("temi", ["float32"], Size(100_000, 3, 2, 8), 4, settings)]
