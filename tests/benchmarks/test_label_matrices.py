import numpy as np
import pytest

from benchmarks.label_matrices import MODES, SIZE_SPREAD, make_label_matrix
from ucls.metrics.scores import clustering_accuracy

N_IMAGES, N_CLASSES, N_HEADS = 20_000, 20, 8
any_mode = pytest.mark.parametrize("mode", MODES)


def make(mode, seed=0, n_classes=N_CLASSES):
    return make_label_matrix(N_IMAGES, n_classes, n_heads=N_HEADS, mode=mode, seed=seed)


def contingency(classes, head, n_classes=N_CLASSES):
    cells = np.bincount(classes * n_classes + head, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes)


def is_wrong(classes, head):
    """Whether an image is not in the cluster of most of its class."""
    return contingency(classes, head).argmax(axis=1)[classes] != head


@any_mode
def test_labels_are_int32_of_every_class(mode):
    classes, heads = make(mode)
    assert classes.dtype == heads.dtype == np.int32
    assert classes.shape == (N_IMAGES,)
    assert heads.shape == (N_HEADS, N_IMAGES)
    for labels in (classes, *heads):
        np.testing.assert_array_equal(np.unique(labels), np.arange(N_CLASSES))


@any_mode
def test_only_the_seed_decides(mode):
    classes, heads = make(mode, seed=1)
    same_classes, same_heads = make(mode, seed=1)
    other_classes, other_heads = make(mode, seed=2)
    np.testing.assert_array_equal(classes, same_classes)
    np.testing.assert_array_equal(heads, same_heads)
    assert (classes != other_classes).any()
    assert (heads != other_heads).any()


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match=r"independent, hard.*'easy'"):
        make("easy")


def test_independent_classes_are_equal_up_to_rounding():
    classes, _ = make_label_matrix(1001, 10, n_heads=1, mode="independent")
    assert set(np.bincount(classes)) == {100, 101}


def test_hard_class_sizes_are_lognormal():
    classes, _ = make("hard", n_classes=400)
    spread = np.log(np.maximum(np.bincount(classes), 1)).std()
    assert spread == pytest.approx(SIZE_SPREAD, rel=0.2)


@pytest.mark.parametrize(
    ("mode", "low", "high"), [("independent", 0.84, 0.87), ("hard", 0.7, 0.82)]
)
def test_single_heads_are_as_good_as_they_should_be(mode, low, high):
    classes, heads = make(mode, n_classes=100)
    assert all(low < clustering_accuracy(classes, head) < high for head in heads)


def test_every_head_numbers_its_clusters_in_its_own_way():
    classes, heads = make("independent")
    names = [tuple(contingency(classes, head).argmax(axis=1)) for head in heads]
    assert len(set(names)) == N_HEADS


def test_seven_in_ten_errors_go_to_the_next_class():
    classes, heads = make("independent")
    table = contingency(classes, heads[0])
    by_class = table[:, table.argmax(axis=1)]
    right, neighbor = by_class.trace(), np.roll(by_class, -1, axis=1).trace()
    # A neighbour also gets its part of the errors that go anywhere.
    expected = 0.7 + 0.3 / N_CLASSES
    assert neighbor / (N_IMAGES - right) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(("mode", "are_shared"), [("independent", False), ("hard", True)])
def test_heads_share_difficult_images_in_hard_mode_alone(mode, are_shared):
    classes, heads = make(mode)
    first, second = (is_wrong(classes, head) for head in heads[:2])
    lift = np.mean(first & second) / (first.mean() * second.mean())
    assert (lift > 1.5) == are_shared
    if not are_shared:
        assert lift == pytest.approx(1, abs=0.2)


def test_hard_heads_merge_a_tenth_of_the_classes_and_split_as_many():
    classes, heads = make("hard")
    for head in heads:
        table = contingency(classes, head)
        holds_much = table > 0.3 * table.sum(axis=1, keepdims=True)
        n_clusters_of_class, n_classes_of_cluster = holds_much.sum(axis=1), holds_much.sum(axis=0)
        tenth = N_CLASSES // 10
        assert np.bincount(n_clusters_of_class).tolist() == [0, N_CLASSES - tenth, tenth]
        assert np.bincount(n_classes_of_cluster).tolist() == [0, N_CLASSES - tenth, tenth]
