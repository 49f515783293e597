"""What may lie at a path that a user names, and what a command may do with it."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ucls.cache import STDOUT, check_output, has_json_lines, has_table, write_csv
from ucls.errors import UsageError

HEADER = ("path", "cluster", "confidence", "probability")
ROWS = [("a.png", 0, "1.0000", "0.9876"), ('é, "b"\n.png', -1, "0.0000", "0.5000")]
MISSING = Path("/no-such-folder-of-ucls")


def check(path: Path, *, overwrite: bool = False, **options: tuple[Path | str, ...]) -> None:
    check_output(path, is_own=has_table(HEADER), overwrite=overwrite, **options)  # type: ignore[arg-type]


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, whose short relative paths a socket can have."""
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text("path\na.png\n")
    return tmp_path


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("folder", Path.mkdir),
        ("symbolic link", lambda path: path.symlink_to("mine.csv")),
        ("symbolic link", lambda path: path.symlink_to("nowhere.csv")),
        ("symbolic link", lambda path: path.symlink_to("/dev/stdout")),
        ("named pipe", os.mkfifo),
        ("socket", make_socket),
    ],
)
@pytest.mark.usefixtures("here")
def test_only_regular_files_are_replaced(
    kind: str, make: Callable[[Path], None], overwrite: bool
) -> None:
    make(path := Path("out.csv"))
    before = path.lstat()
    with pytest.raises(UsageError, match=f"expected a file to write, got the {kind} out.csv: "):
        check(path, overwrite=overwrite)
    with pytest.raises(UsageError, match=f"got the {kind} out.csv: "):
        write_csv(path, HEADER, ROWS)
    assert path.lstat() == before
    assert not Path("nowhere.csv").exists()


def test_a_device_stays_one() -> None:
    with pytest.raises(UsageError, match=r"got the device /dev/null: .* --out - for standard"):
        check(Path("/dev/null"), overwrite=True)


@pytest.mark.parametrize("name", ["x.csv", "deep/er/x.csv"])
def test_no_folder_is_made_at_the_root_of_the_disk(name: str, here: Path) -> None:
    (here / "link").symlink_to(MISSING)
    for path in (MISSING / name, here / "link" / name, Path(f"/tmp/..{MISSING}") / name):
        for attempt in (check, lambda path: write_csv(path, HEADER, ROWS)):
            with pytest.raises(UsageError, match=f"there is no folder {MISSING}: check the path"):
                attempt(path)
    assert not MISSING.exists()


@pytest.mark.usefixtures("here")
def test_what_is_new_may_be_written_also_to_new_folders() -> None:
    for path in (Path("new.csv"), Path("new/er/new.csv"), STDOUT):
        check(path)
    assert not Path("new").exists()


@pytest.mark.usefixtures("here")
def test_what_the_command_wrote_is_replaced() -> None:
    for rows in ([], ROWS):
        write_csv(Path("out.csv"), HEADER, rows)
        check(Path("out.csv"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "path\na.png\n",
        "path,cluster,confidence\na.png,0,1.0000\n",
        "path,split,cluster,confidence\na.png,train,0,1.0000\n",
        "path,cluster,confidence,probability,note\na.png,0,1.0000,0.5000,mine\n",
        "path,cluster,confidence,probability\na.png,cat,1.0000,0.5000\n",
        "path,cluster,confidence,probability\na.png,0,1.0000,0.5\n",
        "path,cluster,confidence,probability\na.png,0,1.0000,0.5000\nmy notes\n",
        "path,cluster,confidence,probability\r\na.png,0,1.0000,0.5000\r\n",
        "\ufeffpath,cluster,confidence,probability\n",
        "path;cluster;confidence;probability\n",
        "\0" * 300_000,
    ],
)
def test_what_it_did_not_write_needs_overwrite(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode())
    with pytest.raises(
        UsageError, match=r"x\.csv exists and was not written .*: choose another .*--overwrite"
    ):
        check(path)
    check(path, overwrite=True)
    with pytest.raises(UsageError, match=r"choose another file$"):  # no option offers more
        check_output(path, is_own=has_table(HEADER))


def test_a_name_in_other_bytes_is_no_other_table(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"path,cluster,confidence,probability\n\xe9,0,1.0000,0.5000\n")
    check(tmp_path / "x.csv")


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_read_is_never_replaced_under_no_name(here: Path, overwrite: bool) -> None:
    write_csv(source := here / "mine.csv", HEADER, ROWS)  # former labels can be a list of images
    (here / "twin.csv").hardlink_to(source)
    (here / "folder").symlink_to(here)
    for name in ("mine.csv", "../" + here.name + "/mine.csv", "folder/mine.csv", "twin.csv"):
        with pytest.raises(UsageError, match="is one of the files that this command reads"):
            check(Path(name), overwrite=overwrite, protected=(here / "gone.png", source))


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_names_of_a_run_are_its_own_there(tmp_path: Path, overwrite: bool) -> None:
    names = ("labels.csv", "run.json", "RUN.LOCK", "labels-k12.csv")
    reserved = ("labels.csv", "labels-k[0-9][0-9].csv")
    for name in names:
        check(tmp_path / name, reserved=reserved)
    (tmp_path / "run.json").touch()
    for name in names:
        with pytest.raises(UsageError, match=f"{name} belongs to the run itself: choose another"):
            check(tmp_path / name, overwrite=overwrite, reserved=reserved)
    for name in ("new.csv", "labels-kept.csv", "sub/labels.csv"):
        check(tmp_path / name, reserved=reserved)


@pytest.mark.parametrize(
    ("text", "is_own"),
    [
        ('{"path": "a", "cluster": 1}\n{}', True),
        ('{"cluster": 1, "path": "a"}\n', False),
        ('{"path": "a"}\n', False),
        ('["path", "cluster"]\n', False),
        ("mine", False),
        ("", False),
    ],
)
def test_json_lines_of_a_header(tmp_path: Path, text: str, is_own: bool) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    test = has_json_lines(("path", "cluster", "name"), ("path", "cluster"))
    assert test(tmp_path / "a.jsonl") == is_own
    assert not test(tmp_path / "gone.jsonl")
