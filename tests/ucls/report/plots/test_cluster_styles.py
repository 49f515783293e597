import numpy as np

from ucls.report.plots.cluster_styles import MARKERS, cluster_styles
from ucls.report.plots.style import COLORS


def test_few_clusters_have_colours_of_their_own_in_order() -> None:
    styles = cluster_styles(np.random.default_rng(0).random((len(COLORS), 2)))
    assert [style.color for style in styles] == list(COLORS)
    assert {style.marker for style in styles} == {MARKERS[0]}


def test_a_colour_comes_back_far_away_and_with_another_mark() -> None:
    centers = np.column_stack([np.arange(8) / 8, np.zeros(8)])
    centers[7] = centers[6] + 0.01
    style = cluster_styles(centers)[7]
    assert style == (COLORS[0], MARKERS[1])


def test_neighbours_of_a_thousand_clusters_differ() -> None:
    centers = np.random.default_rng(0).random((1000, 2))
    styles = cluster_styles(centers)
    distance = np.linalg.norm(centers[:, None] - centers, axis=-1) + 9 * np.eye(1000)
    colors = np.array([style.color for style in styles])
    assert (colors[distance.argmin(axis=1)] == colors).mean() < 0.02


def test_no_clusters() -> None:
    assert cluster_styles(np.zeros((0, 2))) == []
