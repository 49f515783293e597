import numpy as np
import pytest

from benchmarks.label_matrices import MODES, SIZE_SPREAD, make_label_matrix
from ucls.metrics import clustering_accuracy

N_IMAGES, N_CLASSES, N_HEADS = 20_000, 20, 8


def make(mode, seed=0, n_classes=N_CLASSES):
    return make_label_matrix(N_IMAGES, n_classes, n_heads=N_HEADS, mode=mode, seed=seed)


def contingency(classes, head):
    cells = np.bincount(classes * N_CLASSES + head, minlength=N_CLASSES**2)
    return cells.reshape(N_CLASSES, N_CLASSES)


@pytest.mark.parametrize("mode", MODES)
def test_labels_are_int32_of_every_class_and_the_seed_decides(mode):
    classes, heads = make(mode)
    assert classes.dtype == heads.dtype == np.int32
    assert (classes.shape, heads.shape) == ((N_IMAGES,), (N_HEADS, N_IMAGES))
    for labels in (classes, *heads):
        np.testing.assert_array_equal(np.unique(labels), np.arange(N_CLASSES))
    np.testing.assert_array_equal(make(mode)[1], heads)
    assert (make(mode, seed=1)[0] != classes).any()


def test_classes_are_equal_or_of_lognormal_sizes():
    equal, _ = make_label_matrix(1001, 10, n_heads=1, mode="independent")
    assert set(np.bincount(equal)) == {100, 101}
    unequal, _ = make("hard", n_classes=400)
    spread = np.log(np.maximum(np.bincount(unequal), 1)).std()
    assert spread == pytest.approx(SIZE_SPREAD, rel=0.2)


def test_seven_in_ten_errors_go_to_the_next_class_whatever_its_number():
    classes, heads = make("independent")
    table = contingency(classes, heads[0])
    by_class = table[:, table.argmax(axis=1)]
    right, neighbor = by_class.trace(), np.roll(by_class, -1, axis=1).trace()
    # A neighbour also gets its part of the errors that go anywhere.
    expected = 0.7 + 0.3 / N_CLASSES
    assert neighbor / (N_IMAGES - right) == pytest.approx(expected, abs=0.03)


def test_heads_share_difficult_images_in_hard_mode_alone():
    for mode, acc, low, high in (("independent", 0.86, 0.8, 1.2), ("hard", 0.76, 1.5, 9.0)):
        classes, heads = make(mode, n_classes=N_CLASSES)
        assert clustering_accuracy(classes, heads[0]) == pytest.approx(acc, abs=0.06)
        # Whether an image is not in the cluster of most of its class.
        first, second = (
            contingency(classes, head).argmax(axis=1)[classes] != head for head in heads[:2]
        )
        assert low < np.mean(first & second) / (first.mean() * second.mean()) < high


def test_hard_heads_merge_a_tenth_of_the_classes_and_split_as_many():
    classes, heads = make("hard")
    tenth = N_CLASSES // 10
    for head in heads:
        table = contingency(classes, head)
        holds_much = table > 0.3 * table.sum(axis=1, keepdims=True)
        for axis in (0, 1):
            counts = np.bincount(holds_much.sum(axis=axis)).tolist()
            assert counts == [0, N_CLASSES - tenth, tenth]
