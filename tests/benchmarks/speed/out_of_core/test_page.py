from benchmarks.records import made_here, read_record, write_record
from benchmarks.speed.measurement import Size
from benchmarks.speed.out_of_core.page import out_of_core_page
from benchmarks.speed.out_of_core.record import OutOfCoreRecord
from benchmarks.speed.steps import Step

SAMPLES = tuple(float(number) for number in range(600, 620))


def record_of(samples: tuple[float, ...] = SAMPLES) -> OutOfCoreRecord:
    steps = (Step("extract", 12.34, 800.0), Step("train", 60.0, 1200.0, samples))
    return OutOfCoreRecord(**made_here(), size=Size(1_000_000, 100, 1, 2048), steps=steps)


def test_the_page_tells_every_step_and_where_its_figures_come_from():
    record = record_of()
    page = out_of_core_page(record)
    assert "N=1,000,000, C=100, H=1, D=2,048: 4.1 GB in float16" in page
    assert "in float32 (8.2 GB)" in page
    assert record.command in page
    assert record.machine["processor"] in page
    assert "| extract |    12.3 |     800 |" in page
    assert page.rstrip().endswith("601, 603, 605, 607, 609, 611, 613, 615, 617, 619.")


def test_a_short_training_has_fewer_samples():
    assert out_of_core_page(record_of((600.0, 700.0))).rstrip().endswith("in MB: 600, 700.")


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = record_of()
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json", OutOfCoreRecord) == record
