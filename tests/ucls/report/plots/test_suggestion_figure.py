from ucls.counting import Suggestion
from ucls.counting.suggestion import Signs
from ucls.report.plots.suggestion_figure import suggestion_figure


def test_both_signs_are_drawn_and_the_numbers_marked() -> None:
    signs = (Signs(2, 0.1, 0.01, 9.0), Signs(5, 0.4, 0.2, 7.0), Signs(80, 0.05, None, 8.0))
    above, below = suggestion_figure(Suggestion(5, "clear", (2, 80), signs, 0.9)).axes
    bars, dots = above.collections
    assert len(bars.get_paths()) == 3
    assert dots.get_offsets().tolist() == [[2.0, 0.01], [5.0, 0.2]]  # type: ignore[union-attr]
    marked = [line.get_xdata()[0] for line in above.lines]  # type: ignore[index]
    assert marked == [5, 2, 80]
    assert list(below.lines[0].get_ydata()) == [9.0, 7.0, 8.0]


def test_one_cluster_is_no_line() -> None:
    signs = (Signs(2, 0.01, 0.0, 9.0), Signs(3, 0.02, 0.0, 9.5))
    above, _ = suggestion_figure(Suggestion(1, "likely", (3, 2), signs, 0.2)).axes
    assert [line.get_xdata()[0] for line in above.lines] == [3, 2]  # type: ignore[index]
