import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Lines
from ucls.cache import FeatureCache
from ucls.config import Config, ExtractConfig
from ucls.errors import MismatchError, UclsError, UsageError
from ucls.extract_settings import resolve_extractions
from ucls.sources import Source, load_source
from ucls.stages.extract import Caches, extract, skipped_images

PIXELS = ExtractConfig(backbone="pixels", image_size=4, workers=0)


def extracted(source: Source, config: ExtractConfig = PIXELS, **options: Any) -> Path:
    (path,) = extract_all(source, config, **options)["train"].values()
    return path


def extract_all(source: Source, config: ExtractConfig = PIXELS, **options: Any) -> Caches:
    return extract(source, resolve_extractions(Config(extract=config), source), **options)


@pytest.fixture
def broken(photos: Path, tmp_path: Path) -> Path:
    """The photos with an empty and a truncated one among them."""
    folder = Path(shutil.copytree(photos, tmp_path / "broken"))
    (folder / "high" / "00.png").write_bytes(b"")
    whole = (folder / "left" / "01.png").read_bytes()
    (folder / "left" / "01.png").write_bytes(whole[: len(whole) // 2])
    return folder


def test_a_folder(photos: Path, own_cache: Path, lines: Lines) -> None:
    source = load_source(str(photos))
    path = extracted(source, reporter=lines)
    assert path.parent == own_cache
    assert lines.said == [f"extract: train features of 60 of 60 images in {path}"]
    with FeatureCache(path) as cache:
        assert cache.paths() == source.splits["train"].paths
        features = cache.read("cls")
    assert features.shape == (60, 48)
    np.testing.assert_allclose(features.mean(axis=1), 0, atol=1e-3)
    np.testing.assert_allclose(features.std(axis=1), 1, atol=1e-3)
    assert [item.name for item in own_cache.iterdir() if item.suffix != ".lock"] == [path.name]


def test_rerun_skips_and_says_so(photos: Path, lines: Lines) -> None:
    source = load_source(str(photos))
    path = extracted(source)
    before = path.stat().st_mtime_ns
    assert extracted(source, reporter=lines) == path
    assert lines.said == [f"extract: train features are cached in {path}"]
    assert path.stat().st_mtime_ns == before


def test_every_split_of_a_feature_file_as_it_is(sources: Path) -> None:
    source = load_source(str(sources / "blobs.npz"), val=str(sources / "blobs-val.npz"))
    caches = extract_all(source, ExtractConfig())
    for name, split in (("blobs", "train"), ("blobs-val", "val")):
        with (
            np.load(sources / f"{name}.npz") as file,
            FeatureCache(caches[split]["features"]) as cache,
        ):
            np.testing.assert_array_equal(cache.read("cls"), file["features"])
            np.testing.assert_array_equal(cache.labels(), file["labels"])


def test_another_image_size_has_a_cache_of_its_own(photos: Path, own_cache: Path) -> None:
    source = load_source(str(photos))
    other = extracted(source, PIXELS.model_copy(update={"image_size": 5}))
    assert other != extracted(source)
    assert len(list(own_cache.glob("*.h5"))) == 2


def test_changed_images_are_refused_with_both_values(photos: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    path = extracted(load_source(str(folder)))
    Image.new("RGB", (4, 4)).save(folder / "new.png")
    source = load_source(str(folder))
    with pytest.raises(MismatchError, match=r"fingerprint is '\w+' there, '\w+' now; pass --over"):
        extracted(source)
    with FeatureCache(path) as cache:
        assert cache.n_rows == 60
    extracted(source, overwrite=True)
    with FeatureCache(path) as cache:
        assert cache.n_rows == 61


def test_unreadable_images_are_skipped(broken: Path, lines: Lines) -> None:
    path = extracted(load_source(str(broken)), reporter=lines)
    assert lines.said[-1].startswith("extract: train features of 58 of 60 images in ")
    assert skipped_images({"train": {"pixels": path}}) == [
        ("high/00.png", "train", "empty file"),
        ("left/01.png", "train", "truncated file"),
    ]
    with FeatureCache(path) as cache:
        labels, names = cache.labels(), cache.class_names()
        paths = cache.paths()
    assert labels is not None
    assert names is not None
    assert [names[label] for label in labels] == [image.split("/")[0] for image in paths]


def test_strict_stops_at_the_first(broken: Path, own_cache: Path) -> None:
    strict = PIXELS.model_copy(update={"strict": True})
    with pytest.raises(UclsError, match=r"cannot read high/00\.png: empty file"):
        extracted(load_source(str(broken)), strict)
    assert list(own_cache.glob("*.h5")) == []


def test_strict_does_not_take_a_cache_with_skipped_images(broken: Path) -> None:
    source = load_source(str(broken))
    extracted(source)
    with pytest.raises(UclsError, match="made without 2 unreadable images, such as high/00") as no:
        extracted(source, PIXELS.model_copy(update={"strict": True}))
    assert "leave out --strict" in str(no.value)


def test_no_image_can_be_read(tmp_path: Path, own_cache: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "photos" / name).touch()
    with pytest.raises(UsageError, match="none of the 2 images of photos could be read"):
        extracted(load_source(str(tmp_path / "photos")))
    assert list(own_cache.glob("*.h5")) == []


def test_a_truncated_cache_says_what_to_do_and_that_works(photos: Path) -> None:
    source = load_source(str(photos))
    path = extracted(source)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"truncated or not an HDF5 file; .*--overwrite"):
        extracted(source)
    extracted(source, overwrite=True)
    with FeatureCache(path) as cache:
        assert cache.n_rows == 60


def test_cached_features_need_no_weights(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = load_source(str(photos))
    path = extracted(source)
    monkeypatch.setattr("ucls.backbones.build_backbone", None)
    assert extracted(source) == path
