import csv

from ucls.report.table import Table

TABLE = Table(["name", "ACC"], [["k-means", "7"], ["a", "12.50"]])


def test_markdown_has_its_columns_aligned() -> None:
    assert TABLE.markdown() == (
        "| name    |   ACC |\n"
        "| ------- | ----: |\n"
        "| k-means |     7 |\n"
        "| a       | 12.50 |\n"
    )  # fmt: skip
    table = Table(["a", "b", "c"], [["1", "2", "3"]], n_left=2)
    assert table.markdown().splitlines()[1] == "| --- | --- | --: |"


def test_csv_holds_the_same_cells(tmp_path) -> None:
    TABLE.write_csv(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["name", "ACC"], ["k-means", "7"], ["a", "12.50"]]


def test_a_log_shows_long_cells_and_brackets_whole(capsys) -> None:
    name = "a name of [many] words " * 5
    Table(["", "ratio"], [[name.strip(), "1.25"]]).show()
    *_, line = capsys.readouterr().out.splitlines()
    assert line.split() == [*name.split(), "1.25"]
