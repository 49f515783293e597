import json
from pathlib import Path
from typing import Any

import pytest

from ucls.cli.tables import cell, heading, print_ensembles, print_results


@pytest.fixture
def figures(shared_run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_run / "metrics.json").read_text())
    return found


def rows_of(text: str) -> dict[str, list[str]]:
    """The cells of each row by its label."""
    lines = [line.split("│") for line in text.splitlines() if "│" in line]
    return {label.strip(): [item.strip() for item in cells] for label, *cells in lines}


def test_k_means_comes_first_and_figures_are_those_of_the_file(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    print_results(figures)
    out = capsys.readouterr().out
    rows = rows_of(out)
    assert out.startswith("blobs, 4 clusters, seed 0")
    assert next(iter(rows)) == "k-means"
    assert rows["ensemble (mcla)"] == [
        f"{figures[split]['ensemble.chosen'][name]:.3f}"
        for split in ("train", "val")
        for name in ("acc", "nmi", "ari")
    ]
    assert rows["all heads, mean"][0] == f"{figures['train']['heads']['acc_mean']:.3f}"
    assert rows["standard deviation"][0] == f"{figures['train']['heads']['acc_std']:.3f}"
    assert rows["linear probe, sees labels"][0] == ""
    assert rows["picked by labels (oracle)"][3] != ""


@pytest.mark.parametrize("width", ["80", "200"])
def test_nothing_is_cut_off(
    figures: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: str,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    monkeypatch.setenv("COLUMNS", width)
    print_results(figures)
    out = capsys.readouterr().out
    assert "…" not in out
    for label in ("all heads, mean", "picked by labels (oracle)", "linear probe, sees labels"):
        assert label in out


def test_ensembles_beside_the_chosen_one(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "val"):
        figures[split]["ensemble.vote[0-1]"] = figures[split]["ensemble.mcla"]
    print_results(figures)
    labels = list(rows_of(capsys.readouterr().out))
    assert labels.index("ensemble vote[0-1]") == labels.index("ensemble (mcla)") + 1


def test_without_labels_the_label_free_figures(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = figures["train"]["ensemble.chosen"]
    row = {name: chosen[name] for name in ("anmi", "kl_to_uniform", "occupied_clusters")}
    train = {
        "heads": {"n_heads": 3, "mean_confidence": 0.51},
        "ensemble.chosen": {"method": "mcla", **row, "mean_confidence": 0.75},
    }
    print_results({**figures, "train": train, "val": None})
    out = capsys.readouterr().out
    assert "ACC" not in out
    assert "ANMI" in out
    rows = rows_of(out)
    assert rows["ensemble (mcla)"][1:] == [
        "0.750", f"{row['kl_to_uniform']:.3f}", str(row["occupied_clusters"]),
    ]  # fmt: skip
    assert rows["all heads, mean"] == ["", "0.510", "", ""]
    assert "k-means" not in rows


def test_the_chosen_consensus_is_marked(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    row = figures["train"]["ensemble.mcla"]
    print_ensembles({"mcla": {**row, "chosen": True}, "vote": {**row, "chosen": False}})
    rows = rows_of(capsys.readouterr().out)
    assert list(rows) == ["mcla (chosen)", "vote"]
    assert rows["vote"][0] == f"{row['acc']:.3f}"


def test_cells_and_headings() -> None:
    assert cell({}, "acc") == ""
    assert cell({"acc": 0.5}, "acc") == "0.500"
    assert cell({"occupied_clusters": 7}, "occupied_clusters") == "7"
    assert heading("acc") == "ACC"
    assert heading("kl_to_uniform") == "kl to\nuniform"
