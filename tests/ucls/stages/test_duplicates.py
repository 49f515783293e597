import csv
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Cli
from ucls.cache import RunFolder
from ucls.config import Config
from ucls.errors import UsageError
from ucls.pipeline import extract_source
from ucls.report.cleaning import cleaning_list
from ucls.report.state import RunState
from ucls.runs.run import Run
from ucls.stages.duplicates import duplicates
from ucls.stages.neighbors import neighbors


@pytest.fixture
def copied_run(photos: Path, tmp_path: Path) -> Path:
    """The first two stages of photos, one copied, one stored once more, one changed."""
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    shutil.copy(folder / "high/00.png", folder / "plain/copy.png")
    image = Image.open(folder / "high/03.png")
    image.save(folder / "high/stored.png", compress_level=0)
    changed = Image.open(folder / "left/01.png").point(lambda value: value + (value % 7 == 0))
    changed.save(folder / "left/changed.png")
    pixels = {"extract.backbone": "pixels", "extract.image_size": 8, "extract.workers": 0}
    config = Config(n_clusters=3).with_values(pixels)
    extract_source(str(folder), out=tmp_path / "run", config=config)
    neighbors(tmp_path / "run")
    return tmp_path / "run"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_copies_and_near_duplicates_are_listed(copied_run: Path) -> None:
    found = duplicates(copied_run)
    assert found.path == copied_run / "duplicates.csv"
    rows = rows_of(found.path)
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], set()).add(row["path"])
    assert {"high/00.png", "plain/copy.png"} in groups.values()
    assert {"high/03.png", "high/stored.png"} in groups.values()
    assert {"left/01.png", "left/changed.png"} in groups.values()
    assert (found.n_images, found.n_groups, found.n_copies) == (len(rows), len(groups), 2)
    copies = {row["path"]: row["copy_of"] for row in rows if row["copy_of"]}
    assert copies == {"plain/copy.png": "high/00.png", "high/stored.png": "high/03.png"}
    assert {row["similarity"] for row in rows if row["path"] in copies} == {"1.000000"}
    assert all(float(row["similarity"]) >= found.threshold for row in rows)


def test_a_threshold_of_ones_own(copied_run: Path, tmp_path: Path) -> None:
    assert duplicates(copied_run, threshold=1.0).n_images == 4
    wide = duplicates(copied_run, threshold=0.5, out=tmp_path / "wide.csv")
    assert wide.n_images > 20
    assert wide.threshold == 0.5
    with pytest.raises(UsageError, match="above 0 and up to 1"):
        duplicates(copied_run, threshold=1.5)


def test_the_same_bytes_are_a_copy_whatever_the_features(copied_run: Path) -> None:
    folder = copied_run.parent / "photos"
    shutil.copy(folder / "left/01.png", folder / "left/changed.png")
    copies = {row["path"]: row["copy_of"] for row in rows_of(duplicates(copied_run).path)}
    assert copies["left/changed.png"] == "left/01.png"
    (folder / "left/01.png").unlink()
    assert duplicates(copied_run).n_copies == 2


def test_it_goes_where_it_is_told_and_replaces_no_other_file(
    copied_run: Path, tmp_path: Path, cli: Cli
) -> None:
    shown = cli("duplicates", copied_run, "--out", "-")
    assert shown.out.splitlines()[0] == "path,group,similarity,copy_of"
    assert "2 of them exact copies of another" in shown.err
    assert not (copied_run / "duplicates.csv").exists()
    (tmp_path / "own.csv").write_text("mine\n", encoding="utf-8")
    assert cli("duplicates", copied_run, "--out", tmp_path / "own.csv").exit_code == 2
    assert cli("duplicates", copied_run, "--out", copied_run / "labels.csv").exit_code == 2
    for _ in range(2):
        assert cli("duplicates", copied_run).exit_code == 0


def test_runs_on_features_have_them_too(run_path: Path) -> None:
    assert RunFolder(run_path).record["data"]["widths"].keys() == {"features"}
    assert duplicates(run_path, threshold=0.9).n_copies == 0


def test_the_page_of_a_run_shows_the_same_pairs(own_photo_run: Path) -> None:
    found = duplicates(own_photo_run)
    page = cleaning_list(RunState.of(Run(own_photo_run)))
    assert page.duplicates_from == found.threshold
    rows = {row for first, second, _ in page.duplicates for row in (first, second)}
    assert len(rows) == found.n_images
