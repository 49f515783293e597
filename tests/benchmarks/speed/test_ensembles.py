import numpy as np
import pytest

from benchmarks.speed import ensembles
from benchmarks.speed.ensembles import ALL_PAIRS, ONE_HEAD, count_tables, ensemble_ratios
from benchmarks.speed.measurement import Size


def test_each_method_is_put_beside_what_it_cannot_do_without():
    found = ensemble_ratios(Size(400, 5, 4), repeats=2)
    assert [(one.name.split()[0], one.against) for one in found] == [
        ("mcla", ALL_PAIRS), ("vote", ALL_PAIRS), ("vote", ONE_HEAD),
    ]  # fmt: skip
    assert all(len(one.ratios) == 2 and one.ratio > 0 for one in found)
    assert found[0].name == "mcla of 4 heads, 400 images, C=5 (hard)"


@pytest.mark.parametrize(("n_first", "n_tables"), [(5, 10), (1, 4)])
def test_tables_are_those_of_the_first_heads_with_all_later_ones(n_first, n_tables, monkeypatch):
    heads = np.random.default_rng(0).integers(0, 3, (5, 50), dtype=np.int32)
    counted = []
    monkeypatch.setattr(
        ensembles.np, "bincount", lambda *cells, **_: counted.append(np.unique_counts(*cells))
    )
    count_tables(heads, 3, n_first=n_first)
    assert len(counted) == n_tables
    cells, counts = np.unique(heads[0] * 3 + heads[1], return_counts=True)
    assert counted[0].values.tolist() == cells.tolist()
    assert counted[0].counts.tolist() == counts.tolist()
