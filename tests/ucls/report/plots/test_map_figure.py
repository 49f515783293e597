from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from ucls.report.plots.map_figure import MOST_IN_LEGEND, MOST_ON_MAP, map_figure
from ucls.report.plots.style import ONE_COLUMN, TWO_COLUMNS
from ucls.runs.image_labels import ImageLabels

LabelsOf = Callable[..., ImageLabels]


def draw(labels: ImageLabels) -> Figure:
    """The map of all images around the places of their clusters, on a spiral."""
    angle = labels.clusters * 2.4
    radius = 0.45 * np.sqrt((labels.clusters + 1) / (labels.clusters.max() + 2))
    noise = np.random.default_rng(0).normal(0, 0.01, (len(labels), 2))
    points = 0.5 + np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None] + noise
    figure = map_figure(points.astype(np.float32), labels, np.arange(len(labels)))
    figure.draw_without_rendering()
    return figure


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for one in figure.legends for text in one.get_texts()]


def on_map(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_few_clusters_have_a_legend_with_names(labels_of: LabelsOf) -> None:
    figure = draw(labels_of(np.arange(300) % 3, {1: "grey cats"}))
    assert legend(figure) == ["0", "1 grey cats", "2"]
    assert on_map(figure) == []
    assert figure.get_figwidth() == ONE_COLUMN


def test_images_marked_as_wrong_are_in_the_legend(labels_of: LabelsOf) -> None:
    assert legend(draw(labels_of(np.arange(300) % 4 - 1)))[-1] == "in no cluster"


def test_numbers_stand_on_the_map_once_colours_are_used_twice(labels_of: LabelsOf) -> None:
    figure = draw(labels_of(np.arange(500) % 10, {3: "cats"}))
    assert len(legend(figure)) == 10
    assert "3 cats" in legend(figure)
    assert sorted(on_map(figure), key=int) == [str(i) for i in range(10)]


def test_many_clusters_have_names_on_the_map_instead(labels_of: LabelsOf) -> None:
    n = MOST_IN_LEGEND + 1
    figure = draw(labels_of(np.arange(100 * n) % n, {3: "cats"}))
    assert legend(figure) == []
    assert "3 cats" in on_map(figure)


@pytest.mark.slow
def test_names_of_a_thousand_clusters_do_not_lie_over_each_other(labels_of: LabelsOf) -> None:
    names = dict.fromkeys(range(0, 1000, 2), "some name")
    figure = draw(labels_of(np.arange(2000) % 1000, names))
    assert figure.get_figwidth() == TWO_COLUMNS
    texts = figure.axes[0].texts
    assert 30 < len(texts) <= MOST_ON_MAP
    boxes = [text.get_window_extent() for text in texts]
    overlaps = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    assert overlaps == []
    page = figure.bbox
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 for box in boxes)


@pytest.mark.parametrize("n_clusters", [4, 20])
def test_hostile_names(labels_of: LabelsOf, hostile: dict[int, str], n_clusters: int) -> None:
    figure = draw(labels_of(np.arange(400) % n_clusters, hostile))
    shown = legend(figure) or on_map(figure)
    assert "1 two lines" in shown
    assert r"0 $\frac{1}{$" in shown
    assert max(map(len, shown)) < 30
    for text in (*figure.axes[0].texts, *(t for one in figure.legends for t in one.get_texts())):
        assert text.get_window_extent().width < figure.bbox.width


@pytest.mark.parametrize("clusters", [[0], [-1], [-1, -1, 5]])
def test_hardly_any_images(labels_of: LabelsOf, clusters: list[int]) -> None:
    labels = labels_of(clusters)
    figure = map_figure(
        np.full((len(clusters), 2), 0.5, np.float32), labels, np.arange(len(labels))
    )
    assert len(legend(figure)) == len(set(clusters))
