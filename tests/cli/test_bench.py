import csv
from pathlib import Path

import pytest

from tests.conftest import Cli


@pytest.fixture
def call(sources: Path, tmp_path: Path) -> list[object]:
    source = sources / "blobs.npz"
    return ["bench", source, "--out", tmp_path / "bench", "--method", "k-means"]


def test_the_table_is_shown_and_written(cli: Cli, call: list[object], tmp_path: Path) -> None:
    files = {"--csv": tmp_path / "t.csv", "--markdown": tmp_path / "t.md"}
    options = [part for pair in files.items() for part in pair]
    done = cli(*call, "--method", "pca + ward", *options)
    assert done.exit_code == 0, done.err
    with files["--csv"].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["k-means", "PCA + Ward"]
    assert rows[0]["ACC"] == "1.000"
    assert "NMI to ucls" not in rows[0]
    assert files["--markdown"].read_text(encoding="utf-8").startswith("| method ")
    assert "4 clusters were asked for" in done.out
    assert "PCA + Ward" in done.out
    again = cli(*call, *options, "-q")
    assert (again.exit_code, again.err) == (0, "")
    assert files["--markdown"].read_text(encoding="utf-8").count("\n") == 3


def test_wrong_use_is_one_line(cli: Cli, call: list[object], tmp_path: Path) -> None:
    mine = tmp_path / "notes.md"
    mine.write_text("mine")
    done = cli(*call, "--markdown", mine)
    assert done.exit_code == 2
    assert "notes.md exists and was not written by this command: choose another" in done.err
    assert mine.read_text() == "mine"
    done = cli(*call, "--method", "kmeans")
    assert done.exit_code == 2
    assert "there is no method 'kmeans' here; did you mean 'k-means'?" in done.err
    assert done.err.count("\n") == 1
