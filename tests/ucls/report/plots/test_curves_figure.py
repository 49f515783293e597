import pytest

from ucls.report.plots.curves_figure import MOST_IN_LEGEND, curves_figure
from ucls.report.training_curves import TrainingCurve


def curves(n: int, n_epochs: int = 3) -> list[TrainingCurve]:
    epochs = list(range(1, n_epochs + 1))
    loss = [1.0 / epoch for epoch in epochs]
    return [TrainingCurve(i, epochs, loss, loss, loss) for i in range(n)]


def test_one_line_for_each_group() -> None:
    (axes,) = curves_figure(curves(3)).axes
    assert [line.get_label() for line in axes.lines] == ["group 1", "group 2", "group 3"]
    assert list(axes.lines[0].get_ydata()) == [1.0, 0.5, 1 / 3]
    assert len(axes.collections) == 3
    assert axes.get_legend() is not None


@pytest.mark.parametrize("n", [1, MOST_IN_LEGEND + 1])
def test_a_legend_only_while_it_helps(n: int) -> None:
    (axes,) = curves_figure(curves(n)).axes
    assert axes.get_legend() is None


def test_a_single_epoch_is_seen() -> None:
    (axes,) = curves_figure(curves(1, n_epochs=1)).axes
    assert axes.lines[0].get_marker() == "o"


def test_lines_of_many_groups_differ() -> None:
    (axes,) = curves_figure(curves(28)).axes
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) == 28
