from ucls.planning.sizes import (
    graph_bytes,
    head_weights,
    labels_bytes,
    logits_bytes,
    trained_labels_bytes,
)


def test_bytes_of_arrays() -> None:
    assert graph_bytes(100, 5) == 100 * 5 * (4 + 2) + 101 * 8
    assert labels_bytes(10, 3) == 3 * 10 * (4 + 2)
    assert trained_labels_bytes(10, 3) == 2 * 3 * 10 * (8 + 4)
    assert logits_bytes(2, 7, 5) == 3 * 4 * 2 * 7 * 5


def test_weights_of_a_head_with_hidden_layers_and_without() -> None:
    assert head_weights((7,), 3) == 8 * 3
    assert head_weights((7, 4, 2), 3) == 8 * 4 + 5 * 2 + 3 * 3
