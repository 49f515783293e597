from pathlib import Path

import pytest

from benchmarks.digits import Timed, digits_table, peer_accuracies, run_digits
from benchmarks.runner import Measured
from ucls.config import Config


def test_runs_and_their_peers_are_measured(tmp_path: Path) -> None:
    quick = {"train.epochs": 2, "train.n_heads": 4, "self_train.iterations": 10}
    run = run_digits(Config(seed=2).with_values(quick), tmp_path)
    assert run.seconds > run.measured.seconds["train"]
    peers = peer_accuracies(tmp_path / "seed2")
    assert peers == pytest.approx({"spectral": 0.809, "agglomerative": 0.827}, abs=2e-3)
    rows = digits_table([run], peers).rows
    assert rows[1][:3] == ["train", "agglomerative", "0.827"]
    assert rows[-1][:2] == ["val", "self-training"]
    assert rows[2][:3] == ["train", "k-means", "0.788"]


def test_a_row_holds_the_mean_and_every_seed() -> None:
    def run(acc: float) -> Timed:
        parts = ("kmeans", "heads", "best_head", "ensemble.chosen", "self_training")
        row = {key: {"acc": acc, "acc_mean": acc - 0.1} for key in parts}
        return Timed(Measured({"train": row, "val": row}, {}), 1.0)

    rows = digits_table([run(0.8), run(0.9)], {}).rows
    assert rows[0] == ["train", "k-means", "0.850", "0.800 0.900"]
    assert rows[1] == ["train", "heads, mean", "0.750", "0.700 0.800"]
