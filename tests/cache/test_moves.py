from pathlib import Path

import pytest

from ucls.cache.moves import MADE, UNDO, read_made, read_moves, write_made, write_moves
from ucls.errors import UsageError


def test_moves_come_back_whatever_their_names(tmp_path: Path) -> None:
    moves = {'/a/x,y\n".png': '0/x,y\n".png', "/a/\udcff.png": "cats/\udcff (2).png"}
    write_moves(tmp_path, moves)
    assert read_moves(tmp_path) == moves
    assert (tmp_path / UNDO).read_bytes().startswith(b"from,to\n")


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert read_moves(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "to,from\n0/x.png,/a/x.png\n",
        "from,to\n/a/x.png\n",
        "from,to\nx.png,0/x.png\n",
        "from,to\n/a/x.png,/etc/passwd\n",
        "from,to\n/a/x.png,0/../../x.png\n",
    ],
)
def test_a_file_that_is_something_else_moves_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / UNDO).write_text(text)
    with pytest.raises(UsageError, match=r"undo\.csv as `ucls sort --move` wrote it"):
        read_moves(tmp_path)


def test_what_was_made_comes_back_in_order_and_nothing_leaves_no_file(tmp_path: Path) -> None:
    pairs = [("/b.png", "0/b.png"), ("/a\n.png", "1/a.png"), ("/a\n.png", "0/a.png")]
    write_made(tmp_path, pairs)
    assert read_made(tmp_path) == sorted(pairs)
    write_made(tmp_path, [])
    assert not (tmp_path / MADE).exists()
    assert read_made(tmp_path) == []


def test_a_damaged_record_of_what_was_made_is_told(tmp_path: Path) -> None:
    (tmp_path / MADE).write_text("from,to\n/a/x.png,0/../../x.png\n")
    with pytest.raises(UsageError, match=r"as `ucls sort` wrote it.*or remove it, and what lies"):
        read_made(tmp_path)
