from pathlib import Path

import pytest

from tests.conftest import Cli
from ucls.corrections.edits import Corrections, Merge
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.relabel import relabel


@pytest.fixture
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_links_copies_and_moves(cli: Cli, own_photo_run: Path, tmp_path: Path) -> None:
    n_folders = len(read_labels(Run(own_photo_run)).sizes())
    for option, done in ((None, "linked"), ("--copy", "copied"), ("--move", "moved")):
        to = tmp_path / f"{option}"
        command = ["sort", own_photo_run, "--to", to, *([option] if option else [])]
        outcome = cli(*command, "--dry-run")
        assert outcome.exit_code == 0
        assert f"60 images would be {done}, in {n_folders} folders of {to}" in outcome.out
        assert f"\n{to / '1'}: " in outcome.out
        assert not to.exists()
        outcome = cli(*command)
        assert (outcome.exit_code, outcome.err) == (0, "")
        assert outcome.out.startswith(f"60 images {done}, in {n_folders} folders of {to}\n")
        assert f"0 images {done}, 60 there already" in cli(*command).out


def test_a_move_says_how_it_is_undone_and_that_works(
    cli: Cli, own_photo_run: Path, tmp_path: Path
) -> None:
    to = tmp_path / "sorted"
    last = cli("sort", own_photo_run, "--to", to, "--move").out.splitlines()[-1]
    assert last.startswith("the run does not find its images there; ")
    words = last.partition("bring them back: ucls ")[2].split()
    (tmp_path / "photos" / "left").rmdir()
    assert cli(*words, "--dry-run").out == "60 images would be moved back\n"
    assert cli(*words) == (0, "60 images moved back\n", "")
    assert len(list((tmp_path / "photos").glob("*/*.png"))) == 60
    assert not to.exists()


def test_where_nothing_is_moved_nothing_is_to_be_undone(
    cli: Cli, own_photo_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "originals").mkdir()
    for number, image in enumerate((tmp_path / "photos").rglob("*.png")):
        image.symlink_to(image.rename(tmp_path / "originals" / f"{number}.png"))
    outcome = cli("sort", own_photo_run, "--to", tmp_path / "to", "--move")
    assert (outcome.exit_code, outcome.out) == (
        0,
        f"0 images moved, in 0 folders of {tmp_path / 'to'}\n",
    )
    assert "not moved, since it is a link" in outcome.err


def test_a_correction_is_followed_and_told_in_a_line(
    cli: Cli, own_photo_run: Path, tmp_path: Path
) -> None:
    command = ["sort", own_photo_run, "--to", tmp_path / "to"]
    cli(*command)
    first, second, *_ = sorted(read_labels(Run(own_photo_run)).sizes())
    n_moved = read_labels(Run(own_photo_run)).sizes()[second]
    relabel(own_photo_run, Corrections(edits=(Merge(clusters=(second,), into=first),)))
    outcome = cli(*command)
    assert (outcome.exit_code, outcome.err) == (0, "")
    told = f"{60 - n_moved} there already, {n_moved} of an earlier sort removed, in "
    assert outcome.out.startswith(f"{n_moved} images linked, {told}")


def test_what_is_out_of_the_ordinary_is_told(cli: Cli, own_photo_run: Path, tmp_path: Path) -> None:
    paths = read_labels(Run(own_photo_run)).paths
    for path in paths[:13]:
        (tmp_path / "photos" / path).unlink()
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "mine.txt").touch()
    outcome = cli("sort", own_photo_run, "--to", tmp_path / "to", "--move")
    assert outcome.out.startswith("47 images moved, in ")
    assert f"gone: {tmp_path / 'photos' / paths[0]}\n" in outcome.err
    assert "gone: 3 more\n" in outcome.err
    assert f"none of this sorting, stays in {tmp_path / 'to'}: mine.txt\n" in outcome.err
    again = tmp_path / "photos" / paths[20]
    again.touch()
    outcome = cli("sort", "--undo", tmp_path / "to")
    assert outcome.out == "46 images moved back\n"
    assert f"since something else is in its place: {again}\n" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "expected RUN --to FOLDER, or --undo FOLDER"),
        (["RUN"], "expected RUN --to FOLDER, or --undo FOLDER"),
        (["--to", "x"], "expected RUN --to FOLDER, or --undo FOLDER"),
        (["RUN", "--to", "x", "--copy", "--move"], "choose one"),
        (["RUN", "--undo", "x"], "undo takes the folder alone: ucls sort --undo x"),
        (["--undo", "x", "--move"], "undo takes the folder alone: ucls sort --undo x"),
        (["--undo", "x"], "there is nothing to undo in x"),
        (["RUN", "--to", "photos/x"], "choose a folder elsewhere"),
        (["photos", "--to", "x"], "photos is not a run folder"),
    ],
)
@pytest.mark.usefixtures("in_own_folder")
def test_wrong_use(arguments: list[str], part: str, cli: Cli, own_photo_run: Path) -> None:
    outcome = cli("sort", *(own_photo_run if word == "RUN" else word for word in arguments))
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert part in outcome.err
    assert not Path("x").exists()
