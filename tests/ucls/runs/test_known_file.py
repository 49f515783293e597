from pathlib import Path

import pytest

from ucls.errors import UnreadableError, UsageError
from ucls.runs.known_file import check_told, read_told


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "known.csv"


def test_labels_and_pairs_are_told_by_the_header(known: Path) -> None:
    known.write_text("﻿Path, Label\na.jpg, cat\nb.jpg,\n", encoding="utf-8")
    assert read_told(known)[1:] == ({"a.jpg": "cat"}, [], [])
    known.write_text("link,path_b,path_a\nmust,b.jpg,a.jpg\n,x,y\n", encoding="utf-8")
    assert read_told(known)[1:] == ({}, [("a.jpg", "b.jpg")], [])


def test_both_may_be_in_one_file(known: Path) -> None:
    known.write_text('path,label,path_a,path_b,link\na,x,,,\n,,"a,1",b,cannot\n', encoding="utf-8")
    told = read_told(known)
    assert told[1:] == ({"a": "x"}, [], [("a,1", "b")])
    assert (told.images(), told.label_names) == (["a", "a,1", "b"], ["x"])


@pytest.mark.parametrize(
    "link", ["must", "Must-Link", "must_link", "mustlink", "1", "same", "TRUE"]
)
def test_common_names_of_must_links(known: Path, link: str) -> None:
    known.write_text(f"path_a,path_b,link\na,b,{link}\n", encoding="utf-8")
    assert (len(read_told(known).must), len(read_told(known).cannot)) == (1, 0)


@pytest.mark.parametrize("link", ["cannot", "cannot link", "Cannot-link", "-1", "0", "different"])
def test_common_names_of_cannot_links(known: Path, link: str) -> None:
    known.write_text(f"path_a,path_b,link\na,b,{link}\n", encoding="utf-8")
    assert (len(read_told(known).must), len(read_told(known).cannot)) == (0, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has the columns of an empty file: expected a CSV with path and label, or"),
        ("image,kind\na,x\n", "has the columns image, kind: expected"),
        ("path_a,link\na,must\n", "has the columns path_a, link: expected"),
        ("path,label\na,\n", "says nothing"),
        ("path_a,path_b,link\n", "says nothing"),
        ("path_a,path_b,link\na,b,maybe\n", "line 2 of .* has the link 'maybe': expected must or"),
        ("path_a,path_b,link\na,b,must\na,,must\n", "line 3 of .* links one image"),
        ("path,label\na,x\na,y\n", "gives a two labels, x and y"),
        ('path,label\n"a,x\n', "is no CSV"),
    ],
)
def test_what_is_wrong_is_told(known: Path, text: str, told: str) -> None:
    known.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        read_told(known)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot read"):
        read_told(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "path_a,path_b,link\na,b,must\nb,c,must\na,c,cannot\n",
            "a and c cannot be in one cluster",
        ),
        (
            "path,label,path_a,path_b,link\na,x,,,\nb,y,,,\n,,a,c,must\n,,c,b,must\n",
            "a and b have different labels, but are linked through c",
        ),
        ("path,label\n" + "".join(f"{i},{i}\n" for i in range(4)), "4 labels, .* -k 4 or more"),
    ],
)
def test_contradictions_are_found_without_the_images(known: Path, text: str, told: str) -> None:
    known.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        check_told(read_told(known), 3)
