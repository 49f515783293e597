from pathlib import Path

import pytest

from benchmarks.ablations.plots import bounds, known_points, plot_study, title_of
from benchmarks.ablations.rows import Figure, rows_of
from benchmarks.ablations.studies import COMPONENTS, STUDIES, SWEEP


@pytest.mark.parametrize("name", ["components", "thresholds"])
def test_equal_figures_give_equal_files(tmp_path: Path, make_record, name: str) -> None:
    study, record = STUDIES[name], make_record(name)
    first, second = (
        [
            path.read_bytes()
            for path in plot_study(study, record, rows_of(study, record), tmp_path / stem)
        ]
        for stem in ("first", "second")
    )
    assert first == second
    other = make_record(name, accs=(0.5,))
    others = plot_study(study, other, rows_of(study, other), tmp_path / "third")
    assert all(path.read_bytes() not in first for path in others)


def test_the_title_tells_the_source_and_the_seeds(make_record) -> None:
    record = make_record(source="features", simulated={"n_images": 9})
    title = title_of(COMPONENTS, record)
    assert title == "Components one by one: features (simulated), 2 seeds"


def test_the_axis_starts_at_a_ten_below_all_bars() -> None:
    assert bounds([Figure(93.0, 1.0, 2), None, Figure(85.0, 1.0, 2)])[0] == 80.0
    assert bounds([Figure(82.0, 1.0, 2)])[0] == 70.0
    assert bounds([Figure(2.0, None, 1)])[0] == 0.0
    assert bounds([Figure(93.0, 1.0, 2)])[1] > 94.0


def test_points_rise_along_the_axis(make_record) -> None:
    values, figures = known_points(rows_of(SWEEP, make_record("thresholds")), "best_head", "acc")
    assert values == sorted(values)
    # Made-up rows rise from threshold 1.0 to 0.1, as the table lists them.
    assert figures[0].mean > figures[-1].mean
