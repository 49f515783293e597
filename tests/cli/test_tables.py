import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ucls.cli.tables import cell, heading, print_cut, print_ensembles, print_results
from ucls.ensemble import consensus
from ucls.stages.cut import Cut, CutSplit


@pytest.fixture
def figures(shared_run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_run / "metrics.json").read_text())
    return found


def rows_of(text: str) -> dict[str, list[str]]:
    """The cells of each row by its label."""
    lines = [line.split("│") for line in text.splitlines() if "│" in line]
    return {label.strip(): [item.strip() for item in cells] for label, *cells in lines}


def plain(text: str) -> str:
    """The text without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def headings(text: str) -> list[str]:
    """What stands above the columns, without line breaks."""
    lines = [line.split("┃")[1:] for line in text.splitlines() if "┃" in line]
    return [" ".join(" ".join(parts).split()) for parts in zip(*lines, strict=True)]


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
        for name in ("acc", "acc_class_mean", "nmi")
    ]
    assert headings(out) == [
        f"{split} {name}" for split in ("train", "val") for name in ("ACC", "class ACC", "NMI")
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
    for label in (
        "all heads, mean", "with 8 clusters, many-to-one", "picked by labels (oracle)",
        "linear probe, sees labels",
    ):  # fmt: skip
        assert label in out
    assert max(map(len, plain(out).splitlines())) <= int(width)


@pytest.mark.slow
@pytest.mark.parametrize("n_splits", [1, 2])
def test_60_columns_are_used_for_what_is_needed_most(
    figures: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    n_splits: int,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal
    monkeypatch.setenv("COLUMNS", "60")

    def shown() -> list[str]:
        out = plain(capsys.readouterr().out)
        tables = out.partition("\nANMI: ")[0].partition("\nlabels of all images: ")[0]
        assert max(map(len, tables.splitlines())) <= 60
        assert "…" not in tables
        return headings(out)

    print_results({**figures, "val": figures["val"] if n_splits == 2 else None})
    assert (
        shown()
        == [
            ["ACC", "class ACC", "NMI", "ARI"],
            ["train ACC", "train NMI", "val ACC", "val NMI"],
        ][n_splits - 1]
    )
    print_ensembles({"train": compared(figures, [f"vote[best:{i}]" for i in range(12, 26)])})
    assert shown() == ["heads", "ACC", "NMI", "ANMI", "mean conf."]
    print_cut(cut_of(dict.fromkeys(["train", "val"][:n_splits], 1_281_160), has_labels=True))
    assert shown() == ["clusters filled", "smallest cluster", "mean conf.", "ACC", "NMI"]


def test_one_split_has_room_for_all_scores(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    print_results({**figures, "val": None})
    out = capsys.readouterr().out
    assert headings(out) == ["ACC", "class ACC", "NMI", "ARI"]
    assert rows_of(out)["best head (lowest loss)"] == [
        f"{figures['train']['best_head'][name]:.3f}"
        for name in ("acc", "acc_class_mean", "nmi", "ari")
    ]


def test_heads_as_they_were_trained_come_before_the_consensus(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "val"):
        known = figures[split]["over_clustering"]
        known["12"] = {name: value / 2 for name, value in known["8"].items()}
    print_results(figures)
    rows = rows_of(capsys.readouterr().out)
    labels = list(rows)
    assert labels[labels.index("standard deviation") + 1 :][:3] == [
        "with 8 clusters, many-to-one", "with 12 clusters, many-to-one", "ensemble (mcla)",
    ]  # fmt: skip
    for size in ("8", "12"):
        shown = rows[f"with {size} clusters, many-to-one"]
        for start, split in ((0, "train"), (3, "val")):
            row = figures[split]["over_clustering"][size]
            assert shown[start : start + 3] == [
                f"{row['acc_many_to_one_mean']:.3f}", "", f"{row['nmi_mean']:.3f}",
            ]  # fmt: skip


def test_heads_of_the_wanted_size_have_no_such_row(
    figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "val"):
        del figures[split]["over_clustering"]
    print_results(figures)
    assert "many-to-one" not in capsys.readouterr().out


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
    assert max(map(len, plain(out).splitlines())) <= 80
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


def cut_of(n_images: dict[str, int], *, has_labels: bool) -> Cut:
    """A run cut at three clusters, the last of which is empty."""
    found, scores = {}, {}
    for split, n in n_images.items():
        heads = np.int32([np.arange(n) % 5 > 0, np.arange(n) % 4 > 0])
        result = consensus(heads, 3, method="vote")
        found[split] = CutSplit(result.labels, result.confidence)
        known = {"acc": 0.5, "acc_many_to_one": 0.25, "nmi": 0.125, "ari": 0.75}
        scores[split] = known if has_labels else {}
    return Cut(Path("run/labels-k3.csv"), 3, found, scores)


@pytest.mark.parametrize("has_labels", [True, False])
@pytest.mark.parametrize("n_images", [120, 1_281_160])
def test_a_cut_fits_80_columns(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    has_labels: bool,
    n_images: int,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    print_cut(cut_of({"train": n_images, "val": 40}, has_labels=has_labels))
    out = plain(capsys.readouterr().out)
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80
    rows = rows_of(out)
    assert list(rows)[-2:] == ["train", "val"]
    assert ("ACC" in out) == has_labels
    assert out.endswith("\nlabels of all images: run/labels-k3.csv\n")


def test_the_figures_of_a_cut(capsys: pytest.CaptureFixture[str]) -> None:
    made = cut_of({"train": 120, "val": 40}, has_labels=True)
    print_cut(made)
    out = capsys.readouterr().out
    result = made.splits["train"]
    row = dict(zip(headings(out), rows_of(out)["train"], strict=True))
    assert (
        row.items()
        >= {
            "clusters filled": "2",
            "smallest cluster": "0",
            "largest cluster": str(np.bincount(result.labels).max()),
            "mean conf.": f"{result.confidence.mean():.3f}",
            "ACC": "0.500",
            "many to one": "0.250",
            "NMI": "0.125",
        }.items()
    )
