import csv
from pathlib import Path

import pytest

from tests.conftest import Cli


def test_the_figures_and_where_the_labels_are(cli: Cli, run_path: Path) -> None:
    outcome = cli("cut", run_path, "-k", 3)
    assert (outcome.exit_code, outcome.err) == (0, "")
    table = run_path / "labels-k3.csv"
    command = f"ucls predict {run_path} SOURCE -k 3"
    assert outcome.out.endswith(
        f"\nlabels of all images: {table}\nnew images in these clusters: {command}\n"
    )
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {int(row["cluster"]) for row in rows} == {0, 1, 2}
    lines = {line.split("│")[0].strip(): line.split("│")[1:] for line in outcome.out.splitlines()}
    for split, n_images in (("train", 120), ("val", 40)):
        filled, smallest, largest = (int(cell) for cell in lines[split][:3])
        assert filled == 3
        assert smallest <= n_images // 3 <= largest
        sizes = [
            sum(r["split"] == split and int(r["cluster"]) == k for r in rows) for k in range(3)
        ]
        assert (smallest, largest) == (min(sizes), max(sizes))


def test_another_file(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    outcome = cli("cut", run_path, "--clusters", 2, "--out", tmp_path / "two.csv")
    assert f"\nlabels of all images: {tmp_path / 'two.csv'}\n" in outcome.out
    assert (tmp_path / "two.csv").is_file()
    assert list(run_path.glob("labels-k*")) == []


def test_standard_output_takes_the_labels_and_nothing_else(cli: Cli, run_path: Path) -> None:
    outcome = cli("cut", run_path, "-k", 3, "--out", "-")
    assert outcome.exit_code == 0
    assert "smallest" in outcome.err
    assert list(run_path.glob("labels-k*")) == []
    assert cli("cut", run_path, "-k", 3).exit_code == 0
    assert outcome.out == (run_path / "labels-k3.csv").read_text()


def test_a_cut_that_was_edited_needs_overwrite(cli: Cli, run_path: Path) -> None:
    assert cli("cut", run_path, "-k", 3).exit_code == 0
    written = (run_path / "labels-k3.csv").read_text()
    (run_path / "labels-k3.csv").write_text(written.replace("\n", ",my note\n"))
    outcome = cli("cut", run_path, "-k", 3)
    assert outcome.exit_code == 2
    assert "labels-k3.csv exists and was not written by this command" in outcome.err
    assert cli("cut", run_path, "-k", 3, "--overwrite").exit_code == 0
    assert (run_path / "labels-k3.csv").read_text() == written


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["-k", "1"], "a cut must leave 2 to "),
        (["-k", "9"], "as many as each head fills, not 9: choose another -k, or make another run"),
        (["-k", "many"], "'-k' / '--clusters': Input should be a valid integer"),
        ([], "Missing option '-k'"),
        (["-k", "3", "--out", "RUN"], "expected a file to write, got the folder"),
    ],
)
def test_bad_options(options: list[str], part: str, cli: Cli, run_path: Path) -> None:
    outcome = cli("cut", run_path, *(str(run_path) if word == "RUN" else word for word in options))
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert outcome.err.startswith("ucls: error: ")
    assert part in outcome.err
    assert list(run_path.glob("labels-k*")) == []


@pytest.mark.slow
def test_a_run_without_merging(cli: Cli, run_path: Path) -> None:
    """What the message names works, as it is written there."""
    settings = ["--set", "train.scales=[1]", "--set", "merge.linkage=none"]
    assert cli("train", run_path, *settings).exit_code == 0
    assert cli("ensemble", run_path).exit_code == 0
    outcome = cli("cut", run_path, "-k", 2)
    assert outcome.exit_code == 2
    _, first, _, second, _ = outcome.err.split("`")
    for command in (first, second):
        program, *words = command.split()
        assert program == "ucls"
        assert cli(*words).exit_code == 0
    assert cli("cut", run_path, "-k", 2).exit_code == 0


def test_what_is_no_run(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("cut", tmp_path, "-k", 2)
    assert outcome.exit_code == 2
    assert "is not a run folder" in outcome.err
