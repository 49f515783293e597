from benchmarks.records import made_here, read_record, write_record
from benchmarks.speed.measurement import Size
from benchmarks.speed.soak.page import soak_page
from benchmarks.speed.soak.record import SoakRecord
from benchmarks.speed.steps import Step

FIRST = (Step("extract", 12.34, 800.0, (700.0, 800.0)), Step("train", 60.0, 1200.0))
SECOND = (Step("extract", 12.0, 810.0), Step("train", 61.0, 1210.0))


def record_of() -> SoakRecord:
    return SoakRecord(**made_here(), size=Size(1_000_000, 100, 1, 256), runs=(FIRST, SECOND))


def test_the_same_stage_of_all_runs_stands_together():
    record = record_of()
    page = soak_page(record)
    assert "2 whole runs of 1,000,000 images with 256 features each, in 100 clusters" in page
    assert record.command in page
    lines = [line for line in page.splitlines() if line.startswith(("| extract", "| train"))]
    cells = [[cell.strip() for cell in line.split("|")[1:5]] for line in lines]
    assert cells == [
        ["extract", "1", "12.3", "800"],
        ["extract", "2", "12.0", "810"],
        ["train", "1", "60.0", "1,200"],
        ["train", "2", "61.0", "1,210"],
    ]
    assert page.rstrip().endswith("The largest of each run, in MB: 1,200, 1,210.")


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = record_of()
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json", SoakRecord) == record
