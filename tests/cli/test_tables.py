import json
import re
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


def test_ensembles_of_val_alone(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    figures["val"]["ensemble.vote"] = figures["val"]["ensemble.mcla"]
    print_results(figures)
    row = rows_of(capsys.readouterr().out)["ensemble vote"]
    assert row[:3] == ["", "", ""]
    assert row[3] == f"{figures['val']['ensemble.mcla']['acc']:.3f}"


def test_without_self_training(figures: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "val"):
        del figures[split]["self_training"]
    print_results(figures)
    labels = list(rows_of(capsys.readouterr().out))
    assert "ensemble (mcla)" in labels
    assert not {"self-training", "picked by labels (oracle)"} & set(labels)


def test_without_labels_the_label_free_figures(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = figures["train"]["ensemble.chosen"]
    row = {name: chosen[name] for name in ("anmi", "kl_to_uniform", "occupied_clusters")}
    train = {
        "heads": {"n_heads": 3, "mean_probability": 0.51},
        "ensemble.chosen": {"method": "mcla", **row, "mean_confidence": 0.75},
    }
    print_results({**figures, "train": train, "val": None})
    out = capsys.readouterr().out
    assert "ACC" not in out
    assert "ANMI" in out
    rows = rows_of(out)
    assert rows["ensemble (mcla)"][1:] == [
        "0.750", str(row["occupied_clusters"]), f"{row['kl_to_uniform']:.3f}",
    ]  # fmt: skip
    assert "all heads, mean" not in rows
    assert "k-means" not in rows


def compared(figures: dict[str, Any], names: list[str], **changes: Any) -> dict[str, Any]:
    """Rows as ``ucls ensemble`` shows them; the first is chosen, the last the best of all."""
    marks = {"chosen": False, "best_of_all": False, "seconds": 12.5}
    rows: dict[str, Any] = {
        name: {**figures["train"]["ensemble.mcla"], **marks, **changes} for name in names
    }
    for name, row in rows.items():
        row["agreement"] = {other: 0.25 for other in names if other != name}
    rows[names[0]]["chosen"] = rows[names[-1]]["best_of_all"] = True
    return rows


def test_the_chosen_consensus_and_the_best_of_all_are_marked(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    print_ensembles({"train": compared(figures, ["mcla", "nmf", "vote"]), "val": {}})
    out = capsys.readouterr().out
    rows = rows_of(out)
    assert list(rows) == ["1 mcla (chosen)", "2 nmf", "3 vote (highest ANMI)"]
    assert rows["2 nmf"][:2] == ["6", f"{figures['train']['ensemble.mcla']['acc']:.3f}"]
    assert rows["2 nmf"][-1] == "12.500"
    assert "\n2 0.250       0.250" in out
    print_ensembles({"train": compared(figures, ["mcla"])})
    out = capsys.readouterr().out
    assert "1 mcla (chosen, highest ANMI)" in out
    assert "same cluster in both" not in out


def test_val_is_shown_for_what_train_lacks(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = compared(figures, ["mcla", "vote"])
    print_ensembles({"train": rows, "val": rows})
    assert "of val" not in capsys.readouterr().out
    print_ensembles({"train": compared(figures, ["mcla"]), "val": rows})
    assert "of val" in capsys.readouterr().out


@pytest.mark.parametrize("has_labels", [True, False])
def test_many_ensembles_fit_80_columns(
    figures: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    has_labels: bool,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    rows = compared(figures, [f"vote[best:{i},weights=agreement]" for i in range(1, 15)])
    if not has_labels:
        rows = {
            name: {key: value for key, value in row.items() if key != "acc"}
            for name, row in rows.items()
        }
    print_ensembles({"train": rows})
    out = capsys.readouterr().out
    assert "…" not in out
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in out.splitlines()]
    assert max(map(len, lines)) <= 80
    assert ("ACC" in out) == has_labels
    assert ("KL to" in out) != has_labels


def test_label_free_figures_of_two_splits_fit_80_columns(
    figures: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    for split in ("train", "val"):
        del figures[split]["heads"]["acc_mean"]
    print_results(figures)
    out = capsys.readouterr().out
    assert "…" not in out
    assert "best head (lowest loss)" in out


def test_cells_and_headings() -> None:
    assert cell({}, "acc") == ""
    assert cell({"acc": 0.5}, "acc") == "0.500"
    assert cell({"occupied_clusters": 7}, "occupied_clusters") == "7"
    assert heading("acc") == "ACC"
    assert heading("kl_to_uniform") == "KL to\nuniform"
