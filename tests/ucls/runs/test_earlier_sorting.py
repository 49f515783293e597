import shutil
from pathlib import Path

import pytest

from ucls.images.transfer import is_copy_of, is_link_to, link
from ucls.runs.earlier_sorting import EarlierSorting, compare_earlier, remove_stale


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images; links to two of them, copies of all, one of which was changed."""
    for name in "abcd":
        (tmp_path / name).write_text(name)
    for sub in ("0", "1"):
        (tmp_path / "to" / sub).mkdir(parents=True)
    for name in "ab":
        link(str(tmp_path / name), str(tmp_path / "to" / "0" / name))
    for name in "abcd":
        shutil.copy(tmp_path / name, tmp_path / "to" / "1" / name)
    (tmp_path / "to" / "1" / "d").write_text("mine")
    return tmp_path


def compared(folder: Path, wanted: dict[str, str], *, of_copies: bool) -> EarlierSorting:
    made = [(str(folder / name), f"0/{name}") for name in "abc"]  # that of c is no more
    made += [(str(folder / name), f"1/{name}") for name in "abcd"]
    images = [(str(folder / name), place) for name, place in wanted.items()]
    is_there = is_copy_of if of_copies else is_link_to
    return compare_earlier(str(folder / "to"), made, images, is_there=is_there)


def test_links_and_copies_are_kept_stale_or_of_others(folder: Path) -> None:
    a, b, c, d = (str(folder / name) for name in "abcd")
    wanted = {"a": "0", "b": "1", "d": "1"}
    links = compared(folder, wanted, of_copies=False)
    assert links.kept == {(a, "0"): ["a"]}
    assert links.stale == [(b, "0/b"), (a, "1/a"), (b, "1/b")]
    assert links.untold == [(c, "1/c")]
    copies = compared(folder, wanted, of_copies=True)
    assert copies.kept == {(b, "1"): ["b"]}
    assert copies.stale == [(a, "0/a"), (b, "0/b"), (a, "1/a")]
    assert copies.untold == [(c, "1/c")]
    assert d not in {source for source, _ in (*links.stale, *copies.stale)}


def test_of_what_is_gone_links_go_and_copies_stay(folder: Path) -> None:
    (folder / "a").unlink()
    found = compared(folder, {"a": "0"}, of_copies=False)
    a = str(folder / "a")
    assert (found.kept, found.stale) == ({}, [(a, "0/a")])
    assert (a, "1/a") in found.untold


def test_another_name_of_the_folder_is_as_good(folder: Path) -> None:
    a, b = str(folder / "a"), str(folder / "b")
    (folder / "to" / "zero").symlink_to("0")
    found = compared(folder, {"a": "zero", "b": "1"}, of_copies=False)
    assert found.kept == {(a, "zero"): ["a"]}
    assert (b, "0/b") in found.stale


def test_the_place_of_one_image_is_not_stale_for_an_equal_one(folder: Path) -> None:
    """As after a stop, when the record names the old and the new."""
    a, b = folder / "a", folder / "b"
    shutil.copy(a, b)
    made = [(str(b), "1/a"), (str(a), "1/a")]
    images = [(str(a), "1"), (str(b), "0")]
    found = compare_earlier(str(folder / "to"), made, images, is_there=is_copy_of)
    assert found == EarlierSorting({(str(a), "1"): ["a"]}, [], [])


def test_only_what_is_its_own_is_removed_and_folders_that_empty(folder: Path) -> None:
    places = ["0/a", "0/b", "1/a", "1/b", "1/c", "1/d"]
    named = [(str(folder / place[-1]), place) for place in places]
    remove_stale(str(folder / "to"), named)
    assert not (folder / "to" / "0").exists()
    assert [path.name for path in (folder / "to" / "1").iterdir()] == ["d"]
    assert all((folder / name).read_text() == name for name in "abcd")
