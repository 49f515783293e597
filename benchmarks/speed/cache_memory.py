"""Memory and speed of a feature cache, against a bare file of the same bytes."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.process import run_in_process
from ucls.cache import FeatureCache, FeatureCacheWriter, FeatureSpec
from ucls.report.table import Table

SIZES = (10_000, 100_000, 1_000_000)
BATCH = 1_000
HEADINGS = (
    "", "rows", "MB", "cache, MB/s", "bare, MB/s", "ratio", "cache, peak MB", "bare, peak MB",
)  # fmt: skip
# The tokens of a ViT-S.
SPEC = FeatureSpec(
    dataset="random", split="train", fingerprint="none", backbone="vit_small", weights_hash="none",
    timm_version="none", image_size=224, channels=3, crop="none", interpolation="none", mean=(),
    std=(), dtype="float16", n_layers=4, n_features=384, has_patch_mean=True,
)  # fmt: skip


def write_cache(path: str, n_rows: int) -> None:
    """Writes a cache of so many images."""
    cls, patch_mean = random_tokens()
    with FeatureCacheWriter(Path(path), SPEC, n_rows) as writer:
        for start in range(0, n_rows, BATCH):
            names = [f"images/{row:08d}.jpg" for row in range(start, start + BATCH)]
            writer.append(cls, patch_mean, names)
        writer.finish()


def write_bare(path: str, n_rows: int) -> None:
    """Writes the same tokens one after the other, and waits for the disk, as the cache does."""
    block = b"".join(tokens.tobytes() for tokens in random_tokens())
    with Path(path).open("wb") as file:
        for _ in range(0, n_rows, BATCH):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def read_cache(path: str, n_rows: int) -> None:
    """Reads all tokens back in batches."""
    with FeatureCache(Path(path)) as cache:
        n_read = sum(len(tokens) for _, tokens in cache.batches("cls4+patch", dtype=np.float16))
    if n_read != n_rows:
        raise ValueError(f"expected {n_rows} rows, got {n_read}")


def read_bare(path: str, n_rows: int) -> None:
    """Reads the file in blocks of as many rows."""
    block = bytearray(4096 * SPEC.bytes_per_image)
    with Path(path).open("rb", buffering=0) as file:
        while file.readinto(block):
            pass


def random_tokens() -> tuple[np.ndarray, np.ndarray]:
    """Class tokens [1, B, L, D] and mean patch tokens [1, B, D] of one batch."""
    rng = np.random.default_rng(0)
    cls = rng.standard_normal((1, BATCH, SPEC.n_layers, SPEC.n_features), dtype=np.float32)
    return cls.astype(np.float16), cls[:, :, 0].astype(np.float16)


def measure_caches(n_rows: int, folder: Path | None = None) -> Table:
    """Writes and reads rows, a multiple of 1,000, both ways, for a while in the folder."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        bare, cache = (Path(temporary).resolve() / name for name in ("bare", "cache"))
        rows = [_line("write", n_rows, (write_bare, bare), (write_cache, cache))]
        # Both are to read from the disk.
        for path in (bare, cache):
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        rows += [_line("read", n_rows, (read_bare, bare), (read_cache, cache))]
        return Table(HEADINGS, rows)


def _line(action: str, n_rows: int, *parts: tuple[Any, Path]) -> list[str]:
    n_megabytes = n_rows * SPEC.bytes_per_image / 1e6
    bare, cache = (run_in_process(function, str(path), n_rows) for function, path in parts)
    rates = (f"{n_megabytes / one.seconds:,.0f}" for one in (cache, bare))
    peaks = (f"{one.peak_mb:,.0f}" for one in (cache, bare))
    ratio = f"{bare.seconds / cache.seconds:.2f}"
    return [action, f"{n_rows:,}", f"{n_megabytes:,.0f}", *rates, ratio, *peaks]
