import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.conftest import Lines
from ucls.backbones.build import build_backbone
from ucls.backbones.protocol import Backbone
from ucls.cache import FeatureCacheWriter, FeatureSpec, partial_path
from ucls.errors import UsageError
from ucls.extraction.tokens import extract_tokens
from ucls.images.feature_files import FeatureArray
from ucls.images.sets import ImageSet
from ucls.sources import load_source
from ucls.stages.verify import verify

BROKEN = ("high/00.png", "plain/32.png")
MODEL_FIELDS = (
    "weights_hash", "timm_version", "image_size", "channels", "crop", "interpolation", "mean",
    "std", "precision", "n_layers", "n_features", "has_patch_mean",
)  # fmt: skip


def spec_of(images: ImageSet | FeatureArray, backbone: Backbone | None, **changes: Any) -> Any:
    model: dict[str, Any] = {
        "weights_hash": "none", "timm_version": "none", "image_size": 0, "channels": 0,
        "crop": "none", "interpolation": "none", "mean": (), "std": (), "n_layers": 1,
        "has_patch_mean": False,
    }  # fmt: skip
    if backbone is not None:
        model |= {name: asdict(backbone.spec)[name] for name in MODEL_FIELDS}
    identity = {
        "dataset": images.name,
        "split": images.split,
        "fingerprint": images.fingerprint,
        "backbone": "features" if backbone is None else backbone.spec.name,
        "dtype": "float32" if backbone is None else "float16",
    }
    return FeatureSpec(**{**model, **identity, **changes})


def make_cache(
    path: Path,
    source: Path | str,
    *,
    backbone: Backbone | None = None,
    n_views: int = 1,
    weights: str | None = None,
    split: str = "train",
) -> Path:
    """Extracts a split into a cache with its provenance."""
    images = load_source(str(source)).splits[split]
    changes = {} if backbone else {"n_features": images.features.shape[1]}
    spec = spec_of(images, backbone, n_views=n_views, **changes)
    provenance = {"source": str(source), "data_dir": None, "split": split, "weights": weights}
    with FeatureCacheWriter(path, spec, len(images), provenance=provenance) as writer:
        for batch in extract_tokens(images, backbone, n_augmented=n_views - 1, batch_size=1):
            if batch.skipped:
                writer.skip(*batch.skipped[0])
            else:
                writer.append(batch.cls, batch.patch_mean, batch.paths)
        writer.finish()
    return path


def pixels(size: int = 8, channels: int = 3) -> Backbone:
    return build_backbone("pixels", image_size=size, channels=channels)


@pytest.fixture
def folder(photos: Path, tmp_path: Path) -> Path:
    """A folder of the test's own, in which two images cannot be read."""
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    for name in BROKEN:
        (folder / name).write_bytes(b"broken")
    return folder


@pytest.fixture
def path(folder: Path, tmp_path: Path) -> Path:
    """The cache of that folder, with three views."""
    return make_cache(tmp_path / "x.h5", folder, backbone=pixels(), n_views=3)


def outcomes(path: Path, **options: Any) -> dict[str, str]:
    return {check.name: check.outcome for check in verify(path, device="cpu", **options)}


def reason(path: Path, name: str) -> str:
    (check,) = [check for check in verify(path, device="cpu") if check.name == name]
    return check.reason


GOOD = {"chunks": "ok", "fingerprint": "ok", "sample": "ok"}


def test_a_good_cache_with_views_and_skipped_images(path: Path, folder: Path) -> None:
    assert outcomes(path) == GOOD
    assert outcomes(path, n_sample=1000) == GOOD
    assert reason(path, "chunks") == "3 chunks as written, 60 names readable"
    assert (
        reason(path, "fingerprint") == f"{folder} holds 60 images, unchanged since the extraction"
    )
    assert reason(path, "sample").startswith("extracting 8 images again differs by up to 0.000")


def test_a_dataset_and_feature_files(tmp_path: Path, sources: Path) -> None:
    digits = make_cache(tmp_path / "d.h5", "digits", backbone=pixels(8, 1), split="val")
    assert outcomes(digits) == GOOD
    blobs = make_cache(tmp_path / "b.h5", sources / "blobs.npz")
    assert outcomes(blobs) == GOOD
    assert "differs by up to 0 of" in reason(blobs, "sample")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_transformer_with_patches_and_views(photos: Path, tmp_path: Path, precision: Any) -> None:
    backbone = build_backbone(
        "test_vit", image_size=(32, 64), weights="random", precision=precision
    )
    path = make_cache(tmp_path / "x.h5", photos, backbone=backbone, n_views=2, weights="random")
    with h5py.File(path) as file:
        assert file.attrs["backbone"] == "test_vit-untrained"
    assert outcomes(path) == GOOD


def damage_value(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["cls"][1, 7, 0, 0] += 1


def damage_with_nan(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["checksums"]
        file["cls"][2, 57, 0, 0] = np.nan


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_value, "cls rows 0 to 57 of layer 0 of view 1 are not what was written"),
        (damage_with_nan, "cls rows 0 to 57 of layer 0 of view 2 hold NaN or infinity"),
    ],
)
def test_damaged_chunks(path: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(path)
    assert outcomes(path)["chunks"] == "failed"
    assert reason(path, "chunks").startswith(message)


@pytest.mark.parametrize("view", [0, 2])
def test_features_of_other_images_than_the_cache_says(path: Path, view: int) -> None:
    with h5py.File(path, "r+") as file:
        file["cls"][view] = np.roll(file["cls"][view], 1, axis=0)
        del file["checksums"]
    assert outcomes(path) == {
        "chunks": "ok", "checksums": "not possible", "fingerprint": "ok", "sample": "failed"
    }  # fmt: skip


def test_names_that_cannot_be_read(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["skipped/reason"]
    assert outcomes(path)["chunks"] == "failed"
    assert "is damaged" in reason(path, "chunks")


def test_structures_that_are_damaged(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["provenance"] = "{"
        del file["checksums/cls"]
        file["checksums/cls"] = np.zeros((1, 1, 1), np.uint32)
    assert outcomes(path) == {
        "chunks": "failed", "fingerprint": "not possible", "sample": "not possible"
    }  # fmt: skip
    assert "expected checksums of cls [3, 1, 1]" in reason(path, "chunks")


def test_another_image_in_the_folder(path: Path, folder: Path) -> None:
    shutil.copy(folder / "high/03.png", folder / "new.png")
    assert outcomes(path) == {"chunks": "ok", "fingerprint": "failed", "sample": "not possible"}
    assert "there are 61 now and were 60, or some have changed" in reason(path, "fingerprint")


def test_an_image_that_can_be_read_no_more(path: Path, folder: Path) -> None:
    for image in folder.rglob("*.png"):
        status = image.stat()
        image.write_bytes(b"x" * status.st_size)
        os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert outcomes(path) == {"chunks": "ok", "fingerprint": "ok", "sample": "failed"}
    assert "can be read no more" in reason(path, "sample")


def test_a_source_that_is_gone(path: Path, folder: Path) -> None:
    shutil.rmtree(folder)
    assert outcomes(path) == {
        "chunks": "ok", "fingerprint": "not possible", "sample": "not possible"
    }  # fmt: skip
    assert "no such file or folder" in reason(path, "fingerprint")


def test_a_cache_that_does_not_tell_its_source(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["provenance"]
    assert outcomes(path)["fingerprint"] == "not possible"
    assert "does not tell where its images are" in reason(path, "fingerprint")


@pytest.mark.slow
def test_weights_that_are_gone_or_others(photos: Path, tmp_path: Path) -> None:
    backbone = build_backbone("test_vit", image_size=32, weights="random")
    gone = str(tmp_path / "gone.safetensors")
    path = make_cache(tmp_path / "x.h5", photos, backbone=backbone, weights=gone)
    assert outcomes(path)["sample"] == "not possible"
    assert gone in reason(path, "sample")
    path = make_cache(tmp_path / "y.h5", photos, backbone=backbone, weights="random")
    with h5py.File(path, "r+") as file:
        file.attrs["weights_hash"] = "beef"
    assert outcomes(path)["sample"] == "not possible"
    assert "weights_hash is 'beef' there" in reason(path, "sample")


def test_a_damaged_and_an_unfinished_file(path: Path, tmp_path: Path) -> None:
    path.rename(partial_path(tmp_path / "y.h5"))
    assert outcomes(tmp_path / "y.h5") == {"file": "not possible"}
    path.write_bytes(b"no HDF5")
    assert outcomes(path) == {"file": "failed"}


def test_what_the_system_keeps_back_says_nothing_against_a_cache(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "read failed")

    with monkeypatch.context() as patched:
        patched.setattr("ucls.cache.features.checksums._read_chunk", fail)
        assert outcomes(path)["chunks"] == "not possible"
    monkeypatch.setattr(h5py, "File", fail)
    assert outcomes(path) == {"file": "not possible"}


def test_progress_and_wrong_use(path: Path, lines: Lines) -> None:
    assert len(verify(path, device="cpu", reporter=lines)) == 3
    with pytest.raises(UsageError, match="at least 1 image, got 0"):
        verify(path, n_sample=0)
