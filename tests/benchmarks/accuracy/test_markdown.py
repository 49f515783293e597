from benchmarks.accuracy.markdown import format_table


def test_columns_are_aligned() -> None:
    table = format_table(["name", "ACC"], [["k-means", "7"], ["a", "12.50"]])
    assert table == (
        "| name    |   ACC |\n"
        "| ------- | ----: |\n"
        "| k-means |     7 |\n"
        "| a       | 12.50 |\n"
    )  # fmt: skip


def test_more_columns_can_be_set_to_the_left() -> None:
    table = format_table(["a", "b", "c"], [["1", "2", "3"]], n_left=2)
    assert table.splitlines()[1] == "| --- | --- | --: |"
