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


def test_pictures_that_are_gone_are_told(photos: Path, tmp_path: Path, tiny_config: Config) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values({"n_clusters": 3, **pixels})
    run = Run(pipeline.run(str(folder), out=tmp_path / "run", config=config).path)
    Image.new("RGB", (4, 4)).save(folder / "new.png")
    assert "not those" in Pictures.of(run, "train").reason
    (folder / "high" / "00.png").unlink()
    assert "not those" in Pictures.of(run, "train").reason
    shutil.rmtree(folder)
    assert "cannot be opened" in Pictures.of(run, "train").reason


def test_a_dataset_has_pictures_but_no_files(tmp_path: Path, tiny_config: Config) -> None:
    config = tiny_config.with_values({"n_clusters": 10})
    pipeline.start("digits", out=tmp_path / "run", config=config)
    pictures = Pictures.of(Run(tmp_path / "run"), "val")
    assert pictures.file(0) is None
    assert pictures.read(0).size == (8, 8)
