import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ucls.images import transfer
from ucls.images.transfer import PARTIAL, copy, is_copy_of, is_link_to, link, move


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "source.png"
    path.write_bytes(b"picture")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return str(path)


@pytest.mark.parametrize("do", [link, copy, move])
@pytest.mark.parametrize("is_link", [False, True])
def test_nothing_is_overwritten(
    do: Callable[[str, str], None], is_link: bool, source: str, tmp_path: Path
) -> None:
    target = tmp_path / "target.png"
    if is_link:
        target.symlink_to("nowhere")
    else:
        target.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        do(source, str(target))
    assert target.is_symlink() or target.read_bytes() == b"mine"
    assert Path(source).read_bytes() == b"picture"
    assert not (tmp_path / PARTIAL).exists()


def test_a_copy_has_the_bytes_and_the_times(source: str, tmp_path: Path) -> None:
    target = tmp_path / "target.png"
    copy(source, str(target))
    assert target.read_bytes() == b"picture"
    assert target.stat().st_mtime == 1_000_000_000
    assert is_copy_of(source, str(target))
    target.write_bytes(b"Picture")
    assert not is_copy_of(source, str(target))


def test_a_copy_that_fails_leaves_nothing(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(source: str, partial: str) -> None:
        Path(partial).write_bytes(b"pic")
        raise OSError(errno.ENOSPC, "full", partial)

    monkeypatch.setattr(transfer.shutil, "copy2", fill)
    with pytest.raises(OSError, match="full"):
        copy(source, str(tmp_path / "target.png"))
    assert [path.name for path in tmp_path.iterdir()] == ["source.png"]


def test_a_move_to_another_file_system(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "other"
    inner.mkdir()
    rename = os.rename

    def refuse(old: str, new: str) -> None:
        if Path(old).parent != Path(new).parent:
            raise OSError(errno.EXDEV, "another file system", old, None, new)
        rename(old, new)

    monkeypatch.setattr(transfer.os, "rename", refuse)
    move(source, str(inner / "target.png"))
    assert not Path(source).exists()
    assert (inner / "target.png").read_bytes() == b"picture"
    assert [path.name for path in inner.iterdir()] == ["target.png"]


def test_only_a_link_to_the_file_itself_counts(source: str, tmp_path: Path) -> None:
    target = str(tmp_path / "target.png")
    assert not is_link_to(source, target)
    link(source, target)
    assert is_link_to(source, target)
    assert not is_link_to(source + "2", target)
    assert not is_link_to(source, source)
    assert not is_copy_of(source, target)
