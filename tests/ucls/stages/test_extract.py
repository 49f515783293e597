import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.conftest import Lines
from ucls.cache import FeatureCache, FeatureCacheWriter, remove_cache
from ucls.errors import MismatchError, UclsError, UsageError
from ucls.progress import Advance
from ucls.runs.features import Caches, skipped_images
from ucls.settings.config import Config, ExtractConfig
from ucls.settings.extraction import resolve_extractions
from ucls.sources import Source, load_source
from ucls.stages.extract import extract

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
    assert not any(images.features.is_in_memory for images in source.splits.values())
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


def test_a_changed_folder_is_extracted_where_it_has_changed(
    photos: Path, tmp_path: Path, lines: Lines
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    path = extracted(load_source(str(folder)))
    Image.new("RGB", (4, 4)).save(folder / "new.png")
    (folder / "high" / "00.png").unlink()
    Image.new("RGB", (4, 4)).save(folder / "high" / "03.png")
    now = extracted(load_source(str(folder)), reporter=lines)
    assert now.name.startswith(path.stem)
    assert lines.said == [
        f"extract: 1 new, 1 gone, 1 changed, 58 from the cache; {path} stays, for runs that were "
        "made of it",
        f"extract: train features of 60 of 60 images in {now}",
    ]
    with FeatureCache(now) as cache:
        assert cache.paths() == load_source(str(folder)).splits["train"].paths
    with FeatureCache(path) as cache:
        assert "high/00.png" in cache.paths()
    assert extracted(load_source(str(folder)), reporter=lines) == now
    assert lines.said[-1] == f"extract: train features are cached in {now}"


def test_a_list_that_grows(photos: Path, tmp_path: Path, lines: Lines) -> None:
    images = sorted(map(str, photos.rglob("*.png")))
    listed = tmp_path / "list.txt"
    for n_images in (40, 60):
        listed.write_text("\n".join(images[:n_images]))
        path = extracted(load_source(str(listed)), reporter=lines)
    assert any("20 new, 0 gone, 0 changed, 40 from the cache" in line for line in lines.said)
    with FeatureCache(path) as cache:
        assert cache.paths() == images


def test_images_that_only_go_and_come_back(photos: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    path = extracted(load_source(str(folder)))
    (folder / "left" / "01.png").rename(tmp_path / "away.png")
    with FeatureCache(extracted(load_source(str(folder)))) as cache:
        assert cache.n_rows == 59
    (tmp_path / "away.png").rename(folder / "left" / "01.png")
    assert extracted(load_source(str(folder))) == path


def test_rows_are_taken_from_the_last_cache(photos: Path, tmp_path: Path, lines: Lines) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    for name in ("x.png", "y.png"):
        extracted(load_source(str(folder)))
        Image.new("RGB", (4, 4)).save(folder / name)
    extracted(load_source(str(folder)), reporter=lines)
    assert lines.said[0].startswith("extract: 1 new, 0 gone, 0 changed, 61 from the cache; ")


@pytest.mark.parametrize("fate", ["torn", "removed"])
def test_rows_are_taken_from_what_is_left(
    photos: Path, tmp_path: Path, lines: Lines, fate: str
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    first = extracted(load_source(str(folder)))
    Image.new("RGB", (4, 4)).save(folder / "x.png")
    second = extracted(load_source(str(folder)))
    Image.new("RGB", (4, 4)).save(folder / "y.png")
    if fate == "torn":
        second.write_bytes(second.read_bytes()[:999])
    else:
        first.unlink()
    now = extracted(load_source(str(folder)), reporter=lines)
    n_new = 2 if fate == "torn" else 1
    assert lines.said[0].startswith(f"extract: {n_new} new, 0 gone, 0 changed, ")
    assert (now == first) == (fate == "removed")
    with FeatureCache(now) as cache:
        assert cache.n_rows == 62


def test_other_settings_go_on_with_the_cache_that_has_them(
    photos: Path, tmp_path: Path, lines: Lines
) -> None:
    folder, views = Path(shutil.copytree(photos, tmp_path / "photos")), {"views": 1}
    first = extracted(load_source(str(folder)))
    Image.new("RGB", (4, 4)).save(folder / "zx.png")
    extracted(load_source(str(folder)))
    more = PIXELS.model_copy(update=views)
    with pytest.raises(MismatchError, match="1 were asked for"):
        extracted(load_source(str(folder)), more)
    extracted(load_source(str(folder)), more, overwrite=True)
    Image.new("RGB", (4, 4)).save(folder / "zy.png")
    now = extracted(load_source(str(folder)), more, reporter=lines)
    assert lines.said[0].startswith("extract: 1 new, 0 gone, 0 changed, 61 from the cache; ")
    with FeatureCache(now) as cache, FeatureCache(first) as at_first:
        assert (cache.n_rows, cache.n_views) == (62, 2)
        assert (at_first.n_rows, at_first.n_views) == (60, 1)


def test_more_views_than_asked_for_are_kept_when_images_change(
    photos: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    extracted(load_source(str(folder)), PIXELS.model_copy(update={"views": 2}))
    Image.new("RGB", (4, 4)).save(folder / "zz.png")
    with FeatureCache(extracted(load_source(str(folder)))) as cache:
        assert (cache.n_rows, cache.n_views) == (61, 3)


def test_changed_images_of_an_older_cache_are_refused(photos: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    path = extracted(load_source(str(folder)))
    with h5py.File(path, "r+") as file:
        del file["stamps"]
    Image.new("RGB", (4, 4)).save(folder / "new.png")
    source = load_source(str(folder))
    with pytest.raises(MismatchError, match=r"61 now, 60 then .*new\.png\); pass --over"):
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
    with pytest.raises(UsageError, match="none of the images of photos could be read"):
        extracted(load_source(str(tmp_path / "photos")))
    assert list(own_cache.glob("*.h5")) == []


def test_a_truncated_cache_says_what_to_do_and_that_works(photos: Path) -> None:
    source = load_source(str(photos))
    path = extracted(source)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"truncated or not an HDF5 file; remove it with"):
        extracted(source)
    remove_cache(path)
    extracted(source)
    with FeatureCache(path) as cache:
        assert cache.n_rows == 60


def test_cached_features_need_no_weights(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = load_source(str(photos))
    path = extracted(source)
    monkeypatch.setattr("ucls.backbones.build.build_backbone", None)
    assert extracted(source) == path


@pytest.fixture
def many(tmp_path: Path) -> Source:
    """1,500 rows of features: more than a chunk."""
    labels = np.arange(1500) % 3
    np.savez(tmp_path / "many.npz", features=np.eye(3)[labels] + np.arange(1500)[:, None] / 1500,
             labels=labels)  # fmt: skip
    return load_source(str(tmp_path / "many.npz"))


def test_a_failed_write_leaves_no_hole(
    many: Source, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after the failure must not be taken for what failed."""
    config = ExtractConfig(batch_size=100)
    append, n_calls = FeatureCacheWriter.append, 0

    def fail_once(writer: FeatureCacheWriter, *arguments: Any) -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 6:
            raise UclsError("the disk hiccups")
        append(writer, *arguments)

    monkeypatch.setattr(FeatureCacheWriter, "append", fail_once)
    with pytest.raises(UclsError, match="hiccups"):
        extracted(many, config)
    path = extracted(many, config)
    images = many.splits["train"]
    with FeatureCache(path) as cache:
        assert cache.paths() == images.paths
        np.testing.assert_array_equal(cache.labels(), images.labels)


def save_random_vit(path: Path, seed: int) -> str:
    torch.manual_seed(seed)
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), path)
    return str(path)


def test_features_of_a_file_are_not_taken_for_those_of_the_hub(
    photos: Path, tmp_path: Path
) -> None:
    source = load_source(str(photos))
    vit = ExtractConfig(backbone="test_vit", image_size=32, workers=0)
    first = save_random_vit(tmp_path / "a.safetensors", 0)
    path = extracted(source, vit.model_copy(update={"weights": (first,)}))
    with pytest.raises(MismatchError, match=r"made with the weights in .*a\.safetensors, but now"):
        extracted(source, vit)
    moved = shutil.copy(first, tmp_path / "moved.safetensors")
    assert extracted(source, vit.model_copy(update={"weights": (str(moved),)})) == path
    other = save_random_vit(tmp_path / "b.safetensors", 1)
    with pytest.raises(MismatchError, match="weights_hash is"):
        extracted(source, vit.model_copy(update={"weights": (other,)}))


class StoppedError(Exception):
    """Ends an extraction half way."""


class StopsAfter(Lines):
    """A reporter that stops an extraction after some images."""

    def __init__(self, n_images: int) -> None:
        super().__init__()
        self.left = n_images

    @contextmanager
    def track(self, *_: object, **__: object) -> Iterator[Advance]:
        def advance(amount: int = 1, /, **figures: float | str) -> None:
            self.left -= amount
            if self.left < 0:
                raise StoppedError

        yield advance


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """1,200 tiny pictures: more than a chunk."""
    folder = tmp_path_factory.mktemp("tiles")
    for row, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (1200, 3, 3, 3))):
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{row:04d}.bmp")
    return load_source(str(folder))


@pytest.mark.slow
def test_a_resumed_extraction_goes_on_as_it_began(tiles: Source, lines: Lines) -> None:
    begun = PIXELS.model_copy(update={"batch_size": 8, "precision": "bfloat16"})
    vit = {"backbone": "test_vit", "weights": ("random",), "image_size": 16}
    with pytest.raises(StoppedError):
        extracted(tiles, begun.model_copy(update=vit), reporter=StopsAfter(1100))
    open_settings = {**vit, "batch_size": None, "precision": None}
    path = extracted(tiles, PIXELS.model_copy(update=open_settings), reporter=lines)
    assert "extract: train resumes at image 1,024" in lines.said
    with FeatureCache(path) as cache:
        assert cache.spec.precision == "bfloat16"
        assert cache.provenance["batch_size"] == 8
        assert len(cache) == 1200


@pytest.mark.slow
def test_each_split_goes_on_in_the_precision_it_began_with(tiles: Source, tmp_path: Path) -> None:
    weights = save_random_vit(tmp_path / "a.safetensors", 0)
    vit = {"backbone": "test_vit", "weights": (weights,), "image_size": 16}
    half, any_precision = (
        PIXELS.model_copy(update={**vit, "precision": precision, "batch_size": 8})
        for precision in ("bfloat16", None)
    )
    images = tiles.splits["train"]
    splits = {"train": images, "val": replace(images, split="val")}
    both = replace(tiles, splits=splits)
    with pytest.raises(StoppedError):
        extract_all(both, half, reporter=StopsAfter(1200 + 1100))
    for paths in extract_all(both, any_precision).values():
        with FeatureCache(paths["test_vit"]) as cache:
            assert cache.spec.precision == "bfloat16"


def test_a_stopped_overwrite_goes_on(tiles: Source, lines: Lines) -> None:
    first = extracted(tiles)
    colours = PIXELS.model_copy(update={"channels": 1, "batch_size": 8})
    with pytest.raises(StoppedError):
        extracted(tiles, colours, reporter=StopsAfter(1100), overwrite=True)
    with FeatureCache(first) as cache:
        assert cache.spec.channels == 3
    assert extracted(tiles, colours, reporter=lines, overwrite=True) == first
    assert "extract: train resumes at image 1,024" in lines.said
    with FeatureCache(first) as cache:
        assert cache.spec.channels == 1


def test_where_nothing_is_done_yet_all_may_change(tiles: Source) -> None:
    with pytest.raises(StoppedError):
        extracted(tiles, PIXELS.model_copy(update={"batch_size": 8}), reporter=StopsAfter(100))
    path = extracted(tiles, PIXELS.model_copy(update={"batch_size": 16}))
    with FeatureCache(path) as cache:
        assert cache.provenance["batch_size"] == 16


def test_whoever_waited_for_another_process_takes_what_it_made(
    photos: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = load_source(str(photos))
    enter = FeatureCacheWriter.__enter__

    def enter_late(writer: FeatureCacheWriter) -> FeatureCacheWriter:
        monkeypatch.setattr(FeatureCacheWriter, "__enter__", enter)
        extracted(source)
        return enter(writer)

    monkeypatch.setattr(FeatureCacheWriter, "__enter__", enter_late)
    path = extracted(source, reporter=lines)
    assert lines.said == [f"extract: train features are cached in {path}"]


def test_a_full_gpu_is_a_clear_error(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("ucls.backbones.pixels.PixelsBackbone.encode", fail)
    with pytest.raises(UclsError, match=r"hold a batch of 32 images: .* extract\.batch_size"):
        extracted(load_source(str(photos)))


def test_an_overwrite_leaves_a_cache_alone_that_cannot_be_opened_now(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = load_source(str(photos))
    path = extracted(source)
    whole = path.read_bytes()

    def locked(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "unable to lock file")

    monkeypatch.setattr(h5py, "File", locked)
    with pytest.raises(UsageError, match="it is open in another program; wait"):
        extracted(source, overwrite=True)
    assert path.read_bytes() == whole


def test_pictures_of_floats_are_told_once(tmp_path: Path, lines: Lines) -> None:
    for number in range(4):
        values = np.random.default_rng(number).normal(size=(8, 8)).astype(np.float32)
        Image.fromarray(values).save(tmp_path / f"{number}.tif")
    config = PIXELS.model_copy(update={"workers": 1, "batch_size": 2})
    extracted(load_source(str(tmp_path)), config, reporter=lines)
    (told,) = [line for line in lines.said if "no known range" in line]
    assert told.startswith("note: the values of 4 images have")
