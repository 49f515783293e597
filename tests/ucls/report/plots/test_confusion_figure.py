from collections.abc import Callable

import numpy as np
import pytest

from ucls.report.confusion import confusion
from ucls.report.plots.confusion_figure import MOST_CELLS, confusion_figure
from ucls.runs.image_labels import ImageLabels

LabelsOf = Callable[..., ImageLabels]


def test_small_matrices_have_names_and_numbers(labels_of: LabelsOf) -> None:
    truth = np.array([0, 0, 0, 0, 1, 1], np.int32)
    labels = labels_of([5, 5, 5, 2, 2, 2], {5: "my cats"})
    figure = confusion_figure(confusion(truth, labels.clusters), labels, ["cat", "dog"])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5 my cats", "2"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert [text.get_text() for text in axes.texts] == ["75", "25", "100"]


@pytest.mark.parametrize(("n_classes", "n_clusters"), [(3, 5), (5, 3)])
def test_what_has_no_partner_is_set_apart(
    labels_of: LabelsOf, n_classes: int, n_clusters: int
) -> None:
    numbers = np.arange(60)
    labels = labels_of(numbers % n_clusters)
    found = confusion((numbers % n_classes).astype(np.int32), labels.clusters)
    figure = confusion_figure(found, labels, [str(i) for i in range(n_classes)])
    (line,) = figure.axes[0].lines
    at = line.get_xdata() if n_clusters > n_classes else line.get_ydata()
    assert set(np.asarray(at)) == {2.5}


def test_a_thousand_classes_are_as_many_cells_as_can_be_seen(labels_of: LabelsOf) -> None:
    truth = (np.arange(5000) % 1000).astype(np.int32)
    clusters = 999 - truth
    # One class whose images are all elsewhere must not be lost among its neighbours.
    clusters[truth == 100] = clusters[truth == 700][0]
    labels = labels_of(clusters)
    figure = confusion_figure(confusion(truth, labels.clusters), labels, ["x"] * 1000)
    axes = figure.axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert shown.shape == (MOST_CELLS, MOST_CELLS)
    assert shown[np.arange(MOST_CELLS), np.arange(MOST_CELLS)].min() == 1.0
    assert (shown == 1.0).sum() == MOST_CELLS + 1
    assert axes.get_ylabel() == "1,000 classes"
    assert "4 by 4" in figure.axes[1].get_xlabel()


@pytest.mark.parametrize("n", [4, 30, 60])
def test_hostile_names_leave_room_for_the_cells(
    labels_of: LabelsOf, hostile: dict[int, str], n: int
) -> None:
    labels = labels_of(np.arange(120) % n, hostile)
    found = confusion(labels.clusters, labels.clusters)
    names = [hostile.get(i, str(i)) for i in range(n)]
    figure = confusion_figure(found, labels, names)
    figure.draw_without_rendering()
    place = figure.axes[0].get_position()
    assert place.width > 0.5
    assert place.height > 0.4
