from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.records import read_record
from benchmarks.trials import Trial, departures, describe_machines, from_folder
from tests.benchmarks.accuracy.samples import make_trial

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
DIGITS = {"train": 1437, "val": 360}


@pytest.mark.parametrize("seed", range(5))
def test_records_that_were_kept_are_read(seed: int) -> None:
    trial = read_record(RESULTS / "digits" / f"ucls-seed{seed}.json", Trial)
    assert (trial.seed, trial.row, trial.images) == (seed, "", DIGITS)
    assert trial.measured.startswith("2026-11-26")
    assert trial.figures["val"]["ensemble.chosen"]["acc"] > 0.9


def test_a_run_folder_tells_what_was_run(shared_run: Path) -> None:
    found = from_folder(shared_run)
    assert found["images"] == {"train": 120, "val": 40}
    assert found["stages"]["train"].keys() == {"seconds", "peak_memory_mb"}
    assert found["resolved"]["seed"] == found["seed"]
    assert "cluster_sizes" not in found["figures"]["val"]["kmeans"]


def test_machines_are_told_apart_and_the_gpu_is_named_where_it_was_used() -> None:
    trial = make_trial()
    with_gpu = replace(trial, machine={**trial.machine, "gpu": "A100"})
    assert describe_machines([trial, with_gpu]) == ["Abacus, 2 cores, torch 2.0, ucls 0.1"]
    (_, other) = describe_machines([trial, replace(with_gpu, device="cuda")])
    assert other.startswith("A100, Abacus")


def test_departures_are_of_images_and_settings() -> None:
    trial = make_trial(images={"train": 20})
    trial = replace(trial, settings={"scales": (1, 2), "epochs": 1, "k": 5})
    assert departures(trial, {"scales": [1, 2], "epochs": 2}, {"train": 1437}) == [
        "train had 20 of 1,437 images",
        "epochs = 1 instead of 2",
        "k = 5 instead of the default",
    ]
