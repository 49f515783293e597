from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ablations.report import cell, scores_table, write_report
from benchmarks.ablations.rows import Figure, Results
from benchmarks.ablations.study import load_studies
from benchmarks.jobs import Outcome
from benchmarks.simulated.features import SimulatedFeatures, write_simulated
from ucls.sources import load_source

FAILED = Outcome("sinkhorn, seed 1", "failed", "no memory")


def report_of(folder: Path, results: Results) -> str:
    return write_report(results, folder)[0].read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", load_studies())
def test_every_study_has_a_table_and_a_plot(tmp_path: Path, make_results, name: str) -> None:
    results = make_results(name)
    written = write_report(results, tmp_path)
    assert [path.suffix for path in written] == [".md", ".png"]
    assert all(path.stat().st_size > 0 for path in written)
    text = written[0].read_text(encoding="utf-8")
    assert f"As thesis tables {' and '.join(load_studies()[name].tables)}, on features" in text
    assert "\n\n\n" not in text
    if name == "components":
        assert text.startswith("# Components one by one: digits\n\nAs thesis tables 6.9 and 6.11")
        assert "360 images of `val`, 10 clusters, mean ± standard deviation over seeds" in text
        assert "- Set by hand: `train.epochs=70`.\n" in text
        assert "- Machine: Abacus, 2 cores, torch 2.0, ucls 0.1.\n- Made by `python -m" in text
    table = scores_table(results.plan.study, results.rows())
    assert {len(line) for line in table.rows} == {len(table.headings)}


def test_the_thesis_stands_beside_its_own_images_only(tmp_path: Path, make_results) -> None:
    own = report_of(tmp_path, make_results(source="imagenet100"))
    assert "85.00 ± 5.00 (79.44, +5.56)" in own
    assert "In brackets the thesis's figure" in own
    assert "DINOv2 ViT-L/14" in own
    assert "In brackets" not in report_of(tmp_path, make_results())


def test_simulated_features_are_told(tmp_path: Path, make_results) -> None:
    write_simulated(tmp_path / "made.h5", SimulatedFeatures(90, 3, 16))
    results = make_results()
    plan = replace(results.plan, source=load_source(str(tmp_path / "made.h5")))
    results = replace(results, plan=plan)
    for trial in results.trials:
        trial.figures.update(train=trial.figures["val"], val=None)
    text = report_of(tmp_path, results)
    assert "**Simulated features** (n_images 90, n_classes 3, n_features 16, seed 0)" in text
    assert "90 images of `train`" in text


def test_what_failed_is_told(tmp_path: Path, make_results) -> None:
    results = make_results(accs=(0.8,))
    text = report_of(tmp_path, replace(results, outcomes=[*results.outcomes, FAILED]))
    assert "- FAILED: sinkhorn, seed 1: no memory\n" in text
    results = replace(make_results("heads", accs=()), outcomes=[FAILED])
    assert [path.suffix for path in write_report(results, tmp_path)] == [".md"]
    assert "No run has finished.\n\n- FAILED: sinkhorn" in report_of(tmp_path, results)


def test_a_cell_holds_the_published_figure_and_the_difference() -> None:
    assert cell(Figure(93.02, 0.114, published=93.18)) == "93.02 ± 0.11 (93.18, -0.16)"
    assert cell(Figure(1293.02)) == "1,293.02"
    assert cell(None) == "-"
