from ucls.report.plots.learning_figure import learning_figure


def test_loss_above_and_scores_below() -> None:
    log = [{"epoch": 1, "loss": 3.0, "knn": 0.5}, {"epoch": 2, "loss": 2.0, "knn": 0.75}]
    above, below = learning_figure(log).axes
    (loss,), (knn,) = above.lines, below.lines
    assert loss.get_xydata().tolist() == [[1, 3], [2, 2]]
    assert knn.get_xydata().tolist() == [[1, 0.5], [2, 0.75]]
    assert knn.get_label() == "k-NN"
    assert (below.get_ylim(), below.get_xlabel()) == ((0, 1), "epoch")


def test_without_labels_there_is_the_loss_alone() -> None:
    (axes,) = learning_figure([{"epoch": 1, "loss": 3.0}]).axes
    assert axes.lines[0].get_marker() == "o"
    assert axes.get_xlabel() == "epoch"
