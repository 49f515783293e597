import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from ucls.cache import write_csv
from ucls.errors import UclsError


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [("a,b.png", 1), ('say "x".png', 2), ("zwölf\n.png", 3)]
    write_csv(path, ("path", "cluster"), iter(rows))
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert found == [["path", "cluster"], *([name, str(number)] for name, number in rows)]
    assert b"\r" not in path.read_bytes()


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
