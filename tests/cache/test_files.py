from pathlib import Path

import pytest

from ucls.cache import atomic_write, partial_path, read_json, write_json
from ucls.errors import UclsError, UsageError


def test_partial_path_keeps_folder_and_suffix() -> None:
    assert partial_path(Path("a/b.h5")) == Path("a/b.h5.partial")


def test_atomic_write_shows_the_final_name_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with atomic_write(path) as partial:
        partial.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_atomic_write_keeps_the_old_file_when_the_block_fails(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_takes_away_the_folders_that_it_made_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for path in (tmp_path / "old" / "x.txt", tmp_path / "new" / "er" / "x.txt"):
        with pytest.raises(RuntimeError), atomic_write(path):
            raise RuntimeError
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]


def test_atomic_write_leaves_files_beside_alone(tmp_path: Path) -> None:
    users_own = [tmp_path / f"x.txt{suffix}" for suffix in (".partial", ".tmp", "~", ".lock")]
    for file in users_own:
        file.write_text("mine")
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "x.txt"):
        raise RuntimeError
    with atomic_write(tmp_path / "x.txt") as partial:
        partial.write_text("whole")
    assert [file.read_text() for file in users_own] == ["mine"] * 4


def test_atomic_write_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for path in (tmp_path / "file" / "x.json", tmp_path / "file" / "sub" / "x.json"):
        with pytest.raises(UclsError, match=rf"cannot write {path}: {tmp_path}/file is no folder"):
            write_json(path, {})


@pytest.mark.parametrize("name", [".", "..", "", "results"])
def test_atomic_write_to_a_folder_fails_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    with (
        pytest.raises(UsageError, match="expected a file to write, got the folder"),
        atomic_write(Path(name)),
    ):
        pytest.fail("it is too late now")
    assert list(tmp_path.iterdir()) == [tmp_path / "results"]


def test_json_round_trip(tmp_path: Path) -> None:
    content = {"schema": 1, "names": ["é", None, "\udcfc.png"], "acc": 0.5}
    write_json(tmp_path / "x.json", content)
    assert read_json(tmp_path / "x.json") == content
    assert "\\udcfc.png" in (tmp_path / "x.json").read_text(encoding="utf-8")


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(UclsError, match="use null"):
        write_json(tmp_path / "x.json", {"acc": float("nan")})
    assert not list(tmp_path.iterdir())


def test_read_json_tells_missing_from_broken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_json(tmp_path / "x.json")
    (tmp_path / "x.json").write_text('{"half')
    with pytest.raises(UsageError, match=r"not valid JSON .*; run the stage .*--overwrite"):
        read_json(tmp_path / "x.json")
    with pytest.raises(UsageError, match="Is a directory"):
        read_json(tmp_path)
