import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.digits import digits_table


@pytest.mark.slow
def test_it_shows_every_seed_beside_k_means() -> None:
    quick = ["train.epochs=1", "train.n_heads=3", "self_train.iterations=10"]
    options = [part for text in quick for part in ("--set", text)]
    done = CliRunner().invoke(app, ["digits", "--seeds", "1", "--first-seed", "3", *options])
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("train", "val"))]
    assert rows[0] == ["train", "k-means", "0.788", "0.788"]
    assert rows[-1][:2] == ["val", "self-training"]
    assert "seconds per run, with extraction:" in done.stdout


def test_a_row_holds_the_mean_and_every_seed() -> None:
    parts = ("kmeans", "heads", "best_head", "ensemble.chosen", "self_training")
    runs = [{part: {"acc": acc, "acc_mean": acc - 0.1} for part in parts} for acc in (0.8, 0.9)]
    rows = digits_table([{"train": run, "val": run} for run in runs]).rows
    assert rows[0] == ["train", "k-means", "0.850", "0.800 0.900"]
    assert rows[1] == ["train", "heads, mean", "0.750", "0.700 0.800"]
