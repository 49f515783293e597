import pytest

from benchmarks.speed.estimate.cases import IMAGENET, Case
from benchmarks.speed.estimate.device import Device
from benchmarks.speed.estimate.extrapolation import extrapolate
from benchmarks.speed.estimate.rows import seconds_here, time_rows, total_with_device
from tests.benchmarks.speed.growth.samples import growth_record
from ucls.errors import UsageError

# Narrow, so that the steps that are counted are quick.
SIZE = IMAGENET._replace(n_clusters=20, n_features=64)
PLAIN, MERGED = Case("plain", SIZE), Case("merged", SIZE, scale=3)
RECORD = growth_record()


def test_stages_without_a_device_are_taken_from_here():
    rows = time_rows(PLAIN, RECORD, Device(), epochs=100)
    assert [row.stage for row in rows] == [
        "neighbors", "train", "ensemble", "self-train", "evaluate",
    ]  # fmt: skip
    on_cpu = [row for row in rows if row.device is None]
    assert [row.stage for row in on_cpu] == ["ensemble", "evaluate"]
    assert all(row.with_device == row.here.value for row in on_cpu)
    assert all(row.products < row.device == row.with_device for row in rows if row.device)
    assert total_with_device(rows) == pytest.approx(sum(row.with_device for row in rows))


def test_heads_with_more_clusters_are_merged():
    rows = time_rows(MERGED, RECORD, Device(), epochs=100)
    assert "merge" in [row.stage for row in rows]
    train = RECORD.of("train")
    three_times = extrapolate(train, SIZE._replace(n_clusters=60)).value
    assert seconds_here("train", MERGED, RECORD, epochs=1).value == three_times


def test_training_takes_as_long_as_its_epochs():
    once, often = (seconds_here("train", PLAIN, RECORD, epochs=n) for n in (1, 400))
    assert often.value == pytest.approx(400 * once.value)
    assert often.factor == once.factor


def test_a_slower_device_takes_longer():
    rows, slower = (
        time_rows(PLAIN, RECORD, device, epochs=10)
        for device in (Device(), Device(single_share=0.3, half_share=0.2, bandwidth_share=0.35))
    )
    for row, twice in zip(rows, slower, strict=True):
        if row.device is not None:
            assert twice.device == pytest.approx(2 * row.device)


def test_all_stages_are_needed():
    with pytest.raises(UsageError, match="evaluate was not measured"):
        time_rows(PLAIN, growth_record("neighbors", "train", "ensemble", "self-train"), Device(),
                  epochs=1)  # fmt: skip
