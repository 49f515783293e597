"""A small image set with broken images, and a writer of its cache that can be run and killed."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ucls.cache import FeatureCacheWriter, FeatureSpec

N_IMAGES = 2500
BROKEN = {0, 5, 700, 701, 1500, 2499}

SPEC = FeatureSpec(
    dataset="sample",
    split="train",
    fingerprint="f00d",
    backbone="vit_small",
    weights_hash="beef",
    timm_version="1.0.0",
    image_size=224,
    channels=3,
    crop=0.875,
    interpolation="bicubic",
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    dtype="float16",
    n_layers=4,
    n_features=8,
    has_patch_mean=True,
    n_views=2,
)
PIXELS = replace(SPEC, backbone="pixels", n_layers=1, has_patch_mean=False, n_views=1)

_rng = np.random.default_rng(0)
CLS = _rng.normal(size=(2, N_IMAGES, 4, 8)).astype(np.float32)
PATCH_MEAN = _rng.normal(size=(2, N_IMAGES, 8)).astype(np.float32)
LABELS = _rng.integers(0, 3, N_IMAGES)
NAMES = [f"images/é{i}.png" for i in range(N_IMAGES)]
KEPT = np.array([i for i in range(N_IMAGES) if i not in BROKEN])


def hand_over(
    writer: FeatureCacheWriter,
    stop: int = N_IMAGES,
    *,
    batch: int = 300,
    before_batch: Callable[[], None] = lambda: None,
) -> None:
    """Appends or skips the images from where the writer is up to ``stop``."""
    while (start := writer.n_seen) < stop:
        if start in BROKEN:
            writer.skip(NAMES[start], f"broken {start}")
            continue
        end = min([start + batch, stop, *(i for i in BROKEN if i > start)])
        before_batch()
        writer.append(CLS[:, start:end], PATCH_MEAN[:, start:end], NAMES[start:end])


def write_whole(path: Path, **options: Any) -> int:
    """Writes or resumes the cache; returns where it started."""
    with FeatureCacheWriter(path, SPEC, N_IMAGES) as writer:
        started_at = writer.n_seen
        hand_over(writer, **options)
        writer.write_labels(LABELS, ["ant", "bee", "cat"])
        writer.finish()
    return started_at


def content(path: Path) -> dict[str, Any]:
    """Everything in an HDF5 file: the bytes of its datasets, and its attributes."""
    found: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            values = item[:].tolist() if item.dtype.kind == "O" else item[:].tobytes()
            found[name] = (item.shape, item.dtype, values)

    with h5py.File(path, "r") as file:
        file.visititems(note)
        found["attributes"] = {name: repr(value) for name, value in file.attrs.items()}
    return found


def ask() -> None:
    """Waits for the parent process to allow one more batch."""
    print("ready", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    write_whole(Path(sys.argv[1]), batch=100, before_batch=ask)
