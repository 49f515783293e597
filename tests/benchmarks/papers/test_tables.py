"""The figures that the papers print."""

from decimal import Decimal
from itertools import pairwise

import pytest
from pydantic import ValidationError

from benchmarks.papers.tables import PaperTable, Row, in_words, load_papers
from ucls.datasets import DATASETS
from ucls.settings.pretraining import PretrainConfig
from ucls.settings.pretraining_methods import METHODS

PAPERS = load_papers()
TABLES = {stem: {table.name: table for table in paper.tables} for stem, paper in PAPERS.items()}
ROWS = [row for tables in TABLES.values() for table in tables.values() for row in table.rows]


def rows(stem: str, name: str, **facts: object) -> list[Row]:
    found = TABLES[stem][name].rows
    return [row for row in found if all(getattr(row, key) == facts[key] for key in facts)]


def figures(row: Row) -> dict[str, float]:
    return {name: float(value) for name, value in row.figures.items()}


@pytest.mark.parametrize(
    ("stem", "names"),
    {
        "self-classifier": ["1", "2", "3", "4", "5", "6", *(f"7{one}" for one in "abcdef"), "8"],
        "self-classifier-reimplementation": ["1", "2"],
        "uic": list("1234567"),
        "c2bin": list("1234"),
        "segins": [f"4.{number}" for number in range(1, 9)],
    }.items(),
)
def test_every_table_is_there(stem: str, names: list[str]) -> None:
    assert list(TABLES[stem]) == [f"table {name}" for name in names]
    assert len(TABLES) == 5


def test_datasets_and_settings_are_those_of_ucls_pretrain() -> None:
    assert {row.dataset for row in ROWS} <= {"", *DATASETS}
    for row in ROWS:
        if row.method in METHODS:
            options = METHODS[row.method].options.model_fields
            assert row.settings.keys() <= PretrainConfig.model_fields.keys() | options.keys()
            assert "" not in (row.dataset, row.arch), row
    assert METHODS.keys() <= {row.method for row in ROWS}


def test_rows_differ() -> None:
    for tables in TABLES.values():
        for table in tables.values():
            told = [(row.method, *sorted(row.facts.items())) for row in table.rows]
            assert len(set(told)) == len(told), table.name


def test_what_is_printed_twice_is_the_same() -> None:
    base = {"knn20": 61.7, "acc": 37.3}
    of_best = [
        next(row for row in TABLES["self-classifier"][f"table 7{one}"].rows if base == figures(row))
        for one in "bcdef"
    ]
    assert len(of_best) == 5
    (after_100,) = rows("self-classifier", "table 1", method="self-classifier", epochs=100)
    assert figures(after_100)["acc"] == base["acc"]
    superclasses = {r.method: figures(r)["acc"] for r in rows("self-classifier", "table 2")}
    first = {r.method: figures(r)["acc"] for r in rows("self-classifier", "table 1")}
    assert superclasses == {name: first[name] for name in superclasses}
    (best,) = rows("c2bin", "table 1", dataset="stl10", remark="best")
    assert best.figures == TABLES["c2bin"]["table 4"].rows[-1].figures
    (byol,) = rows("c2bin", "table 1", dataset="stl10", method="BYOL")
    assert byol.figures == TABLES["c2bin"]["table 4"].rows[0].figures
    assert rows("segins", "table 4.8")[2].figures == rows("segins", "table 4.3")[2].figures


def test_thesis_rows_agree_across_its_tables() -> None:
    seen: dict[tuple[str, ...], set[Decimal]] = {}
    for name, table in TABLES["segins"].items():
        for row in table.rows:
            # Of the settings only the number of local crops tells what was trained here.
            of = (row.method, row.dataset, str(row.settings.get("n_local")))
            plain = not row.beyond and row.settings.get("segmentation_weight", 2) == 2
            if plain and row.settings.get("segmentation") != "bce":
                for metric, value in row.figures.items():
                    place = f"{metric}, 1x" if name == "table 4.2" and "coco" in metric else metric
                    seen.setdefault((*of, place), set()).add(value)
    several = {key: values for key, values in seen.items() if len(values) > 1}
    # As a note of table 4.2 says.
    assert several == {
        ("simsiam", "imagenet100", "0", "voc07+12 box ap50"): {Decimal("80.1"), Decimal("79.9")},
        ("simsiam", "imagenet100", "0", "voc07+12 box ap"): {Decimal("53.8"), Decimal("53.4")},
    }


def test_slips_are_noted() -> None:
    for stem, name, told in (
        ("self-classifier", "table 1", "39.4 and 39.9"),
        ("uic", "table 6", "no further training"),
        ("c2bin", "table 4", "-1.6"),
        ("segins", "table 4.2", "interchanged"),
        ("segins", "table 4.3", "0.8 (55.4 and 54.6)"),
    ):
        assert any(told in note for note in TABLES[stem][name].notes)


def test_superclasses_are_easier_the_fewer_they_are() -> None:
    for row in rows("self-classifier", "table 2"):
        falls = [one > other for one, other in pairwise(figures(row).values())]
        assert all(falls) or row.method == "SeLa"


def test_shared_fields_give_way_to_those_of_a_row() -> None:
    shared = {"method": "moco", "arch": "small", "settings": {"n_local": 0, "dim": 8}}
    table = {"name": "1", "title": "t", "shared": shared}
    one = {"arch": "resnet18", "settings": {"dim": 16}, "figures": {"acc": Decimal("1.50")}}
    (row,) = PaperTable.model_validate(table | {"rows": [one]}).rows
    assert (row.method, row.arch, row.settings) == ("moco", "resnet18", {"n_local": 0, "dim": 16})
    assert str(row.figures["acc"]) == "1.50"


@pytest.mark.parametrize(
    "wrong",
    [
        {"figures": {"accuracy": 50}},
        {"figures": {"acc": 101}},
        {"figures": {}},
        {"figures": {"acc": 50}, "epoch": 3},
    ],
)
def test_what_is_no_row_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Row.model_validate({"method": "moco", **wrong})


def test_settings_in_words() -> None:
    assert [in_words(value) for value in (0.5, (1.0, 2.0), (1.0, 1.0, 1.0), (1.0,), "bce")] == [
        "0.5", "1, 2", "3 of 1", "1", "bce",
    ]  # fmt: skip
