import numpy as np

from ucls.ensemble.preparation import prepare


def test_nothing_is_left_out_of_whole_heads():
    matrix = np.array([[7, 7, 3, 5], [0, 1, 1, 0]])
    prepared = prepare(matrix)
    assert prepared.labels.tolist() == [[0, 0, 1, 2], [0, 1, 1, 0]]
    assert prepared.labels.dtype == np.int32
    assert prepared.first_head.tolist() == [2, 2, 0, 1]
    assert prepared.heads == [0, 1]
    assert prepared.is_labelled.all()
    assert prepared.notes == []
    assert matrix.tolist() == [[7, 7, 3, 5], [0, 1, 1, 0]]


def test_heads_that_say_nothing_are_left_out_and_noted():
    matrix = np.array([[4, 4, 4], [0, 1, 1], [-1, -1, -1], [9, -1, 9], [1, 1, 0]])
    prepared = prepare(matrix)
    assert prepared.heads == [1, 4]
    assert prepared.labels.tolist() == [[0, 1, 1], [0, 0, 1]]
    assert prepared.notes == [
        "head 0 has only one cluster: left out",
        "head 2 has no labels: left out",
        "head 3 has only one cluster: left out",
    ]


def test_heads_of_one_cluster_stay_where_there_are_no_others():
    prepared = prepare(np.array([[-1, -1, -1], [4, -1, 4], [2, 2, -1]]))
    assert prepared.heads == [1, 2]
    assert prepared.notes == ["head 0 has no labels: left out"]


def test_images_without_labels_are_left_out_and_restored():
    prepared = prepare(np.array([[5, -1, 3, -1], [-1, -1, 1, 0]]))
    assert prepared.labels.tolist() == [[0, 1, -1], [-1, 0, 1]]
    assert prepared.is_labelled.tolist() == [True, False, True, True]
    assert prepared.notes == ["1 of 4 images are missing in all heads: label -1, confidence 0"]
    assert prepared.restore(np.array([4, 5, 6]), missing=-1).tolist() == [4, -1, 5, 6]
    restored = prepared.restore(np.array([0.5, 1, 1], dtype=np.float32), missing=0)
    assert restored.tolist() == [0.5, 0, 1, 1]
    assert restored.dtype == np.float32


def test_heads_are_noted_before_images():
    prepared = prepare(np.array([[0, 0, 0], [0, 1, -1], [1, 0, -1]]))
    assert [note.split()[0] for note in prepared.notes] == ["head", "1"]


def test_how_a_head_numbers_its_clusters_is_forgotten():
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 6, (4, 50))
    renamed = np.stack([rng.permutation(10**6)[head] * 10**6 for head in matrix])
    assert np.array_equal(prepare(matrix).labels, prepare(renamed).labels)
