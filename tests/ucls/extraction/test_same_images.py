import shutil
from pathlib import Path

import numpy as np
import pytest

from ucls import pipeline
from ucls.cache import FeatureCache
from ucls.errors import MismatchError
from ucls.extraction.same_images import OtherImagesError, check_same_images
from ucls.settings.config import Config
from ucls.sources import load_source

PIXELS = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}


@pytest.fixture
def folder(photos: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(photos, tmp_path / "photos"))


def message(folder: Path) -> str:
    """What is said of the folder as it is now; its cache is that of the first call."""
    source = load_source(str(folder))
    (path,) = (
        own_cache(folder)
        or pipeline.extract_source(source, config=Config().with_values(PIXELS))["train"].values()
    )
    try:
        with FeatureCache(path) as cache:
            check_same_images(cache, source.splits["train"])
    except OtherImagesError as error:
        return str(error)
    return ""


def own_cache(folder: Path) -> list[Path]:
    return list((folder.parent / "feature-cache").glob("*.h5"))


def test_the_same_images(folder: Path) -> None:
    assert message(folder) == message(folder) == ""


def test_new_and_lost_images_are_named(folder: Path) -> None:
    message(folder)
    shutil.copy(folder / "high" / "00.png", folder / "high" / "zz.png")
    assert "61 now, 60 then (1 new, such as high/zz.png); pass --overwrite" in message(folder)
    (folder / "high" / "03.png").unlink()
    (folder / "high" / "06.png").unlink()
    told = "59 now, 60 then (1 new, such as high/zz.png; 2 gone, such as high/03.png)"
    assert told in message(folder)


def test_images_that_changed_in_place(folder: Path) -> None:
    message(folder)
    (folder / "high" / "00.png").write_bytes((folder / "high" / "03.png").read_bytes())
    assert "60 now, 60 then (some have changed)" in message(folder)


def test_a_feature_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(3))
    (path,) = pipeline.extract_source(str(tmp_path / "a.npy"))["train"].values()
    np.save(tmp_path / "a.npy", np.eye(4))
    images = load_source(str(tmp_path / "a.npy")).splits["train"]
    with FeatureCache(path) as cache, pytest.raises(MismatchError, match=r"4 now, 3 then \(1 new"):
        check_same_images(cache, images)
