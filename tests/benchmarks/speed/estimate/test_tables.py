from benchmarks.speed.estimate.arrays import Array
from benchmarks.speed.estimate.cases import IMAGENET, Case
from benchmarks.speed.estimate.extrapolation import Extrapolated
from benchmarks.speed.estimate.rows import TimeRow
from benchmarks.speed.estimate.tables import array_table, time_table


def rows(train_seconds):
    return [
        TimeRow("train", Extrapolated(train_seconds, 1.5), 20.0, 40.0),
        TimeRow("ensemble", Extrapolated(16.0, 1.25), None, None),
    ]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_line_for_each_stage_the_sum_and_other_epochs():
    case = Case("case", IMAGENET, epochs=(100, 400))
    text = time_table(case, rows(1000.0), [rows(4000.0)])
    _, _, train, ensemble, sums, instead = map(cells, text.splitlines())
    assert train == ["train, 100 epochs", "17 min", "1.50", "20 s", "40 s"]
    assert ensemble == ["ensemble", "16 s", "1.25", "CPU, as here", "CPU, as here"]
    assert sums == ["**all**", "17 min", "", "36 s", "56 s"]
    assert instead[:2] == ["instead: train, 400 epochs", "67 min"]


def test_what_takes_room_is_told_with_how_it_is_counted():
    text = array_table([Array("features", 5.2e9, "float16")], where="on disk")
    assert cells(text.splitlines()[0]) == ["on disk", "counted as", "size"]
    assert cells(text.splitlines()[-1]) == ["features", "float16", "5.2 GB"]
