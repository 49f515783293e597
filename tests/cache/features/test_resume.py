import os
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cache_samples
import h5py
import pytest
from cache_samples import N_IMAGES, SPEC, content, hand_over, write_whole

from ucls.cache import FeatureCacheWriter, partial_path
from ucls.errors import MismatchError, UclsError, UsageError


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
            if not process.stdout.readline():  # it has handed over everything
                break
            process.stdin.write(b"\n")
            process.stdin.flush()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_killed_writers_leave_what_the_next_one_completes(tmp_path: Path, finished: Path) -> None:
    chance = random.Random(0)
    path = tmp_path / "x.h5"
    for batches in (chance.randint(1, 11), chance.randint(12, 16), chance.randint(9, 12)):
        run_killed(path, batches=batches, delay=chance.uniform(0, 0.003))
        assert partial_path(path).exists()
    assert write_whole(path) in {1024 + 4, 2048 + 5}
    assert content(path) == content(finished)


@pytest.mark.slow
def test_kills_at_twenty_random_moments(tmp_path: Path, finished: Path) -> None:
    chance = random.Random(1)
    path = tmp_path / "x.h5"
    for _ in range(20):
        run_killed(path, batches=chance.randint(0, 16), delay=chance.uniform(0, 0.02))
        if path.exists():  # the kill came too late
            assert content(path) == content(finished)
            path.unlink()
    write_whole(path)
    assert content(path) == content(finished)


def die_at(monkeypatch: pytest.MonkeyPatch, name: str, path: Path) -> None:
    """Writes in a forked process that is killed where the writer calls ``name``."""
    child = os.fork()
    if child == 0:
        module, attribute = name.rsplit(".", 1)
        monkeypatch.setattr(
            sys.modules[f"ucls.cache.features.{module}"],
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
        ("resume.create_features", 0),
        ("writer.commit", 0),
        ("writer.complete", N_IMAGES),
        ("completion.reserve", N_IMAGES),
        ("completion._write_skipped", N_IMAGES),
        ("completion._write_labels", N_IMAGES),
        ("completion.write_checksums", N_IMAGES),
        ("writer.publish", N_IMAGES),
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


def test_more_features_than_the_disk_holds(tmp_path: Path) -> None:
    spec = replace(SPEC, n_features=10**6)
    with (
        pytest.raises(UclsError, match=r"10,000,000 images need 200000\.0 GB, .* GB are free"),
        FeatureCacheWriter(tmp_path / "x.h5", spec, 10**7),
    ):
        pass


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs disk space reservation")
@pytest.mark.parametrize("limit", [100_000, 510_000])
def test_full_disk_is_told_and_resumed(tmp_path: Path, finished: Path, limit: int) -> None:
    path = tmp_path / "x.h5"
    child = os.fork()
    if child == 0:
        _write_under_limit(path, limit)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not path.exists()
    assert write_whole(path) == (N_IMAGES if limit == 510_000 else 0)
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
