import csv
from pathlib import Path

import numpy as np

from ucls.cache import read_json
from ucls.corrections.edits import Corrections, Wrong
from ucls.report.finished import Finished
from ucls.stages.relabel import relabel


def finished(path: Path) -> Finished:
    return Finished(path, read_json(path / "metrics.json"))


def test_its_arrays_are_those_of_the_table(shared_run: Path) -> None:
    done = finished(shared_run)
    with (shared_run / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert done.paths == [row["path"] for row in rows]
    assert done.splits == [row["split"] for row in rows]
    assert done.labels.tolist() == [int(row["cluster"]) for row in rows]
    assert done.rows.tolist() == [*range(120), *range(40)]
    np.testing.assert_allclose(done.confidence, [float(row["confidence"]) for row in rows])
    assert done.probabilities.shape == (160, 4)
    np.testing.assert_allclose(done.probabilities.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(done.probabilities.argmax(axis=1), done.labels)
    own = [float(row["probability"]) for row in rows]
    np.testing.assert_allclose(done.probabilities.max(axis=1), own, atol=6e-5)
    assert repr(done) == f"Finished(path={shared_run!r}, alternatives=())"


def test_what_was_marked_as_wrong_has_no_cluster_and_no_column(run_path: Path) -> None:
    marked = Wrong(images=(3,))
    relabel(run_path, Corrections(edits=(marked,)), retrain=True)
    done = finished(run_path)
    assert done.labels[3] == -1
    assert done.probabilities.shape == (160, 4)


def test_it_is_shown_in_a_notebook(shared_run: Path) -> None:
    assert "160 images in 4 clusters" in finished(shared_run)._repr_html_()
