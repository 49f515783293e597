import numpy as np
import pytest
import torch

from ucls.counting.clouds import CLOUDS, beyond_clouds, draw_clouds, graph_modes
from ucls.counting.micro_clusters import nearest_neighbors
from ucls.merging.links import Edges

CPU = torch.device("cpu")


def test_a_cloud_has_the_mean_and_covariance() -> None:
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(5, 4)) * [[4.0, 1.0, 0.5, 0.1]]
    rows = (wide[np.arange(20_000) % 5] + 3.0).astype(np.float32)
    drawn, *others = draw_clouds(rows, seed=0)
    np.testing.assert_allclose(drawn.mean(axis=0), rows.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(rows.T), atol=0.25)
    assert len(others) == CLOUDS - 1
    np.testing.assert_array_equal(drawn, next(draw_clouds(rows, seed=0)))
    different = [*others, *draw_clouds(rows, seed=1)]
    assert not any(np.array_equal(drawn, other) for other in different)


def test_a_cloud_of_fewer_images_than_features_stays_in_their_span() -> None:
    rows = np.random.default_rng(0).normal(size=(12, 40)).astype(np.float32)
    together = np.vstack([rows, next(draw_clouds(rows, seed=0))]) - rows.mean(axis=0)
    assert np.linalg.matrix_rank(together, tol=1e-3) == 11


def test_modes_of_a_ring_are_cosines() -> None:
    places = np.arange(200, dtype=np.int32)
    modes = graph_modes(Edges(places, (places + 1) % 200), 200)
    expected = np.sort(np.cos(2 * np.pi * places / 200))[::-1][:65]
    np.testing.assert_allclose(modes, expected, atol=1e-9)


def test_separate_groups_have_a_mode_each() -> None:
    rng = np.random.default_rng(0)
    sources = np.repeat(np.arange(90, dtype=np.int32), 10)
    modes = graph_modes(Edges(sources, (sources // 30 * 30 + rng.integers(30, size=900))), 90)
    np.testing.assert_allclose(modes[:3], 1.0)
    assert modes[3] < 0.9


@pytest.mark.parametrize("n_groups", [1, 4])
def test_groups_slow_the_walk_and_their_gap_is_beyond_clouds(n_groups: int) -> None:
    rng = np.random.default_rng(0)
    centres = np.linalg.qr(rng.normal(size=(16, 4)))[0].T
    rows = centres[np.arange(400) % n_groups] + 0.2 * rng.normal(size=(400, 16))
    rows = (rows - rows.mean(axis=0)).astype(np.float32)
    edges = nearest_neighbors(rows)
    told: list[int] = []
    found = beyond_clouds(
        rows, edges, seed=0, device=CPU, advance=lambda amount=1, /, **_: told.append(amount)
    )
    assert sum(told) == CLOUDS
    assert found.gaps.shape == found.of_clouds.shape == (64,)
    assert (found.of_clouds >= 0.0).all()
    modes = graph_modes(edges, 400)
    np.testing.assert_allclose(found.gaps + found.of_clouds, modes[:-1] - modes[1:], atol=1e-12)
    assert found.pace == pytest.approx(1.1, abs=0.15) if n_groups == 1 else found.pace < 0.3
    if n_groups > 1:
        assert int(found.gaps[1:].argmax()) + 2 == n_groups
    else:
        assert found.gaps[1:].max() < 0.04
    again = beyond_clouds(rows, edges, seed=0, device=CPU)
    np.testing.assert_allclose(again.gaps, found.gaps, atol=1e-12)
