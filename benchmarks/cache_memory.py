"""Memory and speed of a feature cache, against a bare file of the same bytes.

Each figure comes from a fresh process. Before reading, the file is dropped from the system's
memory, so that both read from the disk.

Run: python -m benchmarks.cache_memory
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ucls.cache import FeatureCache, FeatureCacheWriter, FeatureSpec
from ucls.usage import measure

SIZES = (10_000, 100_000, 1_000_000)
BATCH = 1_000

# The tokens of a ViT-S.
SPEC = FeatureSpec(
    dataset="random",
    split="train",
    fingerprint="none",
    backbone="vit_small",
    weights_hash="none",
    timm_version="none",
    image_size=224,
    channels=3,
    crop="none",
    interpolation="none",
    mean=(),
    std=(),
    dtype="float16",
    n_layers=4,
    n_features=384,
    has_patch_mean=True,
)


def random_tokens() -> tuple[np.ndarray, np.ndarray]:
    """Class tokens [1, B, L, D] and mean patch tokens [1, B, D] of one batch."""
    rng = np.random.default_rng(0)
    cls = rng.standard_normal((1, BATCH, SPEC.n_layers, SPEC.n_features), dtype=np.float32)
    return cls.astype(np.float16), cls[:, :, 0].astype(np.float16)


def write_cache(path: Path, n_rows: int) -> None:
    """Writes a cache of ``n_rows`` images."""
    cls, patch_mean = random_tokens()
    with FeatureCacheWriter(path, SPEC, n_rows) as writer:
        for start in range(0, n_rows, BATCH):
            names = [f"images/{row:08d}.jpg" for row in range(start, start + BATCH)]
            writer.append(cls, patch_mean, names)
        writer.finish()


def write_bare(path: Path, n_rows: int) -> None:
    """Writes the same tokens one after the other, and waits for the disk, as the cache does."""
    block = b"".join(tokens.tobytes() for tokens in random_tokens())
    with path.open("wb") as file:
        for _ in range(0, n_rows, BATCH):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def read_cache(path: Path, n_rows: int) -> None:
    """Reads all tokens back in batches."""
    with FeatureCache(path) as cache:
        n_read = sum(len(tokens) for _, tokens in cache.batches("cls4+patch", dtype=np.float16))
    if n_read != n_rows:
        raise ValueError(f"expected {n_rows} rows, got {n_read}")


def read_bare(path: Path, n_rows: int) -> None:
    """Reads the file in blocks of as many rows."""
    block = bytearray(4096 * SPEC.bytes_per_image)
    with path.open("rb", buffering=0) as file:
        while file.readinto(block):
            pass


PARTS: dict[str, Callable[[Path, int], None]] = {
    function.__name__: function for function in (write_cache, write_bare, read_cache, read_bare)
}


def drop_from_memory(path: Path) -> None:
    """Makes the next read of a file come from the disk."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run_part(part: str, path: Path, n_rows: int) -> tuple[float, float]:
    """Runs one function in a fresh process: seconds, and megabytes of peak memory."""
    command = [sys.executable, "-m", "benchmarks.cache_memory", "--part", part]
    command += ["--rows", str(n_rows), "--folder", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak)


def compare(folder: Path, n_rows: int) -> None:
    """Writes and reads ``n_rows`` rows both ways, and prints one line for each."""
    n_megabytes = n_rows * SPEC.bytes_per_image / 1e6
    for action in ("write", "read"):
        figures = {}
        for kind in ("bare", "cache"):
            path = folder / kind
            if action == "read":
                drop_from_memory(path)
            figures[kind] = run_part(f"{action}_{kind}", path, n_rows)
        speed, bare = (n_megabytes / figures[kind][0] for kind in ("cache", "bare"))
        print(
            f"{action:<6}{n_rows:>10,} rows {n_megabytes:>7,.0f} MB  "
            f"cache {speed:>6,.0f} MB/s, bare {bare:>6,.0f} MB/s, ratio {speed / bare:.2f}, "
            f"peak {figures['cache'][1]:,.0f} MB (bare {figures['bare'][1]:,.0f} MB)",
            flush=True,
        )
    for path in folder.iterdir():
        path.unlink()


def main() -> None:
    """Prints the figures of every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write; default: a new one in /tmp")
    parser.add_argument("--rows", type=int, nargs="*", default=SIZES)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        with measure() as usage:
            PARTS[arguments.part](arguments.folder, *arguments.rows)
        print(usage.seconds, usage.peak_memory_mb)
        return
    from benchmarks.machine import describe_machine  # imports torch, whose memory is not ours

    print(describe_machine())
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for n_rows in arguments.rows:
            compare(Path(folder), n_rows)


if __name__ == "__main__":
    main()
