import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ucls import pipeline
from ucls.config import Config
from ucls.images.files import UnreadableImageError, read_image
from ucls.runs.pictures import Pictures
from ucls.runs.run import Run


def test_rows_are_the_files_they_were_made_of(photo_run_path: Path, photos: Path) -> None:
    run = Run(photo_run_path)
    pictures = Pictures.of(run, "train")
    with run.features("train") as cache:
        paths = cache.paths()
    assert pictures
    assert len(pictures.numbers) == len(paths) == 60
    for row in (0, 31, 59):
        assert pictures.file(row) == photos.resolve() / paths[row]
        expected = np.asarray(read_image(photos / paths[row]))
        np.testing.assert_array_equal(np.asarray(pictures.read(row)), expected)


def test_rows_after_an_unreadable_image_are_their_own(
    photos: Path, tmp_path: Path, tiny_config: Config
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    (folder / "high" / "00.png").write_bytes(b"no picture")
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values({"n_clusters": 3, **pixels})
    path = pipeline.run(str(folder), out=tmp_path / "run", config=config).path
    pictures = Pictures.of(Run(path), "train")
    with Run(path).features("train") as cache:
        names = cache.paths()
    assert len(names) == 59
    assert [pictures.file(row).name for row in (0, 58)] == [Path(names[r]).name for r in (0, 58)]


def test_features_have_no_pictures(run_path: Path) -> None:
    pictures = Pictures.of(Run(run_path), "val")
    assert not pictures
    assert pictures.file(0) is None
    with pytest.raises(UnreadableImageError, match="no pictures"):
        pictures.read(0)


@pytest.fixture
def own_run(photos: Path, tmp_path: Path) -> Run:
    """The features of photos that may be changed."""
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = Config(n_clusters=3).with_values(pixels)
    pipeline.extract_source(str(folder), out=tmp_path / "run", config=config)
    return Run(tmp_path / "run")


def test_images_that_came_change_no_picture(own_run: Run, tmp_path: Path) -> None:
    before = Pictures.of(own_run, "train")
    pixels = [before.read(row).tobytes() for row in range(60)]
    Image.new("RGB", (4, 4)).save(tmp_path / "photos" / "a.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "photos" / "high" / "05b.png")
    pictures = Pictures.of(own_run, "train")
    assert (pictures.n_lost, pictures.reason) == (0, "")
    assert [pictures.read(row).tobytes() for row in range(60)] == pixels
    assert [pictures.file(row) for row in range(60)] == [before.file(row) for row in range(60)]


def test_what_is_gone_or_changed_has_no_picture(own_run: Run) -> None:
    before = Pictures.of(own_run, "train")
    gone, larger, later = (before.file(row) for row in (0, 20, 40))
    assert gone
    assert larger
    assert later
    gone.unlink()
    Image.new("RGB", (9, 9)).save(larger)
    os.utime(later, (1, 1))
    pictures = Pictures.of(own_run, "train")
    assert pictures
    assert pictures.n_lost == 3
    for row in (0, 20, 40):
        assert pictures.file(row) is None
        with pytest.raises(UnreadableImageError, match="gone, or changed"):
            pictures.read(row)
    assert pictures.read(21).tobytes() == before.read(21).tobytes()


def test_a_folder_that_was_copied_without_its_times_has_its_pictures(own_run: Run) -> None:
    files = [Pictures.of(own_run, "train").file(row) for row in range(60)]
    for number, file in enumerate(files):
        assert file
        os.utime(file, (number, number))
    Image.new("RGB", (9, 9)).save(files[7] or "")
    assert Pictures.of(own_run, "train").n_lost == 1


def test_pictures_that_are_gone_are_told(own_run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    Image.new("RGB", (4, 4)).save(tmp_path / "new.png")
    for kind in folder.iterdir():
        shutil.rmtree(kind)
    (tmp_path / "new.png").rename(folder / "new.png")
    assert "not those" in Pictures.of(own_run, "train").reason
    assert Pictures.of(own_run, "train").n_lost == 0
    shutil.rmtree(folder)
    assert "cannot be opened" in Pictures.of(own_run, "train").reason


def test_a_dataset_has_pictures_but_no_files(tmp_path: Path, tiny_config: Config) -> None:
    config = tiny_config.with_values({"n_clusters": 10})
    pipeline.start("digits", out=tmp_path / "run", config=config)
    pictures = Pictures.of(Run(tmp_path / "run"), "val")
    assert pictures.file(0) is None
    assert pictures.read(0).size == (8, 8)
