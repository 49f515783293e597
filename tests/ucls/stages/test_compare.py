import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ucls.errors import UclsError, UsageError
from ucls.runs.image_labels import read_labels, write_labels
from ucls.runs.run import Run
from ucls.stages.compare import COLUMNS, compare


def corrected(path: Path, folder: Path) -> Path:
    """A copy of a run with one name, where the first image moved and the second is wrong."""
    run = Run(shutil.copytree(path, folder))
    labels = read_labels(run)
    clusters = labels.clusters.copy()
    clusters[:2] = (clusters[0] + 1) % 4, -1
    write_labels(run, replace(labels, clusters=clusters, names={int(clusters[0]): 'a,"b"\n$x$'}))
    return folder


def test_the_corrected_labels_are_meant(run_path: Path, tmp_path: Path) -> None:
    other, out = corrected(run_path, tmp_path / "other"), tmp_path / "new" / "moved.csv"
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    result = compare(run_path, other, out=out)
    assert (result.comparison.a.is_corrected, result.comparison.b.is_corrected) == (False, True)
    assert result.comparison.n_moved == 2
    with out.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["path", "split", "cluster_a", "name_a", "cluster_b", "name_b"]
    assert [tuple(row) for row in rows] == [tuple(map(str, image)) for image in result.moved]
    assert rows[0][-1] == 'a,"b"\n$x$'
    assert rows[1][-2:] == ["-1", ""]
    assert {path: path.read_bytes() for path in before} == before


def test_a_run_agrees_with_itself(run_path: Path) -> None:
    result, moved = compare(run_path, run_path / ".." / run_path.name)
    assert result.is_same_run
    assert (result.ari, moved) == (1.0, [])


def test_runs_of_other_images(run_path: Path, photo_run_path: Path) -> None:
    with pytest.raises(UsageError, match="none in common"):
        compare(run_path, photo_run_path)


def test_what_is_no_run_or_not_labelled(run_path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a run folder"):
        compare(run_path, tmp_path / "nowhere")
    unlabelled = Path(shutil.copytree(run_path, tmp_path / "unlabelled"))
    (unlabelled / "labels.csv").unlink()
    with pytest.raises(UclsError, match="run first: ucls self-train"):
        compare(run_path, unlabelled)


def test_files_of_others_are_kept(run_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "notes.csv"
    out.write_text("mine\n")
    with pytest.raises(UsageError, match="was not written by this command"):
        compare(run_path, run_path, out=out)
    assert out.read_text() == "mine\n"
    compare(run_path, run_path, out=out, overwrite=True)
    assert out.read_text() == ",".join(COLUMNS) + "\n"
    compare(run_path, corrected(run_path, tmp_path / "other"), out=out)
    assert len(out.read_text().splitlines()) > 2
    with pytest.raises(UsageError, match="belongs to the run itself"):
        compare(run_path, run_path, out=run_path / "labels.csv", overwrite=True)


def test_numbers_of_clusters_may_differ(run_path: Path, tmp_path: Path) -> None:
    run = Run(shutil.copytree(run_path, tmp_path / "merged"))
    labels = read_labels(run)
    write_labels(run, replace(labels, clusters=np.minimum(labels.clusters, 2)))
    result = compare(run_path, run.folder.path).comparison
    assert (result.a.n_clusters, result.b.n_clusters) == (4, 3)
    assert len(result.a.unmatched) == 1
    assert sum(pair.is_matched for pair in result.overlaps) == 3
