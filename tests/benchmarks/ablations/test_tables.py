from benchmarks.ablations.rows import Figure, rows_of
from benchmarks.ablations.tables import arrow, cell, csv_table, tables_of


def test_a_cell_holds_the_published_figure_and_the_difference() -> None:
    assert cell(Figure(93.02, 0.114, 3, published=93.18)) == "93.02 ± 0.11 (93.18, -0.16)"
    assert cell(Figure(93.02, None, 1)) == "93.02"
    assert cell(Figure(1284.63, 0.0, 2), digits=1) == "1,284.6 ± 0.0"
    assert cell(None) == "-"


def test_arrows_follow_the_sign() -> None:
    assert [arrow(change) for change in (0.83, -0.06, 0.001)] == ["↑ 0.83", "↓ 0.06", "="]


def test_components_have_gains_and_a_total(make_results) -> None:
    """Each made-up row is a point above the one before."""
    results = make_results(accs=(0.8,))
    scores, settings = (one.table for one in tables_of(results, rows_of(results)))
    assert scores.rows[0][:5] == ["Baseline (TEMI)", "80.00", "80.00", "80.00", "80.00 ="]
    assert scores.rows[1][1:4] == ["81.00 ↑ 1.00"] * 3
    assert scores.rows[-1][:5] == ["Δ", "+5.00", "+5.00", "+5.00", ""]
    assert {len(line) for line in scores.rows} == {2 + 9}
    assert list(settings.headings) == ["Components", "train.n"]
    assert [line[1] for line in settings.rows] == ["0", "1", "2", "3", "4", "5"]


def test_columns_fit_the_header(make_results) -> None:
    for name, n_columns, n_tables in (("thresholds", 12, 1), ("heads", 11, 1), ("losses", 11, 2)):
        results = make_results(name)
        first, *others = tables_of(results, rows_of(results))
        assert len(first.table.headings) == n_columns
        assert {len(line) for line in first.table.rows} == {n_columns}
        # The values of a sweep say what its rows differ in.
        assert len(others) == n_tables - 1


def test_the_csv_holds_every_figure_unrounded_enough(make_results) -> None:
    results = make_results(source="imagenet100")
    rows = csv_table(results, rows_of(results)).rows
    (found,) = [row for row in rows if row[1:2] + row[3:5] == ["baseline", "best_head", "acc"]]
    assert found[0] == "imagenet100"
    assert found[5:] == ["85.0", "5.0", "2", "79.44", "5.56"]
