from collections.abc import Callable

import numpy as np

from ucls.report.plots.sizes_figure import MOST_NAMED, sizes_figure
from ucls.report.plots.style import ONE_COLUMN
from ucls.runs.image_labels import ImageLabels

LabelsOf = Callable[..., ImageLabels]


def test_bars_fall_and_have_names_and_numbers(labels_of: LabelsOf) -> None:
    figure = sizes_figure(labels_of([2] * 1500 + [0] * 3 + [7] * 20, {0: "cats"}))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["2", "7", "0 cats"]
    assert [text.get_text() for text in axes.texts] == ["1,500", "20", "3"]
    widths = [bar.get_width() for bar in axes.patches]  # type: ignore[attr-defined]
    assert widths == [1500, 20, 3]
    assert figure.get_figwidth() == ONE_COLUMN


def test_images_marked_as_wrong_come_last(labels_of: LabelsOf) -> None:
    (axes,) = sizes_figure(labels_of([0, 1, 1, -1, -1, -1])).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["1", "0", "in no cluster"]


def test_a_thousand_clusters_are_one_shape(labels_of: LabelsOf) -> None:
    clusters = np.repeat(np.arange(1000), np.arange(1, 1001) % 50 + 1)
    (axes,) = sizes_figure(labels_of(clusters)).axes
    assert len(axes.patches) == 0
    assert axes.get_xlabel() == "1,000 clusters, largest first"
    assert [text.get_text() for text in axes.texts] == ["median 26"]


def test_hostile_names_leave_room_for_the_bars(
    labels_of: LabelsOf, hostile: dict[int, str]
) -> None:
    figure = sizes_figure(labels_of(np.arange(400) % MOST_NAMED, hostile))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_position().width > 0.35
    assert "1 two lines" in [label.get_text() for label in axes.get_yticklabels()]
