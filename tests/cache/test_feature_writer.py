import os
import random
import resource
import signal
import subprocess
import sys
import time
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

from ucls.cache import FeatureCache, FeatureCacheWriter, partial_path
from ucls.errors import MismatchError, UclsError, UsageError


def test_rows_land_in_order_without_the_skipped(finished: Path) -> None:
    with h5py.File(finished) as file:
        np.testing.assert_array_equal(file["cls"][0], CLS[KEPT].astype(np.float16))
        np.testing.assert_array_equal(file["patch_mean"][0], PATCH_MEAN[KEPT].astype(np.float16))
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


def test_only_the_cache_and_its_lock_remain(finished: Path) -> None:
    assert {path.name for path in finished.parent.iterdir()} <= {"sample.h5", "sample.h5.lock"}


def test_batch_size_does_not_matter(tmp_path: Path, finished: Path) -> None:
    write_whole(tmp_path / "x.h5", batch=2500)
    assert content(tmp_path / "x.h5") == content(finished)


def test_leaving_early_keeps_whole_chunks_for_the_next_writer(
    tmp_path: Path, finished: Path
) -> None:
    path = tmp_path / "x.h5"
    with FeatureCacheWriter(path, SPEC, N_IMAGES) as writer:
        hand_over(writer, 2000)
        assert writer.n_seen == 2000
    assert not path.exists()
    with FeatureCacheWriter(path, SPEC, N_IMAGES) as writer:
        assert (writer.n_seen, writer.n_skipped) == (1024 + 4, 4)
    assert write_whole(path, batch=77) == 1028
    assert content(path) == content(finished)


def run_killed(path: Path, *, batches: int, delay: float) -> None:
    """Lets a writer in a process of its own go on for some batches, then kills it."""
    command = [sys.executable, cache_samples.__file__, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(batches):
            process.stdout.readline()
            process.stdin.write(b"\n")
            process.stdin.flush()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)


def test_killed_writers_leave_what_the_next_one_completes(tmp_path: Path, finished: Path) -> None:
    chance = random.Random(0)
    path = tmp_path / "x.h5"
    for batches in (chance.randint(1, 11), chance.randint(12, 16), chance.randint(9, 12)):
        run_killed(path, batches=batches, delay=chance.uniform(0, 0.003))
        assert partial_path(path).exists()
    assert write_whole(path) in {1024 + 4, 2048 + 5}
    assert content(path) == content(finished)


def die_at(monkeypatch: pytest.MonkeyPatch, name: str, path: Path) -> None:
    """Writes in a forked process that is killed where the writer calls ``name``."""
    child = os.fork()
    if child == 0:
        module, attribute = name.rsplit(".", 1)
        monkeypatch.setattr(
            sys.modules[f"ucls.cache.{module}"],
            attribute,
            lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL),
        )
        try:
            write_whole(path)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("name", "resumes_at"),
    [
        ("feature_resume.create_features", 0),
        ("feature_writer.commit", 0),
        ("feature_writer.complete", N_IMAGES),
        ("feature_completion.reserve", N_IMAGES),
        ("feature_completion._write_skipped", N_IMAGES),
        ("feature_completion._write_labels", N_IMAGES),
        ("feature_writer.publish", N_IMAGES),
    ],
)
def test_killed_at_a_step(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    finished: Path,
    name: str,
    resumes_at: int,
) -> None:
    path = tmp_path / "x.h5"
    die_at(monkeypatch, name, path)
    assert not path.exists()
    assert write_whole(path) == resumes_at
    assert content(path) == content(finished)
    assert {file.name for file in tmp_path.iterdir()} <= {"x.h5", "x.h5.lock"}


@pytest.mark.parametrize("damage", ["garbage", "truncated", "log"])
def test_damaged_partial_starts_anew(tmp_path: Path, finished: Path, damage: str) -> None:
    path = tmp_path / "x.h5"
    with FeatureCacheWriter(path, SPEC, N_IMAGES) as writer:
        hand_over(writer, 2000)
    if damage == "garbage":
        partial_path(path).write_bytes(b"no HDF5" * 100)
    elif damage == "truncated":
        os.truncate(partial_path(path), 9000)
    else:
        (tmp_path / "x.h5.images.partial").unlink()
    assert write_whole(path) == 0
    assert content(path) == content(finished)


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


def test_partial_with_other_settings(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with FeatureCacheWriter(path, SPEC, N_IMAGES) as writer:
        hand_over(writer, 2000)
    other = replace(SPEC, image_size=518, interpolation="bilinear")
    with (
        pytest.raises(MismatchError) as raised,
        FeatureCacheWriter(path, other, 99),
    ):
        pass
    for part in (
        "image_size is 224 there, 518 now",
        "interpolation is 'bicubic' there, 'bilinear' now",
        "n_images is 2500 there, 99 now",
        "--overwrite",
    ):
        assert part in str(raised.value)
    with FeatureCacheWriter(path, other, 99, overwrite=True) as writer:
        assert writer.n_seen == 0


def test_partial_of_a_newer_version_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with FeatureCacheWriter(path, SPEC, N_IMAGES):
        pass
    with h5py.File(partial_path(path), "r+") as file:
        file.attrs["version"] = 2
    with (
        pytest.raises(UsageError, match="version 2, this UCLS reads up to 1"),
        FeatureCacheWriter(path, SPEC, N_IMAGES),
    ):
        pass
    assert partial_path(path).exists()


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
        arrays = [CLS[:3].copy(), PATCH_MEAN[:3].copy()]
        arrays[place][1, ..., 2] = value
        with FeatureCacheWriter(tmp_path / "x.h5", SPEC, N_IMAGES) as writer:
            with pytest.raises(UsageError, match=message):
                writer.append(*arrays, NAMES[:3])
            assert writer.n_seen == 0


def test_float32_keeps_large_values(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with FeatureCacheWriter(path, replace(PIXELS, dtype="float32"), 1) as writer:
        writer.append(np.full((1, 1, 8), 1e6), None, ["a"])
        writer.finish()
    with FeatureCache(path) as cache:
        assert cache.read("cls").tolist() == [[1e6] * 8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((CLS[:2], PATCH_MEAN[:2], NAMES[:3]), r"shape \(3, 4, 8\).*got float32 \(2, 4, 8\)"),
        ((CLS[:3, :1], PATCH_MEAN[:3], NAMES[:3]), r"got float32 \(3, 1, 8\)"),
        ((CLS[:3].astype(int), PATCH_MEAN[:3], NAMES[:3]), "got int64"),
        ((CLS[:3], None, NAMES[:3]), "got none"),
        ((CLS[:3], PATCH_MEAN[:2], NAMES[:3]), r"shape \(3, 8\).*got float32 \(2, 8\)"),
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
        writer.append(CLS[:2], PATCH_MEAN[:2], NAMES[:2])
        with pytest.raises(UsageError, match=r"expected 3 images before finishing .* got 2"):
            writer.finish()
        with pytest.raises(UsageError, match="expected 3 images in all, got 4"):
            writer.append(CLS[:2], PATCH_MEAN[:2], NAMES[:2])
        writer.skip("c", "broken")
        with pytest.raises(UsageError, match="expected 3 images in all, got 4"):
            writer.skip("d", "broken")


def test_no_image_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with FeatureCacheWriter(path, SPEC, 2) as writer:
        writer.skip("a", "broken")
        writer.skip("b", "broken")
        with pytest.raises(UsageError, match="none of the 2 images of sample could be read"):
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
        writer.append(np.ones((1, 1, 8)), None, [name])
        writer.finish()
    assert FeatureCache(tmp_path / "x.h5").paths() == [name]


def test_more_features_than_the_disk_holds(tmp_path: Path) -> None:
    spec = replace(SPEC, n_features=10**6)
    with (
        pytest.raises(UclsError, match=r"10000000 images need 100000\.0 GB, .* GB are free"),
        FeatureCacheWriter(tmp_path / "x.h5", spec, 10**7),
    ):
        pass


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs disk space reservation")
@pytest.mark.parametrize("limit", [100_000, 262_000])
def test_full_disk_is_told_and_resumed(tmp_path: Path, finished: Path, limit: int) -> None:
    path = tmp_path / "x.h5"
    child = os.fork()
    if child == 0:
        _write_under_limit(path, limit)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not path.exists()
    assert write_whole(path) == (N_IMAGES if limit == 262_000 else 0)
    assert content(path) == content(finished)


def _write_under_limit(path: Path, limit: int) -> None:
    code = 1
    try:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        write_whole(path)
    except UclsError as error:
        code = 0 if "x.h5: File too large; make room" in str(error) else 2
    finally:
        os._exit(code)


def test_a_process_that_failed_to_write_does_not_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "x.h5"
    with monkeypatch.context() as patch:
        patch.setattr("ucls.cache.feature_writer.write_rows", fail)
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
rows = np.ones((1000, 1, 64), np.float32)
with FeatureCacheWriter(Path(sys.argv[1]), spec, n_images, overwrite=True) as writer:
    for start in range(0, n_images, 1000):
        writer.append(rows, None, [f"image{i}.png" for i in range(start, start + 1000)])
    writer.finish()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
