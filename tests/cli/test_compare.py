import shutil
from dataclasses import replace
from pathlib import Path

from tests.conftest import Cli
from ucls.runs.image_labels import read_labels, write_labels
from ucls.runs.run import Run


def renamed(path: Path, folder: Path) -> Path:
    """A copy of a run in which the first image moved to a cluster of a hostile name."""
    run = Run(shutil.copytree(path, folder))
    labels = read_labels(run)
    clusters = labels.clusters.copy()
    clusters[0] = (clusters[0] + 1) % 4
    names = {int(clusters[0]): "[red]\x1b[31m\nnew line" + 4000 * "x"}
    write_labels(run, replace(labels, clusters=clusters, names=names))
    return folder


def test_text_and_a_table_of_what_moved(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    other, out = renamed(run_path, tmp_path / "other"), tmp_path / "moved.csv"
    outcome = cli("compare", run_path, other, "--out", out)
    assert (outcome.exit_code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == (
        f"A: {run_path}, 160 images in 4 clusters, labels as found, as nothing was corrected"
    )
    assert lines[1] == f"B: {other}, 160 images in 4 clusters, labels as corrected"
    assert lines[3] == "160 images in both; 1 image moved"
    assert "\x1b" not in outcome.out
    assert "[red] [31m new line" in outcome.out
    assert lines[-1] == f"images that moved: {out}"
    assert len(out.read_text().splitlines()) == 3


def test_standard_output_takes_the_moved_images_and_nothing_else(
    cli: Cli, run_path: Path, tmp_path: Path
) -> None:
    other = renamed(run_path, tmp_path / "other")
    outcome = cli("compare", run_path, other, "--out", "-")
    assert outcome.out.startswith("path,split,cluster_a,name_a,cluster_b,name_b\n")
    assert "agreement: ARI" in outcome.err
    assert "agreement" not in outcome.out


def test_the_same_run_twice_says_so(cli: Cli, run_path: Path) -> None:
    outcome = cli("compare", run_path, run_path)
    assert outcome.exit_code == 0
    assert "A and B are the same run" in outcome.out
    assert "ARI 1.000, NMI 1.000; 1.000 of the images" in outcome.out


def test_wrong_use(cli: Cli, run_path: Path, photo_run_path: Path, tmp_path: Path) -> None:
    for other, part in ((tmp_path / "no", "not a run folder"), (photo_run_path, "none in common")):
        outcome = cli("compare", run_path, other)
        assert (outcome.exit_code, outcome.out) == (2, "")
        assert part in outcome.err
