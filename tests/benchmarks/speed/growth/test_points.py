from benchmarks.speed.growth.points import Point, StageGrowth, sizes_along
from benchmarks.speed.growth.sizes import Size

BASE = Size(10, 3, 2, 8)


def growth(*sizes):
    points = tuple(Point(Size(*size), (1.0,), 1.0) for size in sizes)
    return StageGrowth("train", "an epoch", BASE, points)


def test_an_axis_has_the_points_that_differ_in_it_alone():
    found = growth((40, 3, 2, 8), BASE, (20, 3, 2, 8), (10, 6, 2, 8), (20, 6, 2, 8))
    assert sizes_along(found.along("N"), "N") == [10, 20, 40]
    assert sizes_along(found.along("C"), "C") == [3, 6]
    assert found.letters == ["N", "C"]


def test_median_and_quartiles_are_over_repeats():
    point = Point(BASE, (1.0, 2.0, 3.0, 4.0, 10.0), 1.0)
    assert point.median == 3.0
    assert point.quartiles == (2.0, 4.0)
