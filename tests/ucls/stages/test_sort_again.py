"""Sorting into the same folder again, once the labels, or the way, are others."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.ucls.stages.test_sort import contents, correct, pictures
from ucls.cache.moves import MADE, UNDO, read_made, write_made
from ucls.corrections.edits import Corrections, Merge
from ucls.errors import UclsError
from ucls.images import transfer
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.relabel import relabel
from ucls.stages.sort import How, sort
from ucls.stages.unsort import unsort

STAYING: list[How] = ["link", "copy"]


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "sorted"


def merge(run: Path) -> tuple[int, int]:
    """Merges the second cluster into the first; both."""
    first, second, *_ = sorted(read_labels(Run(run)).sizes())
    relabel(run, Corrections(edits=(Merge(clusters=(second,), into=first),)))
    return first, second


@pytest.mark.parametrize("how", STAYING)
def test_it_follows_corrections(how: How, own_photo_run: Path, to: Path) -> None:
    sort(own_photo_run, to=to, how=how)
    first, second = merge(own_photo_run)
    n_moved = len(list((to / str(second)).iterdir()))
    planned = sort(own_photo_run, to=to, how=how, dry_run=True)
    again = sort(own_photo_run, to=to, how=how)
    assert again == planned
    assert len(again.new) == len(again.stale) == n_moved > 0
    assert {place.folder for place in again.new} == {str(first)}
    assert again.others == []
    fresh = to.with_name("fresh")
    sort(own_photo_run, to=fresh, how=how)
    assert sorted(pictures(to).values()) == sorted(pictures(fresh).values())
    assert {p.name for p in to.iterdir()} == {p.name for p in fresh.iterdir()}
    third = sort(own_photo_run, to=to, how=how)
    assert (third.new, third.stale, third.others) == ([], [], [])


def test_back_and_forth_names_are_as_at_first(own_photo_run: Path, to: Path) -> None:
    """All images swap their names and folders, so that each place is another image's before."""
    photos = own_photo_run.parent / "photos"
    labels = read_labels(Run(own_photo_run))
    paths = [f"{row:02d}/img.png" for row in range(60)]
    for old, new in zip(labels.paths, paths, strict=True):
        (photos / new).parent.mkdir()
        (photos / old).rename(photos / new)
    clusters = np.arange(60, dtype=np.int32) % 2
    for found in (clusters, 1 - clusters, clusters):
        correct(own_photo_run, paths=paths, clusters=found)
        again = sort(own_photo_run, to=to)
        assert (len(again.new), again.others) == (60, [])
        links = {(p.readlink(), p.parent.name) for p in to.glob("*/*.png")}
        assert links == {
            (photos / path, str(cluster)) for path, cluster in zip(paths, found, strict=True)
        }
        assert len(list(to.glob("*/*.png"))) == 60


@pytest.mark.parametrize("how", ["copy", "move"])
def test_links_make_room_for_another_way(how: How, own_photo_run: Path, to: Path) -> None:
    sort(own_photo_run, to=to)
    before = pictures(to)
    again = sort(own_photo_run, to=to, how=how)
    assert (len(again.new), len(again.stale), again.others) == (60, 60, [])
    assert pictures(to) == before
    assert not any(path.is_symlink() for path in to.rglob("*.png"))
    if how == "move":
        assert not (to / MADE).exists()
        unsort(to)
        assert len(pictures(own_photo_run.parent / "photos")) == 60
        assert not to.exists()


@pytest.mark.parametrize("how", STAYING)
@pytest.mark.parametrize("n_links", [1, 60])
def test_of_images_that_are_not_moved_the_earlier_sorting_stays(
    how: How, n_links: int, own_photo_run: Path, to: Path
) -> None:
    photos = own_photo_run.parent / "photos"
    images = [photos / path for path in read_labels(Run(own_photo_run)).paths[:n_links]]
    (photos.parent / "originals").mkdir()
    for number, image in enumerate(images):
        image.symlink_to(image.rename(photos.parent / "originals" / f"{number}.png"))
    sort(own_photo_run, to=to, how=how)
    before, made = pictures(to), read_made(to)
    again = sort(own_photo_run, to=to, how="move")
    assert again.left == [str(image) for image in images]
    assert len(again.new) == len(again.stale) == 60 - n_links
    assert again.others == []
    assert pictures(to) == before
    assert read_made(to) == [pair for pair in made if pair[0] in again.left]
    assert (to / UNDO).exists() == bool(again.new)


@pytest.mark.parametrize("how", STAYING)
def test_a_folder_of_another_name_is_the_same_where_the_disk_says_so(
    how: How, own_photo_run: Path, to: Path
) -> None:
    """A link stands in for a file system that takes capitals and small letters for the same."""
    first, *_ = sorted(read_labels(Run(own_photo_run)).sizes())
    correct(own_photo_run, names={first: "cats"})
    sort(own_photo_run, to=to, how=how)
    before = pictures(to / "cats")
    (to / "Cats").symlink_to("cats")
    correct(own_photo_run, names={first: "Cats"})
    for _ in range(2):
        again = sort(own_photo_run, to=to, how=how)
        assert (len(again.placements), again.new, again.stale, again.others) == (60, [], [], [])
        assert pictures(to / "cats") == before
        assert {Path(place).parts[0] for _, place in read_made(to)} == set(again.by_folder())


def test_equal_images_of_one_name_have_a_copy_each(own_photo_run: Path, to: Path) -> None:
    photos = own_photo_run.parent / "photos"
    labels = read_labels(Run(own_photo_run))
    one, other = photos / labels.paths[0], photos / "z" / Path(labels.paths[0]).name
    other.parent.mkdir()
    (photos / labels.paths[1]).unlink()
    shutil.copy(one, other)
    paths = [labels.paths[0], f"z/{other.name}", *labels.paths[2:]]
    apart = np.arange(60, dtype=np.int32) % 2
    for clusters in (1 - apart, np.zeros_like(apart), apart, np.ones_like(apart)):
        correct(own_photo_run, paths=paths, clusters=clusters)
        sort(own_photo_run, to=to, how="copy")
        assert len(list(to.glob("*/*.png"))) == len(read_made(to)) == 60
        assert sort(own_photo_run, to=to, how="copy").new == []


@pytest.mark.parametrize("how", STAYING)
def test_what_is_not_its_own_stays(how: How, own_photo_run: Path, to: Path) -> None:
    """Files of the user in a folder that empties: one that was there before, and lies there later,
    as links and copies of images do; and a copy that was changed."""
    photos = own_photo_run.parent / "photos"
    _, second = sorted(read_labels(Run(own_photo_run)).sizes())[:2]
    sort(own_photo_run, to=to, how=how)
    folder = to / str(second)
    changed, *_, dragged = sorted(folder.iterdir())
    changed.unlink()
    changed.write_bytes(b"mine")
    (to / "best").mkdir()
    shutil.move(dragged, to / "best")
    other = next(p for p in sorted(photos.rglob("*.png")) if p.name != changed.name)
    shutil.copy(other, folder / f"my {other.name}")
    (folder / "link.png").symlink_to(other)
    mine = {changed.name, f"my {other.name}", "link.png"}
    merge(own_photo_run)
    again = sort(own_photo_run, to=to, how=how)
    assert {path.name for path in folder.iterdir()} == mine
    assert changed.read_bytes() == b"mine"
    assert again.others == sorted(["best", *(f"{second}/{name}" for name in mine)])
    assert os.path.lexists(to / "best" / dragged.name)


def test_no_original_is_taken_for_a_copy(own_photo_run: Path, to: Path) -> None:
    """The user has put the photos themselves in the place of a folder of copies."""
    photos = own_photo_run.parent / "photos"
    sort(own_photo_run, to=to, how="copy")
    before = contents(photos)
    _, second = sorted(read_labels(Run(own_photo_run)).sizes())[:2]
    names = {path.name for path in (to / str(second)).iterdir()}
    shutil.rmtree(to / str(second))
    kind = next(p.parent for p in photos.rglob("*.png") if p.name in names)
    (to / str(second)).symlink_to(kind)
    merge(own_photo_run)
    sort(own_photo_run, to=to, how="copy")
    assert contents(photos) == before


def test_what_is_left_of_images_that_are_gone(own_photo_run: Path, to: Path) -> None:
    """Links to nothing go, copies may be all that there is."""
    gone = own_photo_run.parent / "photos" / read_labels(Run(own_photo_run)).paths[0]
    copies = to.with_name("copies")
    sort(own_photo_run, to=to)
    sort(own_photo_run, to=copies, how="copy")
    gone.unlink()
    merge(own_photo_run)
    sort(own_photo_run, to=to)
    assert len(list(to.glob("*/*.png"))) == 59
    sort(own_photo_run, to=copies, how="copy")
    assert len(list(copies.glob("*/*.png"))) == 60


@pytest.mark.parametrize("how", STAYING)
def test_stopped_after_a_correction_it_goes_on(
    how: How, own_photo_run: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sort(own_photo_run, to=to, how=how)
    merge(own_photo_run)
    left = 3
    name = {"link": "symlink", "copy": "rename"}[how]
    work = getattr(os, name)

    def fail_after_3(source: str, target: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        work(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(transfer.os, name, fail_after_3)
        with pytest.raises(UclsError, match="the same command goes on"):
            sort(own_photo_run, to=to, how=how)
    again = sort(own_photo_run, to=to, how=how)
    assert (again.others, len(list(to.glob("*/*.png")))) == ([], 60)
    merge(own_photo_run)
    assert sort(own_photo_run, to=to, how=how).others == []
    assert len(list(to.glob("*/*.png"))) == 60


def test_another_run_leaves_the_work_of_the_first(own_photo_run: Path, to: Path) -> None:
    """As sorting notes all that it did there, the first run is followed later too."""
    sort(own_photo_run, to=to)
    here, elsewhere = str(own_photo_run.parent), to.parent / "elsewhere"
    other = Path(shutil.copytree(here, elsewhere)) / own_photo_run.name
    record = (other / "run.json").read_text()
    (other / "run.json").write_text(record.replace(here, str(elsewhere)))
    sort(other, to=to)
    assert len(list(to.glob("*/*.png"))) == 120
    merge(own_photo_run)
    assert sort(own_photo_run, to=to).stale
    assert len(list(to.glob("*/*.png"))) == 120


def test_what_is_no_more_is_forgotten(own_photo_run: Path, to: Path) -> None:
    """Else a file of the user's that comes to lie there would be taken for its own."""
    sort(own_photo_run, to=to)
    made = read_made(to)
    write_made(to, [*made, (made[0][0], "9/x.png")])
    sort(own_photo_run, to=to)
    assert read_made(to) == made
