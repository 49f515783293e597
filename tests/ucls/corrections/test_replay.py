import numpy as np
import pytest

from tests.ucls.corrections.test_subtrees import HEAD
from ucls.corrections.edits import Corrections, Done, Edit, Merge, Move, Rename, Split, Wrong
from ucls.corrections.replay import Corrected, apply, by_heads, group
from ucls.corrections.subtrees import Leaves
from ucls.ensemble.head_votes import HeadVotes
from ucls.errors import UsageError
from ucls.runs.image_labels import ImageLabels

FOUND = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 3], np.int32)
LEAVES = Leaves(HEAD, np.array([0, 0, 3, 5, 2, 2, 6, 6, 0, 3], np.int32))
PATHS = [*"abcdefgh", "same", "same"]


def labels() -> ImageLabels:
    shares = np.full(10, 0.5, np.float32)
    splits = ["train"] * 9 + ["val"]
    return ImageLabels(PATHS, splits, FOUND.copy(), shares, shares, FOUND.copy())


def after(*edits: Edit, leaves: Leaves | None = LEAVES) -> Corrected:
    return apply(Corrections(edits=edits), labels(), leaves, n_clusters=5)


def test_no_edits_change_nothing() -> None:
    corrected = after()
    np.testing.assert_array_equal(corrected.labels.clusters, FOUND)
    assert not corrected.labels.is_corrected
    assert not corrected.is_by_hand.any()


def test_names_come_and_go() -> None:
    named = Rename(cluster=1, name="cats")
    assert after(named, Rename(cluster=4, name="none yet")).labels.names == {
        1: "cats",
        4: "none yet",
    }
    assert after(named, Rename(cluster=1, name="")).labels.names == {}


def test_merged_clusters_take_the_name_and_state_of_the_one_they_go_into() -> None:
    corrected = after(
        Rename(cluster=0, name="a"),
        Rename(cluster=2, name="b"),
        Done(cluster=0),
        Merge(clusters=(0, 2), into=2),
    )
    assert corrected.labels.clusters.tolist() == [2, 2, 2, 2, 1, 1, 2, 2, 2, 3]
    assert corrected.labels.names == {2: "b"}
    assert corrected.done == frozenset()


def test_a_merged_cluster_without_a_name_takes_the_only_one_there_is() -> None:
    named = Rename(cluster=0, name="dogs")
    assert after(named, Merge(clusters=(0,), into=2)).labels.names == {2: "dogs"}
    assert after(named, Merge(clusters=(0, 1), into=2)).labels.names == {2: "dogs"}
    other = Rename(cluster=1, name="cats")
    assert after(named, other, Merge(clusters=(0, 1), into=2)).labels.names == {}
    assert after(named, Merge(clusters=(2,), into=0)).labels.names == {0: "dogs"}


def test_a_split_takes_leaves_into_a_new_cluster() -> None:
    given = after(Split(cluster=0, into=7, leaves=(3,)))
    assert given.labels.clusters.tolist() == [0, 0, 7, 0, 1, 1, 2, 2, 2, 3]
    by_tree = after(Split(cluster=0))
    assert by_tree.labels.clusters.tolist() == [0, 0, 5, 5, 1, 1, 2, 2, 2, 3]
    after_merging = after(Merge(clusters=(2,), into=0), Split(cluster=0))
    assert after_merging.labels.clusters.tolist() == [0, 0, 5, 5, 1, 1, 0, 0, 0, 3]


def test_images_are_moved_by_path_or_row_also_into_a_new_cluster() -> None:
    corrected = after(Move(images=("b", 9), into=6), Wrong(images=("e",)), Done(cluster=6))
    assert corrected.labels.clusters.tolist() == [0, 6, 0, 0, -1, 1, 2, 2, 2, 6]
    assert corrected.labels.found.tolist() == FOUND.tolist()
    assert np.flatnonzero(corrected.is_by_hand).tolist() == [1, 4, 9]
    assert corrected.done == {6}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Rename(cluster=9, name="x"), r"edit 2 \(rename\): there is no cluster 9; there are 5"),
        (Merge(clusters=(0, 9), into=1), "there is no cluster 9"),
        (Merge(clusters=(0,), into=9), "there is no cluster 9"),
        (Split(cluster=9), "there is no cluster 9"),
        (Split(cluster=0, into=1), "cluster 1 is there already"),
        (Split(cluster=1), "does not split cluster 1"),
        (Split(cluster=0, leaves=(0, 3, 5)), "does not split cluster 0"),
        (Move(images=("nowhere",), into=1), "there is no image 'nowhere'"),
        (Move(images=(10,), into=1), "there is no row 10; there are 10"),
        (Wrong(images=("same",)), "in train and in val"),
        (Done(cluster=9), "there is no cluster 9"),
    ],
)
def test_an_edit_of_what_there_is_not_is_named(edit: Edit, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        after(Rename(cluster=0, name="first"), edit)


def test_a_merged_cluster_is_gone() -> None:
    with pytest.raises(UsageError, match="there is no cluster 2"):
        after(Merge(clusters=(2,), into=0), Rename(cluster=2, name="x"))


def test_a_split_needs_a_tree() -> None:
    with pytest.raises(UsageError, match="were not merged"):
        after(Split(cluster=0), leaves=None)


def test_corrections_of_other_labels_are_refused() -> None:
    own = Corrections(labels=labels().fingerprint, edits=(Rename(cluster=0, name="a"),))
    assert apply(own, labels(), None, n_clusters=5).labels.names == {0: "a"}
    other = own.model_copy(update={"labels": "0" * 16})
    with pytest.raises(UsageError, match="are of other labels"):
        apply(other, labels(), None, n_clusters=5)


def test_groups_tell_what_became_of_found_clusters() -> None:
    groups = group(after(Merge(clusters=(1,), into=2), Split(cluster=0, into=7, leaves=(3,))))
    assert groups.numbers.tolist() == [0, 2, 3, 4, 7]
    # The found cluster 4 has no images, and is itself still.
    assert groups.of_columns.tolist() == [0, 1, 1, 2, 3]
    expected = np.array(
        [[1, 0, 0, 0, 1], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]], bool
    )
    np.testing.assert_array_equal(groups.stands_for, expected)


def test_an_empty_cluster_goes_where_it_was_merged() -> None:
    groups = group(after(Merge(clusters=(4,), into=3), Merge(clusters=(3,), into=1)))
    assert groups.numbers[groups.of_columns].tolist() == [0, 1, 2, 1, 1]


def test_wrong_images_do_not_outvote_the_others() -> None:
    mostly = group(after(Wrong(images=("a", "b", "c"))))
    assert mostly.numbers[mostly.of_columns].tolist() == [0, 1, 2, 3, 4]
    wholly = group(after(Wrong(images=("e", "f"))))
    assert wholly.numbers[wholly.of_columns].tolist() == [0, -1, 2, 3, 4]


def test_the_heads_speak_of_the_corrected_cluster() -> None:
    votes = HeadVotes(np.array([[0, 1, 2, 3], [0, 1, 2, 3]], np.int32), np.array([1, 1]))
    said = np.stack([FOUND, np.array([0, 0, 0, 0, 2, 1, 2, 2, 1, 3], np.int32)])
    found = after()
    assert (
        by_heads(found, group(found), votes=votes, head_labels=said).tolist() == [0.5] * 10
    )  # what the file says
    merged = after(Merge(clusters=(1,), into=2), Wrong(images=("a",)))
    shares = by_heads(merged, group(merged), votes=votes, head_labels=said)
    assert shares.tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]
