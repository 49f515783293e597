import errno
import os
import shutil
from pathlib import Path

import pytest

from tests.ucls.stages.test_sort import contents
from ucls.cache.moves import UNDO, read_moves, write_moves
from ucls.errors import UclsError, UsageError
from ucls.images import transfer
from ucls.stages.sort import sort
from ucls.stages.unsort import Unsorted, unsort


@pytest.fixture
def photos_before(own_photo_run: Path) -> dict[str, bytes]:
    return contents(own_photo_run.parent / "photos")


@pytest.fixture
def to(own_photo_run: Path, photos_before: dict[str, bytes]) -> Path:
    """A folder that the photos were moved to."""
    assert len(photos_before) == 60
    folder = own_photo_run.parent / "sorted"
    sort(own_photo_run, to=folder, how="move")
    return folder


def test_everything_is_where_it_was(
    own_photo_run: Path, to: Path, photos_before: dict[str, bytes]
) -> None:
    assert unsort(to, dry_run=True) == Unsorted(60, 0, [], [])
    assert len(list(to.glob("*/*.png"))) == 60
    assert unsort(to) == Unsorted(60, 0, [], [])
    assert contents(own_photo_run.parent / "photos") == photos_before
    assert not to.exists()
    assert len(sort(own_photo_run, to=to).new) == 60


def test_a_sorted_folder_may_have_moved_and_the_old_one_be_gone(
    own_photo_run: Path, to: Path, photos_before: dict[str, bytes], tmp_path: Path
) -> None:
    shutil.rmtree(own_photo_run.parent / "photos")
    to.rename(tmp_path / "elsewhere")
    unsort(tmp_path / "elsewhere")
    assert contents(own_photo_run.parent / "photos") == photos_before


def test_what_is_there_now_is_not_overwritten(
    own_photo_run: Path, to: Path, photos_before: dict[str, bytes]
) -> None:
    first, second, third, *_ = moves = read_moves(to)
    Path(first).write_bytes(b"mine")
    (to / moves[second]).unlink()
    (to / moves[third]).rename(third)
    (to / "mine.txt").write_text("mine")
    result = unsort(to)
    assert result == Unsorted(57, 1, [first], [second])
    assert Path(first).read_bytes() == b"mine"
    assert read_moves(to) == {first: moves[first]}
    assert (to / moves[first]).is_file()
    Path(first).unlink()
    assert unsort(to) == Unsorted(1, 0, [], [])
    assert [path.name for path in to.iterdir()] == ["mine.txt"]
    photos_before.pop(str(Path(second).relative_to(own_photo_run.parent / "photos")))
    assert contents(own_photo_run.parent / "photos") == photos_before


def test_a_move_between_file_systems_that_was_stopped_half_way_leaves_one_file(
    own_photo_run: Path, to: Path, photos_before: dict[str, bytes]
) -> None:
    """The copy is there, and the original not gone yet; and the next copy has begun."""
    moves = read_moves(to)
    origin = next(iter(moves))
    shutil.copy2(to / moves[origin], origin)
    (to / moves[origin]).with_name(".ucls-partial").write_bytes(b"half")
    assert unsort(to).n_back == 60
    assert contents(own_photo_run.parent / "photos") == photos_before
    assert not to.exists()


def test_it_goes_on_where_it_stopped(
    own_photo_run: Path,
    to: Path,
    photos_before: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    n_done, rename = 0, os.rename

    def fail_after_20(source: str, target: str) -> None:
        nonlocal n_done
        n_done += 1
        if n_done > 20:
            raise OSError(errno.EIO, "Input/output error")
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(transfer.os, "rename", fail_after_20)
        with pytest.raises(UclsError, match=r"cannot move .* back to .*the same command goes on"):
            unsort(to)
    assert unsort(to) == Unsorted(40, 20, [], [])
    assert contents(own_photo_run.parent / "photos") == photos_before


def test_nothing_to_undo(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="nothing to undo"):
            unsort(path)
    (tmp_path / UNDO).write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        unsort(tmp_path)


@pytest.mark.parametrize("is_hard_link", [False, True])
def test_a_file_that_is_at_both_places_at_once_is_never_removed(
    is_hard_link: bool, tmp_path: Path
) -> None:
    to = tmp_path / "sorted"
    (to / "0").mkdir(parents=True)
    (to / "0" / "x.png").write_bytes(b"picture")
    origin = to / "0" / "x.png"
    if is_hard_link:
        origin = tmp_path / "x.png"
        origin.hardlink_to(to / "0" / "x.png")
    write_moves(to, {str(origin): "0/x.png"})
    assert unsort(to) == Unsorted(0, 0, [str(origin)], [])
    assert origin.read_bytes() == (to / "0" / "x.png").read_bytes() == b"picture"
