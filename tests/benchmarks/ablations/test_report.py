from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ablations.plan import Results
from benchmarks.ablations.report import write_report
from benchmarks.ablations.source import Size, open_source
from benchmarks.ablations.study import load_studies
from benchmarks.jobs import Outcome

FAILED = Outcome("sinkhorn, seed 1", "failed", reason="no memory")


def report_of(folder: Path, results: Results) -> str:
    return write_report(results, folder)[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", load_studies())
def test_every_study_has_tables_and_plots(tmp_path: Path, make_results, name: str) -> None:
    written = write_report(make_results(name), tmp_path)
    assert [path.suffix for path in written] == [".md", ".csv", ".svg", ".png"]
    assert all(path.stat().st_size > 0 for path in written)
    tables = " and ".join(load_studies()[name].tables)
    assert f"{tables} of the thesis" in written[0].read_text(encoding="utf-8")


def test_it_says_what_was_measured_and_how(tmp_path: Path, make_results) -> None:
    text = report_of(tmp_path, make_results())
    assert text.startswith("# Components one by one: digits\n\nAs tables 6.9 and 6.11 of the")
    assert "360 images of `val`, 10 clusters, mean ± standard deviation over 2 seeds.\n" in text
    assert "- All rows: `neighbors.k` 5" in text
    assert "- Set by hand: `train.epochs=70`.\n" in text
    assert "- Machine: Abacus, 2 cores, torch 2.0, ucls 0.1.\n" in text
    assert "- Made by `python -m benchmarks" in text
    assert "\n\n\n" not in text


def test_the_thesis_stands_beside_its_own_images_only(tmp_path: Path, make_results) -> None:
    own = report_of(tmp_path, make_results(source="imagenet100"))
    assert "85.00 ± 5.00 (79.44, +5.56)" in own
    assert "In brackets the thesis's figure" in own
    assert "DINOv2 ViT-L/14" in own
    other = report_of(tmp_path, make_results())
    assert "79.44" not in other
    assert "In brackets" not in other


def test_simulated_features_are_told(tmp_path: Path, make_results) -> None:
    results = make_results()
    source = open_source("simulated", size=Size(90, 3, 16), folder=tmp_path)
    results = replace(results, plan=replace(results.plan, source=source))
    text = report_of(tmp_path, results)
    assert text.startswith("# Components one by one: simulated\n")
    assert "**Simulated features** (n_images 90, n_classes 3, n_features 16, seed 0)" in text
    assert "As tables 6.9 and 6.11 of the thesis, on given features." in text


def test_what_failed_or_is_left_out_is_told(tmp_path: Path, make_results) -> None:
    results = make_results(accs=(0.8,))
    plan = replace(results.plan, left_out={"+ Feat.": "there are no patches"})
    text = report_of(tmp_path, Results(plan, [*results.outcomes, FAILED]))
    assert "- + Feat. is left out: there are no patches.\n" in text
    assert "- FAILED: sinkhorn, seed 1: no memory\n" in text


def test_without_any_finished_run_the_failures_remain(tmp_path: Path, make_results) -> None:
    results = replace(make_results("heads", accs=()), outcomes=[FAILED])
    assert [path.suffix for path in write_report(results, tmp_path)] == [".md", ".csv"]
    text = report_of(tmp_path, results)
    assert "No run has finished.\n\n- FAILED: sinkhorn, seed 1: no memory\n" in text
