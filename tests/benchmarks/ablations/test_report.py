import csv
from pathlib import Path

import pytest

from benchmarks.ablations.record import Entry
from benchmarks.ablations.report import write_report
from benchmarks.ablations.studies import COMPONENTS, HEADS, STUDIES


def read_report(tmp_path: Path, study, record) -> str:
    write_report(study, record, tmp_path / "record.json")
    return (tmp_path / "record.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_tables_and_plots(tmp_path: Path, make_record, name: str) -> None:
    written = write_report(STUDIES[name], make_record(name), tmp_path / "record.json")
    assert [path.suffix for path in written] == [".md", ".csv", ".svg", ".png"]
    assert all(path.stat().st_size > 0 for path in written)
    tables = " and ".join(STUDIES[name].tables)
    assert tables in (tmp_path / "record.md").read_text(encoding="utf-8")


def test_it_says_what_was_measured_and_how(tmp_path: Path, make_record) -> None:
    text = read_report(tmp_path, COMPONENTS, make_record())
    assert text.startswith("# Components one by one: digits\n")
    assert "30 images of `val`, 10 clusters, mean ± standard deviation over 2 seeds" in text
    assert "All rows: `neighbors.k` 5" in text
    assert "Set by hand: `train.epochs=7`" in text
    assert "Machine: a machine" in text
    assert "Made by `python -m benchmarks ablate`" in text


def test_the_thesis_stands_beside_its_own_images_only(tmp_path: Path, make_record) -> None:
    own = read_report(tmp_path, COMPONENTS, make_record(source="imagenet100"))
    assert "85.00 ± 5.00 (79.44, +5.56)" in own
    assert "DINOv2 ViT-L/14" in own
    other = read_report(tmp_path, COMPONENTS, make_record())
    assert "79.44" not in other
    assert "In brackets" not in other


def test_simulated_features_are_told_everywhere(tmp_path: Path, make_record) -> None:
    record = make_record(source="simulated", kind="features", simulated={"n_images": 1280})
    text = read_report(tmp_path, COMPONENTS, record)
    assert text.startswith("# Components one by one: simulated\n")
    assert "**Simulated features** (n_images 1,280)" in text
    rows = list(csv.DictReader((tmp_path / "record.csv").open(encoding="utf-8")))
    assert {row["source"] for row in rows} == {"simulated"}


def test_what_failed_or_is_left_out_is_told(tmp_path: Path, make_record) -> None:
    record = make_record(accs=(0.8,))
    record.left_out["+ Feat."] = "there are no patches"
    record.entries.append(Entry("sinkhorn", 1, "key", "folder", "a machine", error="no memory"))
    text = read_report(tmp_path, COMPONENTS, record)
    assert "+ Feat. is left out: there are no patches." in text
    assert "FAILED: sinkhorn, seed 1: no memory" in text


def test_without_any_finished_run_the_failures_remain(tmp_path: Path, make_record) -> None:
    record = make_record("heads", accs=())
    record.entries.append(Entry("10", 0, "key", "folder", "a machine", error="no memory"))
    written = write_report(HEADS, record, tmp_path / "record.json")
    assert [path.suffix for path in written] == [".md", ".csv"]
    text = (tmp_path / "record.md").read_text(encoding="utf-8")
    assert "No run has finished." in text
    assert "FAILED: 10, seed 0: no memory" in text


def test_the_csv_holds_every_figure_unrounded_enough(tmp_path: Path, make_record) -> None:
    write_report(COMPONENTS, make_record(source="imagenet100"), tmp_path / "record.json")
    rows = list(csv.DictReader((tmp_path / "record.csv").open(encoding="utf-8")))
    (one,) = [
        row for row in rows
        if (row["row"], row["group"], row["figure"]) == ("baseline", "best_head", "acc")
    ]  # fmt: skip
    found = [float(one[name]) for name in ("mean", "spread", "runs", "published", "difference")]
    assert found == pytest.approx([85.0, 5.0, 2, 79.44, 5.56])
