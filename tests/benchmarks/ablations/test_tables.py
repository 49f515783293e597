from benchmarks.ablations.rows import Figure, rows_of
from benchmarks.ablations.studies import COMPONENTS, HEADS, LOSSES, SWEEP
from benchmarks.ablations.tables import arrow, cell, settings_table, tables_of


def test_a_cell_holds_the_published_figure_and_the_difference() -> None:
    assert cell(Figure(93.02, 0.114, 3, published=93.18)) == "93.02 ± 0.11 (93.18, -0.16)"
    assert cell(Figure(93.02, None, 1)) == "93.02"
    assert cell(Figure(1284.63, 0.0, 2), digits=1) == "1,284.6 ± 0.0"
    assert cell(None) == "-"


def test_arrows_follow_the_sign() -> None:
    assert [arrow(change) for change in (0.83, -0.06, 0.001)] == ["↑ 0.83", "↓ 0.06", "="]


def test_components_have_gains_and_a_total(make_record) -> None:
    """Each made-up row is a point above the one before."""
    best, consensus = tables_of(COMPONENTS, rows_of(COMPONENTS, make_record(accs=(0.8,))))
    assert best.rows[0] == ["Baseline (TEMI)", "80.00", "80.00", "80.00"]
    assert best.rows[1][1:] == ["81.00 ↑ 1.00"] * 3
    assert best.rows[-1] == ["Δ", "+5.00", "+5.00", "+5.00"]
    assert len(consensus.rows) == 3 * len(COMPONENTS.variants)
    assert consensus.rows[1] == ["+ Ensemble †", *["80.00 ="] * 3]


def test_columns_fit_the_header(make_record) -> None:
    for study, n_columns in ((SWEEP, 2 + 6 + 4), (HEADS, 2 + 9), (LOSSES, 2 + 9)):
        (table,) = tables_of(study, rows_of(study, make_record(study.name)))
        assert len(table.header) == n_columns
        assert {len(line) for line in table.rows} == {n_columns}


def test_only_differing_settings_are_listed(make_record) -> None:
    record = make_record("losses")
    table = settings_table(LOSSES, record, rows_of(LOSSES, record))
    assert table is not None
    assert table.header == ["Loss", "train.n"]
    assert [line[1] for line in table.rows] == ["0", "1", "2", "3"]
    sweep = make_record("heads")
    assert settings_table(HEADS, sweep, rows_of(HEADS, sweep)) is None
