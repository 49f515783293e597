from benchmarks.speed.growth.page import growth_page, growth_rows
from tests.benchmarks.speed.growth.samples import growth_record, stage_growth


def test_a_line_for_each_axis_of_each_stage():
    rows = list(growth_rows([stage_growth("train"), stage_growth("ensemble")]))
    assert [row[:2] for row in rows] == [
        ["train", "N"], ["train", "C"], ["train", "H"], ["train", "D"],
        ["ensemble", "N"], ["ensemble", "C"], ["ensemble", "H"],
    ]  # fmt: skip
    _, _, least, most, _, slope, last, *_ = rows[0]
    assert (least, most, slope, last) == ("1,024", "8,192", "2.00 ± 0.00", "2.00")


def test_memory_is_left_out_where_it_is_noise():
    (row, *_) = growth_rows([stage_growth("self-train")])
    assert row[-3:] == ["1 to 8", "-", "-"]
    (row, *_) = growth_rows([stage_growth("ensemble")])
    assert row[-3:] == ["33 to 262", "1.00 ± 0.00", "1.00"]


def test_the_page_says_where_its_figures_come_from():
    record = growth_record()
    text = growth_page(record)
    assert record.machine["processor"] in text
    assert record.command in text
    assert "simulated" in text
    assert "2 repeats" in text
    assert "- merge: merging heads of 3 C clusters, around N=4,096, C=8, H=4" in text
    assert text.count("| train ") == 4
