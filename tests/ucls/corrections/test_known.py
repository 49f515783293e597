import numpy as np

from ucls.constraints.groups import close
from ucls.corrections.edits import Move, Rename
from ucls.corrections.known import known_corrections
from ucls.runs.image_labels import ImageLabels
from ucls.runs.known import Known

NONE = np.zeros((0, 2), np.int64)
CONSENSUS = np.array([0, 0, 1, 1], np.int32)


def found(clusters: list[int]) -> ImageLabels:
    """Four training images, and others."""
    labels, shares = np.array(clusters, np.int32), np.ones(len(clusters), np.float32)
    splits = ["train"] * 4 + ["val"] * (len(clusters) - 4)
    return ImageLabels(list("abcdefgh")[: len(labels)], splits, labels, shares, shares, labels)


def test_other_images_follow_those_in_the_consensus() -> None:
    constraints = close(np.array([0, -1, -1, -1, 1, 0], np.int32), NONE, NONE, n_labels=3)
    known = Known(constraints, ["x", "y", "of none that could be read"], [])
    edits = known_corrections(known, CONSENSUS, found([0, 0, 1, 1, 0, 1]), n_clusters=3).edits
    moves = {edit.images: edit.into for edit in edits if isinstance(edit, Move)}
    names = {edit.name: edit.cluster for edit in edits if isinstance(edit, Rename)}
    assert names["x"] == 0
    assert moves == {(5,): 0, (4,): names["y"]}
    assert names.keys() == {"x", "y"}


def test_pairs_of_outliers_and_of_two_splits_are_respected_without_names() -> None:
    must, cannot = np.array([[0, 4]]), np.array([[3, 5]])
    constraints = close(np.full(6, -1, np.int32), must, cannot, n_labels=0)
    labels = found([-1, 0, 1, 1, 1, 1])
    edits = known_corrections(Known(constraints, [], []), CONSENSUS, labels, n_clusters=2).edits
    assert edits == (Move(images=(0, 4, 5), into=0),)


def test_what_is_right_already_needs_no_edit() -> None:
    constraints = close(
        np.full(4, -1, np.int32), np.array([[0, 1]]), np.array([[1, 2]]), n_labels=0
    )
    known = Known(constraints, [], [])
    assert known_corrections(known, CONSENSUS, found([0, 0, 1, 1]), n_clusters=2).edits == ()
