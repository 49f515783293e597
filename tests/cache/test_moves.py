from pathlib import Path

import pytest

from ucls.cache.moves import UNDO, read_moves, write_moves
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
