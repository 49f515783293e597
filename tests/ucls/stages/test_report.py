import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Lines
from ucls.errors import UclsError, UsageError
from ucls.images.sets import load_folder
from ucls.stages.relabel import relabel
from ucls.stages.report import is_up_to_date, report


def data_of(page: Path) -> Any:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_page_of_photos_holds_their_pictures(photo_run_path: Path) -> None:
    page = report(photo_run_path)
    assert page == photo_run_path / "report.html"
    data = data_of(page)
    assert data["n_images"] == 60
    assert len(data["thumbnails"]) == 60
    assert all(data["thumbnails"])
    assert data["no_pictures"] == ""
    assert len(data["figures"]["confusion"]["classes"]) == 3


def test_nothing_is_loaded_from_elsewhere(photo_run_path: Path) -> None:
    text = report(photo_run_path).read_text(encoding="utf-8")
    outside = set(re.findall(r"https?://[^\s\"'<]+", text)) - {"http://www.w3.org/2000/svg"}
    assert outside == set()
    assert not re.search(r"<(iframe|img|script src)|<link (?!rel=.icon. href=.data:,.)", text)


def test_a_page_of_features_works_without_pictures(run_path: Path) -> None:
    data = data_of(report(run_path))
    assert data["thumbnails"] == []
    assert "no pictures" in data["no_pictures"]
    assert len(data["map"]["positions"]) == 160


def test_a_page_of_a_corrected_run_goes_on_from_there(run_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[[edits]]\ndo = "rename"\ncluster = 1\nname = "</script><b>"\n')
    relabel(run_path, path)
    page = report(run_path)
    assert "</script><b>" not in page.read_text(encoding="utf-8")
    assert data_of(page)["corrections"] == [{"do": "rename", "cluster": 1, "name": "</script><b>"}]


@pytest.mark.slow
def test_the_same_run_gives_the_same_page(run_path: Path) -> None:
    first, again = (data_of(report(run_path)) for _ in range(2))
    assert {**first, "made": ""} == {**again, "made": ""}


@pytest.mark.slow
def test_another_file_is_never_replaced(run_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.html"
    target.write_text("<!doctype html>")
    with pytest.raises(UsageError, match="was not written by this command"):
        report(run_path, out=target)
    report(run_path, out=target, overwrite=True)
    assert report(run_path, out=target) == target
    with pytest.raises(UsageError, match="belongs to the run itself"):
        report(run_path, out=run_path / "labels.csv", overwrite=True)


def test_a_run_without_labels_names_the_command(run_path: Path) -> None:
    (run_path / "labels.csv").unlink()
    with pytest.raises(UclsError, match="run first: ucls self-train"):
        report(run_path)


@pytest.mark.slow
def test_another_run_stands_beside_it(run_path: Path, shared_run: Path, tmp_path: Path) -> None:
    assert data_of(report(run_path))["beside"] is None
    path = tmp_path / "c.toml"
    path.write_text('[[edits]]\ndo = "move"\nimages = ["blobs/007"]\ninto = 9\n')
    relabel(run_path, path)
    found = data_of(report(run_path, beside=shared_run))["beside"]
    assert (found["n_moved"], found["n_common"]) == (1, 160)
    assert found["moved"] == [7]
    assert found["name"] == str(shared_run)


def test_pictures_that_are_gone_are_told(photo_run_path: Path, lines: Lines) -> None:
    assert report(photo_run_path, reporter=lines)
    assert "60 images in 3 clusters" in lines.said[0]
    lines.said.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ucls.runs.pictures._reopened", lambda _: (None, "they are gone"))
        report(photo_run_path, reporter=lines)
    assert lines.said[0] == "WARNING: the page has no pictures: they are gone"


def test_a_new_image_and_one_that_is_gone_leave_the_others_their_pictures(
    own_photo_run: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = own_photo_run.parent / "photos"
    monkeypatch.setattr("ucls.runs.pictures._reopened", lambda _: (load_folder(photos), ""))
    shutil.copy(photos / "high" / "00.png", photos / "high" / "00 new.png")
    (photos / "left" / "01.png").unlink()
    data = data_of(report(own_photo_run, reporter=lines))
    assert lines.said[0] == (
        "WARNING: without a picture, as they are gone or were changed since: 1 image"
    )
    assert (data["n_lost_pictures"], data["no_pictures"]) == (1, "")
    lost = data["images"]["path"].index("left/01.png")
    pictures = dict(zip(data["shown"], data["thumbnails"], strict=True))
    assert [place for place, picture in pictures.items() if not picture] == [lost]


def test_a_page_is_up_to_date_until_what_it_shows_changes(run_path: Path, tmp_path: Path) -> None:
    assert not is_up_to_date(run_path)
    page = report(run_path)
    assert is_up_to_date(run_path)
    path = tmp_path / "c.toml"
    path.write_text('[[edits]]\ndo = "rename"\ncluster = 1\nname = "a"\n')
    relabel(run_path, path)
    assert not is_up_to_date(run_path)
    page.write_text("mine")
    assert not is_up_to_date(run_path)
