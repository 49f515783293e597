from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ucls.cache import run_files as files
from ucls.errors import UclsError, UsageError
from ucls.runs.image_labels import ImageLabels, read_labels, write_labels
from ucls.runs.run import Run

HOSTILE = ['a,"b".png', "two\nlines.png", "<script>.png", "\u202egnp.png", "x" * 4000, "\udcff.png"]


def test_reads_what_the_run_wrote(run_path: Path) -> None:
    run = Run(run_path)
    labels = read_labels(run)
    before = run.folder.file(files.LABELS).read_bytes()
    assert len(labels) == 160
    assert labels.rows_of("val").tolist() == list(range(120, 160))
    assert not labels.is_corrected
    assert sum(labels.sizes().values()) == 160
    np.testing.assert_array_equal(labels.clusters, labels.found)
    write_labels(run, labels)
    assert run.folder.file(files.LABELS).read_bytes() == before


def test_corrected_labels_and_hostile_names_come_back(run_path: Path) -> None:
    run = Run(run_path)
    found = np.array([0, 0, 1, 2, 2, 3], np.int32)
    labels = ImageLabels(
        paths=HOSTILE,
        splits=["train"] * 6,
        clusters=np.array([0, 4, 1, -1, 2, 3], np.int32),
        confidence=np.full(6, 0.5, np.float32),
        probability=np.full(6, 0.25, np.float32),
        found=found,
        names={0: HOSTILE[0], 1: HOSTILE[1], 4: HOSTILE[4]},
    )
    assert labels.is_corrected
    assert (labels.name_of(0), labels.name_of(3)) == (HOSTILE[0], "3")
    write_labels(run, labels)
    again = read_labels(run)
    assert again.paths == labels.paths
    assert again.names == labels.names
    np.testing.assert_array_equal(again.clusters, labels.clusters)
    np.testing.assert_array_equal(again.found, found)
    assert again.fingerprint == labels.fingerprint
    assert replace(labels, found=found[::-1]).fingerprint != labels.fingerprint


@pytest.mark.parametrize("text", ["", "path\n", "path,split,cluster,confidence,probability\na,b\n"])
def test_a_damaged_file_is_named(run_path: Path, text: str) -> None:
    (run_path / files.LABELS).write_text(text)
    with pytest.raises(UsageError, match=r"labels\.csv is damaged"):
        read_labels(Run(run_path))


def test_a_run_without_labels_names_the_command(run_path: Path) -> None:
    (run_path / files.LABELS).unlink()
    with pytest.raises(UclsError, match="run first: ucls self-train"):
        read_labels(Run(run_path))
