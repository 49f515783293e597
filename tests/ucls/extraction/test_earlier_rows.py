"""Real image files that come, go and change between two extractions."""

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from ucls import pipeline
from ucls.cache import FeatureCache, FeatureCacheWriter
from ucls.extraction.earlier_rows import EarlierRows
from ucls.images.sets import load_folder
from ucls.settings.config import Config

VIT = {
    "extract.backbone": "test_vit",
    "extract.weights": "random",
    "extract.image_size": 32,
    "extract.workers": 0,
    "extract.batch_size": 7,
}


@pytest.fixture
def folder(photos: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(photos, tmp_path / "photos"))


def extract(folder: Path, *, views: int = 0) -> Path:
    config = Config().with_values({**VIT, "extract.views": views})
    (path,) = pipeline.extract_source(str(folder), config=config)["train"].values()
    return path


def change(folder: Path) -> None:
    """Three images come, one goes, two change, one of them without changing its size."""
    for name, shade in (("a.png", 10), ("high/zz.png", 90), ("zz.png", 200)):
        Image.new("RGB", (9, 11), (shade, 5, 70)).save(folder / name)
    (folder / "high" / "03.png").unlink()
    Image.new("RGB", (20, 20), "red").save(folder / "left" / "01.png")
    kept = (folder / "plain" / "02.png").stat()
    os.utime(folder / "plain" / "02.png", ns=(kept.st_atime_ns, kept.st_mtime_ns + 1))


def rows(path: Path) -> dict[str, bytes]:
    """The bytes of all that is kept of each image."""
    with FeatureCache(path) as cache:
        cls, patch_mean = cache.read_tokens()
        assert patch_mean is not None
        return {
            image: cls[:, i].tobytes() + patch_mean[:, i].tobytes()
            for i, image in enumerate(cache.paths())
        }


def test_what_came_went_and_changed(folder: Path) -> None:
    path = extract(folder)
    change(folder)
    images = load_folder(folder)
    with FeatureCache(path) as cache:
        earlier = EarlierRows.of(cache, images)
        assert earlier is not None
        assert str(earlier) == "3 new, 1 gone, 2 changed, 57 from the cache"
        names = {images.paths[row] for row in earlier.missing}
        changed = [images.paths[row] for row in earlier.changed]
    assert changed == ["left/01.png", "plain/02.png"]
    assert names == {"a.png", "high/zz.png", "zz.png", "left/01.png", "plain/02.png"}


def test_an_unchanged_folder_has_all(folder: Path) -> None:
    with FeatureCache(extract(folder)) as cache:
        earlier = EarlierRows.of(cache, load_folder(folder))
    assert str(earlier) == "0 new, 0 gone, 0 changed, 60 from the cache"


def test_rows_with_augmented_views_need_their_place(folder: Path) -> None:
    path = extract(folder, views=1)
    Image.new("RGB", (9, 9)).save(folder / "high" / "31.png")  # in the middle
    images = load_folder(folder)
    place = images.paths.index("high/31.png")
    with FeatureCache(path) as cache:
        earlier = EarlierRows.of(cache, images)
    assert earlier is not None
    assert earlier.missing.tolist() == list(range(place, 61))
    assert (earlier.n_new, len(earlier.changed)) == (1, 0)


def test_a_cache_of_an_older_version_does_not_tell(folder: Path) -> None:
    path = extract(folder)
    with h5py.File(path, "r+") as file:
        del file["stamps"]
    with FeatureCache(path) as cache:
        assert cache.stamps() is None
        assert EarlierRows.of(cache, load_folder(folder)) is None


def test_rows_are_copied_up_to_the_first_that_is_missing(folder: Path, tmp_path: Path) -> None:
    path = extract(folder)
    (folder / "high" / "03.png").unlink()
    Image.new("RGB", (9, 9)).save(folder / "high" / "31.png")
    images = load_folder(folder)
    place = images.paths.index("high/31.png")
    with FeatureCache(path) as cache:
        earlier = EarlierRows.of(cache, images)
        assert earlier is not None
        with FeatureCacheWriter(tmp_path / "new.h5", cache.spec, len(images)) as writer:
            earlier.copy_to(writer, 4)
            assert writer.n_seen == 4
            earlier.copy_to(writer, len(images))
            assert writer.n_seen == place
            earlier.copy_to(writer, len(images))
            assert writer.n_seen == place
            writer.skip("high/31.png", "left out")
            earlier.copy_to(writer, len(images))
            writer.finish()
    before, after = rows(path), rows(tmp_path / "new.h5")
    assert list(after) == [image for image in images.paths if image != "high/31.png"]
    assert after == {image: before[image] for image in after}


@pytest.mark.slow
@pytest.mark.parametrize("views", [0, 1])
def test_an_updated_cache_is_that_of_a_fresh_extraction(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, views: int
) -> None:
    (folder / "high" / "06.png").write_bytes(b"no image")
    (folder / "plain" / "05.png").write_bytes(b"no image")
    path = extract(folder, views=views)
    before = rows(path)
    change(folder)
    Image.new("RGB", (8, 8)).save(folder / "plain" / "05.png")  # repaired
    path = extract(folder, views=views)
    updated = rows(path)
    monkeypatch.setenv("UCLS_CACHE", str(tmp_path / "fresh"))
    fresh_path = extract(folder, views=views)
    with FeatureCache(path) as cache, FeatureCache(fresh_path) as fresh:
        assert cache.paths() == fresh.paths()
        assert cache.skipped == fresh.skipped != []
        np.testing.assert_array_equal(cache.labels(), fresh.labels())
        np.testing.assert_array_equal(cache.stamps(), fresh.stamps())
        assert cache.spec == fresh.spec
        for mine, theirs in zip(cache.read_tokens(), fresh.read_tokens(), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=2e-3, rtol=2e-3)
    if views == 0:
        new = {"a.png", "high/zz.png", "zz.png", "left/01.png", "plain/02.png", "plain/05.png"}
        assert {image for image in updated if updated[image] != before.get(image)} <= new
        assert updated["left/01.png"] != before["left/01.png"]
