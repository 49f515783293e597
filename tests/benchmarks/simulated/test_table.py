from benchmarks.simulated.check import Comparison
from benchmarks.simulated.table import HEADINGS, cells, comparison_table

ROWS = [
    Comparison(0.9, 71.9, 75.0, 99.77, 98.5, 99.0),
    Comparison(0.8, 216.5, 300.0, 98.06, 97.0, 97.0),
]


def test_a_line_holds_every_difference():
    assert cells(ROWS[0]) == (
        ["0.9", "71.9", "75.0", "+4.3", "99.77", "98.50", "-1.27", "99.00", "-0.77", "yes"]
    )
    assert cells(ROWS[1])[-1] == "NO"


def test_the_table_has_a_line_per_threshold_and_says_simulated():
    table = comparison_table(ROWS)
    assert (table.row_count, len(table.columns)) == (2, len(HEADINGS))
    assert sum("simulated" in heading for heading in HEADINGS) == 3
