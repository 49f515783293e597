from pathlib import Path

import pytest

from ucls.images.transfer import is_link_to, link
from ucls.runs.placements import Placement, Placer


@pytest.fixture
def placer(tmp_path: Path) -> Placer:
    return Placer(str(tmp_path), is_link_to)


def names(placer: Placer, *sources: str) -> list[tuple[str, bool]]:
    places = [placer.place(source, "0") for source in sources]
    return [(place.name, place.is_there) for place in places]


def test_names_of_other_images_and_of_what_is_there_are_left_alone(
    placer: Placer, tmp_path: Path
) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "x (2).PNG").touch()
    assert names(placer, "/a/x.png", "/b/X.png", "/c/x.png", "/d/y.png") == [
        ("x.png", False), ("X (3).png", False), ("x (4).png", False), ("y.png", False),
    ]  # fmt: skip
    assert placer.place("/b/x.png", "1").name == "x.png"


def test_links_that_are_there_are_known_again_whatever_their_order(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    for name, source in (("x.png", "/a/x.png"), ("x (2).png", "/c/x.png")):
        link(source, str(tmp_path / "0" / name))
    assert names(Placer(str(tmp_path), is_link_to), "/a/x.png", "/b/x.png", "/c/x.png") == [
        ("x.png", True), ("x (3).png", False), ("x (2).png", True),
    ]  # fmt: skip


def test_thousands_of_files_of_one_name_take_no_time_to_speak_of(placer: Placer) -> None:
    found = names(placer, *(f"/{row}/x.png" for row in range(20_000)))
    assert found[-1] == ("x (20000).png", False)


def test_long_names_of_different_files_stay_apart(placer: Placer) -> None:
    sources = [f"/{row}/{'x' * 251}.png" for row in range(12)]
    found = [name for name, _ in names(placer, *sources)]
    assert len(set(found)) == 12
    assert all(len(name) <= 255 for name in found)


def test_what_else_lies_there_is_listed(placer: Placer, tmp_path: Path) -> None:
    for name in ("0/x.png", "0/mine.txt", "notes", "undo.csv", "1/old.png", "0/.ucls-partial"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert placer.keep("/a/x.png", "0", "x.png") == Placement("/a/x.png", "0", "x.png", True)
    assert placer.others(known=["undo.csv"]) == ["0/mine.txt", "1", "notes"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "notes", "undo.csv"]


def test_a_name_that_will_be_gone_is_free(placer: Placer, tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    for name in ("x.png", "y.png"):
        (tmp_path / "0" / name).touch()
    placer.free("0", "x.png")
    placer.free("1", "z.png")
    assert names(placer, "/a/x.png", "/a/y.png") == [("x.png", False), ("y (2).png", False)]
    assert placer.others(known=[]) == ["0/y.png"]


def test_names_in_one_folder_are_distinct_whatever_it_is_called(
    placer: Placer, tmp_path: Path
) -> None:
    (tmp_path / "cats").mkdir()
    for name in ("x.png", "y.png"):
        (tmp_path / "cats" / name).touch()
    for name in ("Cats", "CATS"):
        (tmp_path / name).symlink_to("cats")
    placer.free("cats", "x.png")
    assert [placer.place("/a/x.png", folder).name for folder in ("Cats", "cats")] == [
        "x.png", "x (2).png",
    ]  # fmt: skip
    assert placer.others(known=[]) == ["cats/y.png"]
