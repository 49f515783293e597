from dataclasses import replace

from benchmarks.accuracy.comparison import compare
from benchmarks.accuracy.published import load_published
from benchmarks.accuracy.records import Record
from benchmarks.accuracy.table import WIDTH, format_markdown
from tests.benchmarks.accuracy.samples import make_record

PUBLISHED = load_published()


def text_of(dataset: str, *records: Record) -> str:
    comparison = compare(dataset, records, PUBLISHED.results.get(dataset, ()))
    return format_markdown([comparison], PUBLISHED.images)


def rows_of(text: str) -> dict[str, list[str]]:
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows}


def test_ours_stands_beside_the_published_and_the_difference() -> None:
    records = [make_record("stl10", acc=acc, seed=i) for i, acc in enumerate((0.97, 0.99))]
    text = text_of("stl10", *records)
    rows = rows_of(text)
    assert rows["UCLS stage 1"][0] == "DINOv2 ViT-B/14 reg"
    assert rows["UCLS stage 1"][4:7] == ["99.00 ±1.41", "99.57 ±0.04", "-0.57"]
    assert rows["k-means"][4:7] == ["98.00 ±1.41", "", ""]
    assert rows["TURTLE"][4:7] == ["", "72.3", ""]
    assert "10 classes; 5,000 images of train, 8,000 of val" in text
    assert "- ours, ucls: 2 runs (seeds 0, 1) on pixels cls, 1:01 each\n" in text


def test_the_header_names_the_machine() -> None:
    assert "Ours: 1 run on Abacus, 2 cores, torch 2.0, ucls 0.1." in text_of(
        "stl10", make_record("stl10")
    )
    assert "Abacus" not in text_of("stl10")


def test_several_machines_are_told_apart() -> None:
    one = make_record("stl10")
    machine = {**one.machine, "processor": "Slide rule"}
    other = replace(make_record("stl10", objective="temi"), machine=machine)
    text = " ".join(text_of("stl10", one, other).split())
    assert "Ours: 2 runs on Abacus, 2 cores, torch 2.0, ucls 0.1; Slide rule, 2 cores" in text
    assert "1:01 each on Slide rule" in text
    assert "each on" not in text_of("stl10", one)


def test_a_dataset_that_is_not_published_has_our_columns_only() -> None:
    rows = rows_of(text_of("digits", make_record()))
    assert rows["UCLS stage 1"] == ["80.00", "91.00", "70.00"]
    assert "TEMI" not in rows


def test_runs_with_other_settings_are_marked() -> None:
    text = text_of("digits", make_record(overrides={"train.epochs": 1}))
    assert "UCLS ensemble †" in rows_of(text)
    assert "- † not the settings of the benchmark: ucls, seed 0: train.epochs = 1\n" in text
    assert "†" not in text_of("digits", make_record())


def test_runs_that_are_left_out_are_told() -> None:
    text = text_of("digits", make_record(), make_record(seed=1, overrides={"train.epochs": 1}))
    assert "†" not in text
    assert "- left out, as other runs have the settings of the benchmark: ucls, seed 1" in text


def test_notes_on_slips_are_there() -> None:
    assert "interchanged" in text_of("food101")


def test_prose_fits_a_page() -> None:
    lines = text_of("stl10", make_record("stl10")).splitlines()
    assert max(len(line) for line in lines if not line.startswith("|")) <= WIDTH
