import json
from pathlib import Path

import pytest

from benchmarks.records import read_record, write_record
from benchmarks.speed.growth.record import GrowthRecord, Point, StageGrowth
from benchmarks.speed.growth.works import WORKS
from benchmarks.speed.size import Size
from tests.benchmarks.speed.growth.samples import growth_record
from ucls.errors import UsageError

KEPT = Path(__file__).parents[4] / "benchmarks" / "results" / "growth" / "growth.json"
BASE = Size(10, 3, 2, 8)


def growth(*sizes):
    points = tuple(Point(Size(*size), (1.0,), 1.0) for size in sizes)
    return StageGrowth("train", "an epoch", BASE, points)


def test_an_axis_has_the_points_that_differ_in_it_alone():
    found = growth((40, 3, 2, 8), (10, 3, 2, 8), (20, 3, 2, 8), (10, 6, 2, 8), (20, 6, 2, 8))
    assert found.sizes("N") == [10, 20, 40]
    assert found.sizes("C") == [3, 6]
    assert found.letters == ["N", "C"]
    assert found.base_point == found.points[1]


def test_median_and_quartiles_are_over_repeats():
    point = Point(BASE, (1.0, 2.0, 3.0, 4.0, 10.0), 1.0)
    assert point.median == 3.0
    assert point.quartiles == (2.0, 4.0)


def test_what_is_written_is_read(tmp_path):
    record = growth_record()
    path = tmp_path / "new" / "growth.json"
    write_record(path, record)
    assert read_record(path, GrowthRecord) == record
    tree = json.loads(path.read_text())
    assert tree["stages"][0]["points"][0]["size"].keys() == {
        "n_images", "n_clusters", "n_heads", "n_features",
    }  # fmt: skip


def test_the_record_that_is_kept_is_read():
    record = read_record(KEPT, GrowthRecord)
    assert [growth.stage for growth in record.stages] == list(WORKS)
    assert record.of("merge").sizes("C") == [16, 32, 64, 128, 256, 512, 1024]


def test_a_stage_that_was_not_measured_is_told_with_what_to_do():
    with pytest.raises(UsageError, match="merge was not measured, only that of train, ensemble; m"):
        growth_record("train", "ensemble").of("merge")
