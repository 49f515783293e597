from pathlib import Path
from typing import Any

import pytest

from ucls.corrections.edits import (
    Corrections,
    Done,
    Merge,
    Move,
    Rename,
    Split,
    Wrong,
    parse_corrections,
    read_corrections,
    write_corrections,
)
from ucls.errors import UsageError

ALL = Corrections(
    labels="0123",
    edits=(
        Rename(cluster=3, name='"<b>\n\u202e' + "x" * 3000),
        Merge(clusters=(1, 2), into=0),
        Split(cluster=0, into=9, leaves=(4, 5)),
        Split(cluster=3),
        Move(images=("a/b.png", 7), into=3),
        Wrong(images=(0, "7")),
        Done(cluster=3),
        Done(cluster=3, done=False),
    ),
)


def test_every_edit_comes_back(tmp_path: Path) -> None:
    write_corrections(tmp_path / "c.toml", ALL)
    assert read_corrections(tmp_path / "c.toml") == ALL
    assert parse_corrections(ALL.as_json(), "page") == ALL


def test_a_file_written_by_hand_needs_little(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[[edits]]\ndo = "rename"\ncluster = 2\nname = "cats"\n')
    assert read_corrections(path) == Corrections(edits=(Rename(cluster=2, name="cats"),))
    path.write_text("edits = []")
    assert read_corrections(path) == Corrections()


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_file_is_no_wish_to_restore(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(UsageError, match=r"is empty; to restore .*edits = \[\]"):
        read_corrections(tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"do": "rename", "cluster": 1}, "edit 1: name: is missing"),
        ({"do": "rename", "cluster": -1, "name": ""}, "edit 1: cluster: "),
        ({"do": "rename", "cluster": "1", "name": ""}, "edit 1: cluster: "),
        ({"do": "rename", "cluster": 1, "name": "x" * 4001}, "edit 1: name: "),
        ({"do": "merge", "clusters": [], "into": 1}, "edit 1: clusters: "),
        ({"do": "move", "images": ["a"], "into": 1, "to": 2}, "edit 1: to: is not known"),
        ({"do": "renam"}, "edit 1: expected do = rename, merge, .* or done, got 'renam'"),
        ({"do": 3}, "edit 1: expected do = rename, .*, got '3'"),
        ({}, "edit 1: expected do = rename, merge, .* or done, got an edit without do"),
    ],
)
def test_what_is_wrong_is_told(edit: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"page: {message}"):
        parse_corrections({"edits": [edit]}, "page")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", "not valid TOML"),
        ("schema = 2", "schema: "),
        ("colour = 1", "colour: is not known"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_corrections(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*c\.toml; download"):
        read_corrections(tmp_path / "c.toml")
