import pytest

from benchmarks.speed.growth import measuring
from benchmarks.speed.growth.measuring import measure_growth
from benchmarks.speed.growth.sizes import Grid, Size
from benchmarks.speed.growth.works import WORKS
from ucls.errors import UclsError

GRID = Grid(Size(2000, 5, 4, 1), {"N": (1000, 2000, 200_000)})


def test_a_process_measures_every_size():
    advanced = []
    growth = measure_growth("ensemble", GRID, repeats=2, advance=advanced.append)
    assert growth.base == GRID.base
    assert growth.what == WORKS["ensemble"].what
    assert [point.size.n_images for point in growth.points] == [1000, 2000, 200_000]
    assert all(len(point.seconds) == 2 for point in growth.points)
    assert growth.points[2].median > growth.points[0].median
    # The heads alone take 3.2 MB, and the process without them many times that.
    assert 3.2 < growth.points[2].memory_mb < 60
    assert advanced == [1] * 3


def test_a_process_that_fails_is_told(monkeypatch, capfd):
    monkeypatch.setitem(measuring.WORKS, "no-such", WORKS["ensemble"])
    with pytest.raises(UclsError, match="measuring no-such stopped with exit code 1"):
        measure_growth("no-such", GRID, repeats=1)
    assert "KeyError" in capfd.readouterr().err
