import json
from pathlib import Path

import pytest

from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.report.training_curves import TrainingCurve, read_training_curves


def test_groups_are_told_apart(tmp_path: Path) -> None:
    records = [
        {"group": 1, "epoch": 1, "loss": 5.0, "head_losses": [5.0]},
        {"group": 0, "epoch": 1, "loss": 2.0, "head_losses": [1.0, 3.0]},
        {"group": 0, "epoch": 2, "loss": 1.0, "head_losses": [0.5, 1.5]},
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert read_training_curves(path) == [
        TrainingCurve(0, [1, 2], [2.0, 1.0], [1.0, 0.5], [3.0, 1.5]),
        TrainingCurve(1, [1], [5.0], [5.0], [5.0]),
    ]


def test_logs_of_older_versions(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"epoch": 1, "loss": 2.0, "agreement": 0.5}\n')
    assert read_training_curves(path) == [TrainingCurve(0, [1], [2.0], [2.0], [2.0])]


def test_what_a_run_leaves(shared_run: Path) -> None:
    (curve,) = read_training_curves(shared_run / files.TRAINING_LOG)
    assert curve.epochs == [1, 2, 3]
    for low, mean, high in zip(curve.lowest, curve.loss, curve.highest, strict=True):
        assert low <= mean <= high


def test_an_empty_log_has_no_curves(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("")
    assert read_training_curves(tmp_path / "train.jsonl") == []


@pytest.mark.parametrize("text", ['{"epoch": 1', "[1]", "{}", '{"epoch": "x", "loss": 1}', "3"])
def test_a_damaged_log_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.jsonl").write_text(text + "\n")
    with pytest.raises(UsageError, match=r"train\.jsonl is damaged"):
        read_training_curves(tmp_path / "train.jsonl")
