import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ucls.cache import STDOUT, write_csv, write_json_lines
from ucls.errors import UclsError


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [("a,b.png", 1), ('say "x".png', 2), ("zwölf\n.png", 3), ("a\rb.png", 4)]
    write_csv(path, ("path", "cluster"), iter(rows))
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert found == [["path", "cluster"], *([name, str(number)] for name, number in rows)]
    assert b"\r\n" not in path.read_bytes()


def test_bytes_that_are_not_utf8_come_through(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ("path",), [(os.fsdecode(b"\xfc.png"),)])
    assert (tmp_path / "a.csv").read_bytes() == b"path\n\xfc.png\n"


def test_an_error_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def rows() -> Iterator[tuple[str, int]]:
        yield "a.png", 1
        raise UclsError("broken")

    with pytest.raises(UclsError, match="broken"):
        write_csv(path, ("path", "cluster"), rows())
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir() if item.is_file()] == ["a.csv"]


def test_standard_output_gets_the_bytes_of_a_file_and_the_header_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its encoding is."""
    rows = [("é\n.png", 1), ("b.png", 2)]
    write_csv(tmp_path / "x.csv", ("path", "cluster"), rows)
    shown = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(shown, encoding="ascii", newline="\r\n"))
    seen: list[bytes] = []

    def watched() -> Iterator[tuple[str, int]]:
        seen.append(shown.getvalue())
        yield from rows

    write_csv(STDOUT, ("path", "cluster"), watched())
    sys.stdout.flush()
    assert seen == [b"path,cluster\n"]
    assert shown.getvalue() == (tmp_path / "x.csv").read_bytes()


def test_json_lines(tmp_path: Path) -> None:
    rows = [("zw\u00f6lf\n.png", 1, 0.5), (os.fsdecode(b"\xfc.png"), -1, 1.0)]
    write_json_lines(tmp_path / "a.jsonl", ("path", "cluster", "share"), iter(rows))
    lines = (tmp_path / "a.jsonl").read_text(encoding="ascii").splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == rows
    assert list(json.loads(lines[0])) == ["path", "cluster", "share"]


@pytest.mark.parametrize("write", [write_csv, write_json_lines])
def test_standard_output_has_each_row_at_once(
    write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    def rows() -> Iterator[tuple[str]]:
        yield ("a.png",)
        assert "a.png" in capsys.readouterr().out
        yield ("b.png",)

    write(STDOUT, ("path",), rows())
