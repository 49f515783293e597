import os
import unicodedata

import numpy as np
import pytest

from ucls.runs.folder_names import folder_names, safe_name
from ucls.runs.image_labels import ImageLabels


def labels(clusters: list[int], names: dict[int, str] | None = None) -> ImageLabels:
    numbers = np.array(clusters, np.int32)
    shares = np.ones(len(clusters), np.float32)
    paths = [f"{row}.png" for row in range(len(clusters))]
    return ImageLabels(
        paths, ["train"] * len(paths), numbers, shares, shares, numbers, names or {}
    )  # fmt: skip


def test_numbers_sort_as_names() -> None:
    found = folder_names(labels([0, 3, 11, -1]))
    assert found == {-1: "wrong", -2: "outliers", 0: "00", 3: "03", 11: "11"}
    assert folder_names(labels([0, 3])) == {-1: "wrong", -2: "outliers", 0: "0", 3: "3"}


def test_given_names_are_told_apart_from_each_other_and_from_what_lies_beside() -> None:
    given = {0: "cats", 1: "Cats", 2: "wrong", 3: "4", 5: "UNDO.csv", 6: "..."}
    found = folder_names(labels([0, 1, 2, 3, 4, 5, 6], given), taken=["undo.csv"])
    assert found == {
        -1: "wrong", -2: "outliers", 0: "cats", 1: "Cats (2)", 2: "wrong (2)", 3: "4 (2)", 4: "4",
        5: "UNDO.csv (2)", 6: "6",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cats and dogs", "cats and dogs"),
        ("cats/dogs", "cats_dogs"),
        ("../../etc", "_.._etc"),
        (r"C:\cats", "C__cats"),
        (" .hidden. ", "hidden"),
        ("--undo", "undo"),
        ("two\nlines\tand\u2028more", "two lines and more"),
        ("a\0b\x1b[31m", "ab[31m"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u2066x\u2069\ufeff\u200b", "x"),
        ("\udcff", ""),
        ("", ""),
        ("...", ""),
        ("Con", "_Con"),
        ("aux.txt", "_aux.txt"),
        ("COM¹", "_COM¹"),
        ("console", "console"),
        ("e\u0301t\u00e9", "été"),
        ("ولد", "ولد"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ('<img src="x">', "_img src=_x__"),
    ],
)
def test_any_text_becomes_a_name(text: str, name: str) -> None:
    assert safe_name(text) == name


@pytest.mark.parametrize("character", ["x", "é", "\U0001f600", "漢"])
def test_long_names_are_cut(character: str) -> None:
    name = safe_name(character * 4000)
    assert len(name) <= 100
    assert len(os.fsencode(name)) <= 255
    assert len(name) == 100 or len(os.fsencode(name)) > 251
    again = folder_names(labels([0, 1], {0: character * 4000, 1: character * 4001}))
    assert len(set(again.values())) == 4
    assert all(len(os.fsencode(name)) <= 255 for name in again.values())


def test_no_character_of_the_first_plane_makes_a_bad_name() -> None:
    for code in range(0x10000):
        name = safe_name(f"{chr(code)}x")
        assert name
        assert name[0] not in ".- "
        assert "/" not in name
        assert not any(unicodedata.bidirectional(c) in ("LRO", "RLO", "LRE", "RLE") for c in name)
        os.fsencode(name)
