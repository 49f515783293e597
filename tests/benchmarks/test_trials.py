from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.records import read_record, write_record
from benchmarks.trials import (
    Trial,
    changed_settings,
    describe_machine,
    from_folder,
    missing_images,
    show_setting,
    without,
)
from tests.benchmarks.accuracy.samples import make_trial

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
DIGITS = {"train": 1437, "val": 360}


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    trial = make_trial("stl10", seed=3, overrides={"train.scales": [2]})
    write_record(tmp_path / "trial.json", trial)
    assert read_record(tmp_path / "trial.json", Trial) == trial
    assert trial.seconds == 61.0


@pytest.mark.parametrize("seed", range(5))
def test_records_that_were_kept_are_read(seed: int) -> None:
    trial = read_record(RESULTS / "digits" / f"ucls-seed{seed}.json", Trial)
    assert (trial.seed, trial.row, trial.images) == (seed, "", DIGITS)
    assert trial.measured.startswith("2026-11-26")
    assert trial.figures["val"]["ensemble.chosen"]["acc"] > 0.9


def test_a_run_folder_tells_what_was_run(shared_run: Path) -> None:
    found = from_folder(shared_run)
    assert found["images"].keys() == {"train", "val"}
    assert {"neighbors", "train", "evaluate"} <= found["stages"].keys()
    assert found["stages"]["train"].keys() == {"seconds", "peak_memory_mb"}
    assert found["resolved"]["seed"] == found["seed"]
    assert "cluster_sizes" not in found["figures"]["val"]["kmeans"]


def test_the_gpu_is_named_where_it_was_used() -> None:
    trial = make_trial()
    assert describe_machine(trial) == "Abacus, 2 cores, torch 2.0, ucls 0.1"
    with_gpu = replace(trial, machine={**trial.machine, "gpu": "A100"})
    assert "A100" not in describe_machine(with_gpu)
    assert describe_machine(replace(with_gpu, device="cuda")).startswith("A100, Abacus")


def test_missing_images_are_counted() -> None:
    assert missing_images(make_trial(), DIGITS) == []
    trial = make_trial(images={"train": 20})
    assert missing_images(trial, DIGITS) == [
        "train had 20 of 1,437 images",
        "val had 0 of 360 images",
    ]


def test_settings_are_the_same_as_lists_and_as_tuples() -> None:
    assert changed_settings({"a": (1, 2), "b": 1}, {"a": [1, 2], "c": None}) == ["b", "c"]
    assert [show_setting({"a": (1,)}, name) for name in "ab"] == ["[1]", "not set"]


def test_names_are_left_out_at_any_depth() -> None:
    assert without({"a": 1, "b": {"a": 2, "c": 3}}, ["a"]) == {"b": {"c": 3}}
