import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.learning.page import learning_page
from benchmarks.learning.record import Learned, LearningRecord
from benchmarks.learning.work import MASKED_BY
from benchmarks.records import made_here
from ucls.settings.pretraining_methods import METHODS

RECORD = LearningRecord(
    **made_here(), dataset="drawings", settings={"epochs": 2}, images=1200,
    kmeans={0: 0.5, 1: 0.4},
    learned={
        "uic": {
            seed: Learned(
                epochs=({"acc": 0.2, "knn": 0.3}, {"acc": 0.4 + seed / 10, "knn": 0.6}),
                clusters={"acc": 0.5 + seed / 10, "nmi": 0.25},
                run={"train": 0.75, "val": 0.7, "kmeans": 0.6, "knn": 0.9},
                collapse="" if seed else "all alike",
            )
            for seed in (0, 1)
        },
        "moco": {0: Learned(epochs=({"knn": 0.5}, {"knn": 0.8}), clusters={}, run={"train": 0.5})},
        "simsiam": {},
    },
)  # fmt: skip


def test_the_page_has_means_and_ends() -> None:
    page = learning_page(RECORD)
    assert "of as many seeds: 0.450 (0.400 to 0.500)." in page
    lines = [line.split("|")[1:-1] for line in page.splitlines()]
    rows = [[cell.strip() for cell in cells] for cells in lines if cells]
    assert [
        "uic", "2", "0.550 (0.500 to 0.600)", "0.250 (0.250 to 0.250)", "0.750 (0.750 to 0.750)",
        "0.700 (0.700 to 0.700)", "0.600 (0.600 to 0.600)", "0.900 (0.900 to 0.900)", "1",
    ] in rows  # fmt: skip
    assert ["moco", "1", "", "", "0.500", "", "", "", "0"] in rows
    assert ["uic", "ACC", "0.200", "0.450"] in rows
    assert ["moco", "20-NN", "0.500", "0.800"] in rows
    assert not any(row[0] == "simsiam" for row in rows)


def test_every_method_that_needs_masks_gets_some() -> None:
    needs = {n for n, method in METHODS.items() if "masks" in method.options.model_fields}
    assert MASKED_BY.keys() == needs
    assert set(MASKED_BY.values()) <= METHODS.keys() - needs


@pytest.mark.slow
def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    def call(*more: str) -> tuple[int, str]:
        options = ("--source", "digits", "--epochs", "1", "--method", "simsiam", "--seeds", "1")
        places = ("--folder", str(tmp_path / "work"), "--out", str(tmp_path / "out"))
        result = CliRunner().invoke(app, ["learning", *options, *places, *more])
        return result.exit_code, result.output + str(result.exception)

    def learned() -> Any:
        return json.loads((tmp_path / "out" / "learning.json").read_text())["learned"]

    code, told = call()
    assert code == 0, told
    assert "k-means on pixels, seed 0: ACC 0." in told
    network = learned()["simsiam"]["0"]
    assert set(network["run"]) == {"train", "val", "kmeans", "knn"}
    assert network["clusters"] == {}
    code, told = call("--method", "c2bin")
    assert code == 0, told
    assert "simsiam, seed 0" not in told
    assert learned()["simsiam"]["0"] == network
    assert learned()["c2bin"]["0"]["clusters"]["acc"] > 0.1
    first = tmp_path / "work" / "digits" / "simsiam-0"
    made = (first / "network.safetensors").stat().st_mtime_ns
    code, told = call("--method", "segins-s")
    assert code == 0, told
    assert learned()["segins-s"]["0"]["run"]["knn"] > 0.5
    assert (first / "network.safetensors").stat().st_mtime_ns == made
    assert len(list(first.with_name("simsiam-0-masks").rglob("*.png"))) == 1437
    _, told = call("--epochs", "2")
    assert "was begun with settings {'arch': 'small', 'epochs': 1}, got" in told
