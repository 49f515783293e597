from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, blobs
from ucls.errors import UsageError
from ucls.runs.image_labels import read_labels
from ucls.runs.known import clusters_of_labels, read_known
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble
from ucls.stages.merge import merge
from ucls.stages.self_train import self_train

KINDS = ("ant", "bee", "cat", "dog")


def known_of(run_path: Path, rows: list[int], labels: list[str]) -> dict[str, str]:
    lines = [f"blobs/{row:03d},{label}" for row, label in zip(rows, labels, strict=True)]
    path = run_path.parent / "known.csv"
    path.write_text("\n".join(["path,label", *lines, "blobs/000,"]), encoding="utf-8")
    return {"merge.known": str(path)}


def test_known_images_keep_their_label_which_names_the_cluster(run_path: Path) -> None:
    classes = blobs(120, 0)[1]
    rows = list(range(1, 25))
    # One of them is said to be of another class than it looks.
    wanted = [KINDS[classes[row]] for row in rows[:-1]] + [KINDS[(classes[24] + 1) % 4]]
    merge(run_path, settings=known_of(run_path, rows, wanted))
    ensemble(run_path)
    self_train(run_path)
    labels = read_labels(Run(run_path))
    assert [labels.names[cluster] for cluster in labels.clusters[rows].tolist()] == wanted
    assert sorted(labels.names.values()) == list(KINDS)
    assert labels.found[24] != labels.clusters[24] or len(set(labels.found.tolist())) < 4
    (run_path.parent / "known.csv").unlink()  # the run has a copy
    assert Run(run_path).freshness.is_done("self-train")


def test_other_labels_are_another_merging(run_path: Path) -> None:
    merge(run_path, settings=known_of(run_path, [1, 2], ["a", "b"]))
    known_of(run_path, [1, 2], ["a", "a"])
    assert not Run(run_path).freshness.is_done("merge")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path,label\nnowhere,x\n", "1 image that the run has not, such as nowhere"),
        ("image,kind\na,x\n", "expected a CSV with path and label"),
        ("path,label\nblobs/001,\n", "has no labels"),
        ("path,label\nblobs/001,x\nblobs/001,y\n", "blobs/001 two labels, x and y"),
        ("path,label\n" + "".join(f"blobs/00{i},{i}\n" for i in range(5)), "-k 5 or more"),
    ],
)
def test_what_is_wrong_with_them_is_told(
    run_path: Path, tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "wrong.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        merge(run_path, settings={"merge.known": str(tmp_path / "wrong.csv")})


def test_without_any_nothing_is_known(run_path: Path) -> None:
    assert read_known(Run(run_path)) is None


def test_a_wrong_file_is_told_before_the_extraction(
    cli: Cli, sources: Path, tmp_path: Path, own_cache: Path
) -> None:
    (tmp_path / "wrong.csv").write_text("image,kind\na,x\n", encoding="utf-8")
    for name, told in (("nowhere.csv", "there is no file"), ("wrong.csv", "path and label")):
        outcome = cli("run", sources / "plain.npy", "-k", 4, "--known", tmp_path / name)
        assert outcome.exit_code == 2
        assert told in outcome.err
        assert not own_cache.exists()


def test_each_label_stands_for_a_cluster_of_its_own() -> None:
    known = np.array([0, 0, 0, 1, 1, 2, -1], np.int32)
    clusters = np.array([4, 4, 1, 4, 1, 4, 0], np.int32)
    assert clusters_of_labels(known, clusters, n_labels=4).tolist() == [4, 1, -1, -1]
