import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Lines
from ucls.cache.moves import MADE, read_moves
from ucls.corrections.edits import Corrections, Merge
from ucls.errors import UclsError, UsageError
from ucls.images import transfer
from ucls.runs.image_labels import ImageLabels, read_labels, write_labels
from ucls.runs.run import Run
from ucls.stages.relabel import relabel
from ucls.stages.sort import How, sort
from ucls.stages.unsort import unsort

HOWS: list[How] = ["link", "copy", "move"]


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file by its path; links are followed."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def pictures(folder: Path) -> dict[str, bytes]:
    """As :func:`contents`, of images alone."""
    return {path: data for path, data in contents(folder).items() if path.endswith(".png")}


def correct(run: Path, **changes: object) -> ImageLabels:
    labels = replace(read_labels(Run(run)), **changes)  # type: ignore[arg-type]
    write_labels(Run(run), labels)
    return labels


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "new" / "sorted"


@pytest.mark.parametrize("how", HOWS)
def test_every_image_is_in_the_folder_of_its_cluster(
    how: How, own_photo_run: Path, to: Path, photos: Path
) -> None:
    labels = read_labels(Run(own_photo_run))
    result = sort(own_photo_run, to=to, how=how)
    assert len(result.placements) == len(result.new) == 60
    assert result.missing == result.left == result.others == []
    pairs = zip(labels.paths, labels.clusters, strict=True)
    expected = {f"{k}/{Path(path).name}": (photos / path).read_bytes() for path, k in pairs}
    assert pictures(to) == expected
    links = [path for path in to.rglob("*.png") if path.is_symlink()]
    assert len(links) == (60 if how == "link" else 0)
    assert all(path.readlink().is_absolute() for path in links)
    left = list((own_photo_run.parent / "photos").rglob("*.png"))
    assert len(left) == (0 if how == "move" else 60)


@pytest.mark.parametrize("how", HOWS)
def test_a_dry_run_says_the_same_and_touches_nothing(
    how: How, own_photo_run: Path, to: Path
) -> None:
    planned = sort(own_photo_run, to=to, how=how, dry_run=True)
    assert not to.parent.exists()
    assert sort(own_photo_run, to=to, how=how) == planned


@pytest.mark.parametrize("how", HOWS)
def test_done_again_it_adds_nothing(how: How, own_photo_run: Path, to: Path) -> None:
    sort(own_photo_run, to=to, how=how)
    before = contents(to)
    again = sort(own_photo_run, to=to, how=how)
    assert (len(again.placements), again.new, again.others) == (60, [], [])
    assert contents(to) == before


@pytest.mark.parametrize("how", HOWS)
def test_it_goes_on_where_it_stopped(
    how: How, own_photo_run: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = {"link": "symlink", "copy": "rename", "move": "rename"}[how]
    done, work = [], getattr(os, name)

    def fail_after_20(source: str, target: str) -> None:
        if source.endswith(".ucls-partial") or ".csv" not in source:
            done.append(target)
        if len(done) > 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        work(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(transfer.os, name, fail_after_20)
        with pytest.raises(UclsError, match=rf"cannot {how} /.*No space left.*the same command"):
            sort(own_photo_run, to=to, how=how)
    again = sort(own_photo_run, to=to, how=how)
    assert len(again.new) == 40
    assert len(list(to.glob("*/*.png"))) == 60


@pytest.mark.parametrize("how", HOWS)
def test_names_that_collide_get_a_number(how: How, own_photo_run: Path, to: Path) -> None:
    """Here each image has the name of another, and of a file that is there."""
    photos = own_photo_run.parent / "photos"
    labels = read_labels(Run(own_photo_run))
    paths = [f"{row:02d}/{'IMG.PNG' if row % 2 else 'img.png'}" for row in range(60)]
    for old, new in zip(labels.paths, paths, strict=True):
        (photos / new).parent.mkdir()
        (photos / old).rename(photos / new)
    correct(own_photo_run, paths=paths, clusters=np.zeros(60, np.int32))
    (to / "0").mkdir(parents=True)
    (to / "0" / "Img.png").write_bytes(b"mine")
    before = contents(photos)
    result = sort(own_photo_run, to=to, how=how)
    assert (to / "0" / "Img.png").read_bytes() == b"mine"
    assert result.others == ["0/Img.png"]
    keys = {path.name.casefold() for path in (to / "0").iterdir()}
    assert keys == {"img.png"} | {f"img ({number}).png" for number in range(2, 62)}
    for place in result.placements:
        assert (to / "0" / place.name).read_bytes() == before[
            str(Path(place.source).relative_to(photos))
        ]
    assert len(sort(own_photo_run, to=to, how=how).new) == 0


def test_names_and_wrong_images_have_their_folders(own_photo_run: Path, to: Path) -> None:
    clusters = np.arange(60, dtype=np.int32) % 3
    clusters[:5] = -1
    names = {0: "cats/../dogs", 1: "\u202egnp", 2: "wrong"}
    correct(own_photo_run, clusters=clusters, names=names)
    result = sort(own_photo_run, to=to)
    sizes = {folder: len(places) for folder, places in result.by_folder().items()}
    assert sizes == {"cats_.._dogs": 18, "gnp": 18, "wrong": 5, "wrong (2)": 19}
    assert sorted(path.name for path in to.iterdir()) == sorted([MADE, *sizes])


@pytest.mark.parametrize("how", HOWS)
def test_images_that_are_gone_are_listed(how: How, own_photo_run: Path, to: Path) -> None:
    photos = own_photo_run.parent / "photos"
    gone = [photos / path for path in read_labels(Run(own_photo_run)).paths[::20]]
    for path in gone:
        path.unlink()
    (photos / "high" / "new.png").touch()
    result = sort(own_photo_run, to=to, how=how)
    assert result.missing == [str(path) for path in gone]
    assert len(list(to.glob("*/*.png"))) == 57


def test_a_run_that_has_lost_all_images_is_told_how_to_get_them_back(
    own_photo_run: Path, to: Path
) -> None:
    sort(own_photo_run, to=to, how="move")
    with pytest.raises(UsageError, match=r"none of the images of .*`ucls sort --undo FOLDER"):
        sort(own_photo_run, to=to.parent / "other")
    shutil.rmtree(own_photo_run.parent / "photos")
    with pytest.raises(UsageError, match="none of the images"):
        sort(own_photo_run, to=to.parent / "other")


def test_what_was_moved_by_other_labels_has_to_come_back_first(
    own_photo_run: Path, to: Path
) -> None:
    sort(own_photo_run, to=to, how="move")
    first, second, *_ = sorted(read_labels(Run(own_photo_run)).sizes())
    relabel(own_photo_run, Corrections(edits=(Merge(clusters=(second,), into=first),)))
    with pytest.raises(UsageError, match=r"would belong into other folders now.*sort --undo"):
        sort(own_photo_run, to=to, how="move")
    unsort(to)
    assert len(sort(own_photo_run, to=to, how="move").new) == 60


def test_a_link_that_was_moved_would_point_elsewhere(own_photo_run: Path, to: Path) -> None:
    photos = own_photo_run.parent / "photos"
    first = photos / read_labels(Run(own_photo_run)).paths[0]
    first.rename(photos / "original.png")
    first.symlink_to("../original.png")
    result = sort(own_photo_run, to=to, how="move")
    assert result.left == [str(first)]
    assert first.is_symlink()
    assert len(result.new) == 59


def test_an_image_that_is_there_again_does_not_lose_its_way_back(
    own_photo_run: Path, to: Path, photos: Path
) -> None:
    sort(own_photo_run, to=to, how="move")
    moves = read_moves(to)
    first = next(iter(moves))
    shutil.copy(photos / Path(first).relative_to(own_photo_run.parent / "photos"), first)
    again = sort(own_photo_run, to=to, how="move")
    assert (again.left, again.new, again.others) == ([first], [], [])
    assert read_moves(to) == moves


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("inner", ["", "sorted", "high/sorted"])
def test_a_folder_among_the_images_is_refused(how: How, inner: str, own_photo_run: Path) -> None:
    photos = own_photo_run.parent / "photos"
    before = contents(photos)
    for dry_run in (True, False):
        with pytest.raises(UsageError, match="new images: choose a folder elsewhere"):
            sort(own_photo_run, to=photos / inner, how=how, dry_run=dry_run)
    assert contents(photos) == before
    assert not (photos / "sorted").exists()


def test_a_folder_that_leads_among_the_images_is_refused(own_photo_run: Path, to: Path) -> None:
    photos = own_photo_run.parent / "photos"
    to.mkdir(parents=True)
    (to / "0").symlink_to(photos)
    with pytest.raises(UsageError, match="new images: choose a folder elsewhere"):
        sort(own_photo_run, to=to)
    correct(own_photo_run, names={1: "photos"})
    with pytest.raises(UsageError, match="new images: choose a folder elsewhere"):
        sort(own_photo_run, to=photos.parent)


def test_what_is_no_folder_to_sort_into(own_photo_run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "sorted"):
        with pytest.raises(UsageError, match=r"got the file .*file: choose another folder"):
            sort(own_photo_run, to=path, dry_run=True)
    with pytest.raises(UsageError, match="is a run folder"):
        sort(own_photo_run, to=own_photo_run)
    with pytest.raises(UsageError, match="there is no folder /nowhere-at-all"):
        sort(own_photo_run, to="/nowhere-at-all/sorted")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "0").write_text("mine")
    with pytest.raises(UsageError, match=r"got the file .*to/0: .* or move the file away"):
        sort(own_photo_run, to=tmp_path / "to", dry_run=True)
    assert (tmp_path / "to" / "0").read_text() == "mine"


def test_features_cannot_be_sorted(run_path: Path, to: Path) -> None:
    with pytest.raises(UsageError, match=r"has no image files.*ucls export"):
        sort(run_path, to=to)


def test_a_file_that_comes_into_being_meanwhile_is_not_overwritten(
    own_photo_run: Path, to: Path
) -> None:
    class Meddler(Lines):
        def track(self, *args: object, **options: object):  # type: ignore[no-untyped-def]
            place = sort(own_photo_run, to=to, how="copy", dry_run=True).new[7]
            (to / place.folder / place.name).write_bytes(b"mine")
            self.say(f"{place.folder}/{place.name}")
            return super().track("", 0, "")

    meddler = Meddler()
    with pytest.raises(UclsError, match="in the meantime, and was not overwritten"):
        sort(own_photo_run, to=to, how="copy", reporter=meddler)
    assert (to / meddler.said[0]).read_bytes() == b"mine"
