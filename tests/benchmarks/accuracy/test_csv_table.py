from benchmarks.accuracy.comparison import compare
from benchmarks.accuracy.csv_table import COLUMNS, csv_rows
from benchmarks.accuracy.published import load_published
from tests.benchmarks.accuracy.samples import make_record

STL10 = load_published().results["stl10"]


def test_a_row_for_every_line_and_score() -> None:
    records = [make_record("stl10", acc=acc, seed=i) for i, acc in enumerate((0.97, 0.99))]
    rows = [
        dict(zip(COLUMNS, row, strict=True)) for row in csv_rows([compare("stl10", records, STL10)])
    ]
    assert len(rows) == 3 * (len(STL10) + 1)
    row = next(r for r in rows if (r["part"], r["score"]) == ("best_head", "acc"))
    assert row == {
        "dataset": "stl10",
        "split": "val",
        "objective": "ucls",
        "part": "best_head",
        "score": "acc",
        "ours": 99.0,
        "ours_std": 1.414,
        "seeds": "0 1",
        "features": "pixels cls",
        "departures": "",
        "published": 99.57,
        "published_std": 0.04,
        "published_backbone": "DINOv2 ViT-B/14 reg",
        "source": "thesis table 6.12",
        "difference": -0.57,
    }


def test_what_is_not_known_is_empty() -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in csv_rows([compare("stl10", [], STL10)])]
    turtle = next(r for r in rows if (r["objective"], r["score"]) == ("turtle", "nmi"))
    assert (turtle["ours"], turtle["seeds"], turtle["published"]) == ("", "", "")
    assert (turtle["difference"], turtle["source"]) == ("", "thesis table 6.12")
