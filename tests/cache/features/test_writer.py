import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cache_samples
import h5py
import numpy as np
import pytest
from cache_samples import (
    BROKEN,
    CLS,
    KEPT,
    LABELS,
    N_IMAGES,
    NAMES,
    PATCH_MEAN,
    PIXELS,
    SPEC,
    content,
    hand_over,
    write_whole,
)
from filelock import FileLock

from ucls.cache import FeatureCache, FeatureCacheWriter
from ucls.errors import UclsError, UsageError


def test_rows_land_in_order_without_the_skipped(finished: Path) -> None:
    with h5py.File(finished) as file:
        np.testing.assert_array_equal(file["cls"], CLS[:, KEPT].astype(np.float16))
        np.testing.assert_array_equal(file["patch_mean"], PATCH_MEAN[:, KEPT].astype(np.float16))
        assert file["path"].asstr()[:].tolist() == [NAMES[i] for i in KEPT]
        assert file["labels/class"].dtype == np.int32
        np.testing.assert_array_equal(file["labels/class"][:], LABELS[KEPT])
        assert file["skipped/index"][:].tolist() == sorted(BROKEN)
        assert file.attrs["rows_written"] == len(KEPT)
        assert file.attrs["n_seen"] == N_IMAGES


def test_rows_are_uncompressed_chunks_of_1024(finished: Path) -> None:
    with h5py.File(finished) as file:
        assert file["cls"].chunks == (1, 1024, 1, 8)
        assert file["cls"].compression is None


def test_the_first_writer_tells_the_provenance(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    first, second = ({"batch_size": size, "source": "/ü", "data_dir": None} for size in (64, 32))
    with FeatureCacheWriter(path, SPEC, N_IMAGES, provenance=first) as writer:
        assert writer.provenance == first
        hand_over(writer, 2000)
    with FeatureCacheWriter(path, SPEC, N_IMAGES, provenance=second) as writer:
        assert writer.provenance == first
        hand_over(writer)
        writer.finish()
    with FeatureCache(path) as cache:
        assert cache.provenance == first


@pytest.mark.parametrize("value", [np.float32(1), float("nan"), Path("x")])
def test_provenance_that_json_cannot_hold(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UsageError, match="expected a provenance of texts, numbers and lists"):
        FeatureCacheWriter(tmp_path / "x.h5", SPEC, N_IMAGES, provenance={"a": value})


def test_only_the_cache_and_its_lock_remain(finished: Path) -> None:
    assert {path.name for path in finished.parent.iterdir()} <= {"sample.h5", "sample.h5.lock"}


def test_batch_size_does_not_matter(tmp_path: Path, finished: Path) -> None:
    write_whole(tmp_path / "x.h5", batch=2500)
    assert content(tmp_path / "x.h5") == content(finished)


def test_second_writer_is_told_of_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with (
        FileLock(f"{path}.lock"),
        pytest.raises(UclsError, match=r"another process is writing .*x\.h5 .*x\.h5\.lock"),
        FeatureCacheWriter(path, SPEC, N_IMAGES, lock_timeout=0.01),
    ):
        pass
    with FeatureCacheWriter(path, SPEC, N_IMAGES, lock_timeout=0.01) as writer:
        assert writer.n_seen == 0


def test_finished_cache_is_not_written_again_unasked(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_whole(path)
    with pytest.raises(UclsError, match="finished already"):
        write_whole(path)
    with FeatureCacheWriter(path, SPEC, N_IMAGES, overwrite=True) as writer:
        assert writer.n_seen == 0
    assert FeatureCache(path).n_rows == len(KEPT)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "NaN or infinity for images/é1.png"),
        (-np.inf, "NaN or infinity for images/é1.png"),
        (1e6, r"fit float16 \(up to 65504\), got 1e\+06 for images/é1.png"),
    ],
)
def test_values_that_cannot_be_kept(tmp_path: Path, value: float, message: str) -> None:
    for place in (0, 1):
        arrays = [CLS[:, :3].copy(), PATCH_MEAN[:, :3].copy()]
        arrays[place][1, 1, ..., 2] = value
        with FeatureCacheWriter(tmp_path / "x.h5", SPEC, N_IMAGES) as writer:
            with pytest.raises(UsageError, match=message):
                writer.append(*arrays, NAMES[:3])
            assert writer.n_seen == 0


def test_float32_keeps_large_values(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with FeatureCacheWriter(path, replace(PIXELS, dtype="float32"), 1) as writer:
        writer.append(np.full((1, 1, 1, 8), 1e6), None, ["a"])
        writer.finish()
    with FeatureCache(path) as cache:
        assert cache.read("cls").tolist() == [[1e6] * 8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((CLS[:, :2], PATCH_MEAN[:, :2], NAMES[:3]), r"\(2, 3, 4, 8\).*got float32 \(2, 2, 4, 8\)"),
        ((CLS[:, :3, :1], PATCH_MEAN[:, :3], NAMES[:3]), r"got float32 \(2, 3, 1, 8\)"),
        ((CLS[:1, :3], PATCH_MEAN[:, :3], NAMES[:3]), r"got float32 \(1, 3, 4, 8\)"),
        ((CLS[:, :3].astype(int), PATCH_MEAN[:, :3], NAMES[:3]), "got int64"),
        ((CLS[:, :3], None, NAMES[:3]), "got none"),
        ((CLS[:, :3], PATCH_MEAN[:, :2], NAMES[:3]), r"\(2, 3, 8\).*got float32 \(2, 2, 8\)"),
    ],
)
def test_batches_of_another_shape(tmp_path: Path, arguments: Any, message: str) -> None:
    with (
        FeatureCacheWriter(tmp_path / "x.h5", SPEC, N_IMAGES) as writer,
        pytest.raises(UsageError, match=message),
    ):
        writer.append(*arguments)


def test_too_many_and_too_few_images(tmp_path: Path) -> None:
    with FeatureCacheWriter(tmp_path / "x.h5", SPEC, 3) as writer:
        writer.append(CLS[:, :2], PATCH_MEAN[:, :2], NAMES[:2])
        with pytest.raises(UsageError, match=r"expected 3 images before finishing .* got 2"):
            writer.finish()
        with pytest.raises(UsageError, match="expected 3 images in all, got 4"):
            writer.append(CLS[:, :2], PATCH_MEAN[:, :2], NAMES[:2])
        writer.skip("c", "broken")
        with pytest.raises(UsageError, match="expected 3 images in all, got 4"):
            writer.skip("d", "broken")


def test_no_image_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with FeatureCacheWriter(path, SPEC, 2) as writer:
        writer.skip("a", "broken")
        writer.skip("b", "broken")
        with pytest.raises(UsageError, match="none of the images of sample could be read"):
            writer.finish()
    with FeatureCacheWriter(path, SPEC, 2) as writer:
        assert writer.n_seen == 0


@pytest.mark.parametrize("labels", [np.zeros(3, int), np.zeros((2, 1), int), np.zeros(2)])
def test_labels_of_another_shape(tmp_path: Path, labels: Any) -> None:
    with (
        FeatureCacheWriter(tmp_path / "x.h5", SPEC, 2) as writer,
        pytest.raises(UsageError, match="expected 2 integer labels"),
    ):
        writer.write_labels(labels)


def test_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    with FeatureCacheWriter(tmp_path / "x.h5", PIXELS, 1) as writer:
        writer.append(np.ones((1, 1, 1, 8)), None, [name])
        writer.finish()
    assert FeatureCache(tmp_path / "x.h5").paths() == [name]


def test_a_process_that_failed_to_write_does_not_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "x.h5"
    with monkeypatch.context() as patch:
        patch.setattr("ucls.cache.features.writer.write_rows", fail)
        with pytest.raises(UclsError, match="No space left on device"):
            write_whole(path)
    with pytest.raises(UclsError, match="start Python anew"):
        write_whole(path)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(MEMORY_SCRIPT)
    command = [sys.executable, script, tmp_path / "x.h5", Path(cache_samples.__file__).parent]
    few, many = (
        int(subprocess.run([*command, str(n)], check=True, capture_output=True).stdout)
        for n in (20_000, 300_000)
    )
    assert many - few < 20_000  # kilobytes; the features alone take 75,000


MEMORY_SCRIPT = """
import resource, sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[2])
from cache_samples import PIXELS
from ucls.cache import FeatureCacheWriter

n_images = int(sys.argv[3])
spec = replace(PIXELS, n_features=64, dtype="float32")
rows = np.ones((1, 1000, 1, 64), np.float32)
with FeatureCacheWriter(Path(sys.argv[1]), spec, n_images, overwrite=True) as writer:
    for start in range(0, n_images, 1000):
        writer.append(rows, None, [f"image{i}.png" for i in range(start, start + 1000)])
    writer.finish()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_stamps_come_back(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    stamps = np.arange(2 * N_IMAGES).reshape(-1, 2)
    with FeatureCacheWriter(path, SPEC, N_IMAGES) as writer:
        hand_over(writer)
        writer.write_stamps(stamps)
        writer.finish()
    with FeatureCache(path) as cache:
        np.testing.assert_array_equal(cache.stamps(), stamps)


@pytest.mark.parametrize("stamps", [np.zeros((3, 2), np.int64), np.zeros((N_IMAGES, 2), np.int32)])
def test_stamps_of_another_shape_or_kind(tmp_path: Path, stamps: Any) -> None:
    with (
        FeatureCacheWriter(tmp_path / "x.h5", SPEC, N_IMAGES) as writer,
        pytest.raises(UsageError, match=r"expected stamps as int64 \(2500, 2\)"),
    ):
        writer.write_stamps(stamps)
