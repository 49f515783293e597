from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.ablations.plots import plot_study, title_of
from benchmarks.ablations.rows import rows_of


@pytest.mark.parametrize("name", ["components", "thresholds"])
def test_equal_figures_give_equal_files(tmp_path: Path, make_results, name: str) -> None:
    def plotted(stem: str, *accs: float) -> list[bytes]:
        results = make_results(name, accs=accs)
        return [
            path.read_bytes() for path in plot_study(results, rows_of(results), tmp_path / stem)
        ]

    first = plotted("first", 0.8, 0.9)
    assert plotted("second", 0.8, 0.9) == first
    assert not set(plotted("third", 0.5)) & set(first)


def test_the_title_tells_the_source_and_the_seeds(make_results, monkeypatch) -> None:
    assert title_of(make_results()) == "Components one by one: digits, 2 seeds"
    results = make_results(accs=(0.8,))
    monkeypatch.setattr("benchmarks.ablations.plan.how_simulated", lambda _: {"n_images": 9})
    assert title_of(results) == "Components one by one: digits (simulated), 1 seed"
    made = replace(results.plan.source, name="simulated")
    results = replace(results, plan=replace(results.plan, source=made))
    assert title_of(results) == "Components one by one: simulated, 1 seed"
