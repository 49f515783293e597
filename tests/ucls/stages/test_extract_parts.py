"""Extraction by several processes, which are killed with real signals."""

import random
import shutil
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from tests.conftest import Lines
from tests.jobs import run_job, start_job
from ucls import pipeline, ranks
from ucls.cache import FeatureCache, partial_path
from ucls.cache.features.parts import Span, part_files, part_path, write_plan
from ucls.cache.features.resume import log_path, undo_path
from ucls.errors import MismatchError, UclsError
from ucls.progress import SILENT, Advance
from ucls.settings.config import Config
from ucls.stages import extract_parts

VIT = {
    "extract.backbone": "test_vit", "extract.weights": "random", "extract.image_size": 32,
    "extract.views": 1, "extract.workers": 0, "extract.batch_size": 8,
}  # fmt: skip
N_IMAGES = 2_300


class Told(Lines):
    """Also keeps where bars start."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[int] = []

    def track(self, *told: Any, done: int = 0) -> AbstractContextManager[Advance]:
        self.done.append(done)
        return super().track(*told, done=done)


def extract(images: str, cache_dir: str, **values: Any) -> bytes:
    """The bytes of the cache."""
    reporter = values.pop("reporter", SILENT)
    config = Config().with_values(VIT | {f"extract.{name}": v for name, v in values.items()})
    caches = pipeline.extract_source(images, config=config, cache_dir=cache_dir, reporter=reporter)
    (path,) = caches["train"].values()
    return path.read_bytes()


@pytest.fixture(scope="module")
def broken(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos with broken ones among them."""
    folder = Path(shutil.copytree(photos, tmp_path_factory.mktemp("shared") / "photos"))
    for name in ("high/00.png", "left/01.png", "plain/35.png", "plain/59.png"):
        (folder / name).write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def whole(broken: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return extract(str(broken), str(tmp_path_factory.mktemp("whole")))


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [2, 4])
def test_the_file_is_that_of_one_process(
    broken: Path, whole: bytes, tmp_path: Path, n_processes: int
) -> None:
    assert run_job(n_processes, extract, str(broken), str(tmp_path)) == whole
    (path,) = tmp_path.glob("*.h5")
    assert {item.name for item in tmp_path.iterdir()} == {path.name, f"{path.name}.lock"}


def told_of_plain(images: str, cache_dir: str) -> list[str]:
    lines = Lines()
    config = Config().with_values(VIT | {"features": "fg", "extract.views": 2})
    pipeline.extract_source(images, config=config, cache_dir=cache_dir, reporter=lines)
    return [line for line in lines.said if "stands out" in line]


@pytest.mark.slow
def test_images_without_a_foreground_are_counted_once_and_in_all_processes(tmp_path: Path) -> None:
    folder = tmp_path / "grey"
    folder.mkdir()
    for row in range(16):
        Image.new("RGB", (9, 9), "grey").save(folder / f"{row}.png")
    alone = told_of_plain(str(folder), str(tmp_path / "alone"))
    assert [line[:45] for line in alone] == ["note: in 16 images nothing or all stands out "]
    assert run_job(2, told_of_plain, str(folder), str(tmp_path / "shared")) == alone


@pytest.mark.slow
def test_one_process_goes_on_with_the_parts_of_several(
    broken: Path, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(str(broken), str(tmp_path))
    (path,) = tmp_path.glob("*.h5")
    path.unlink()
    spans = [Span(0, 24), Span(24, 40), Span(40, 60)]
    write_plan(path, spans, n_images=60, batch_size=8)
    with monkeypatch.context() as patched:
        patched.setattr(extract_parts, "append_part", stop)
        with pytest.raises(KeyboardInterrupt):
            extract(str(broken), str(tmp_path))
    assert all(partial_path(part_path(path, span)).is_file() for span in spans[1:])
    told = Told()
    alone = lambda *_, lead, reporter: lead(reporter=reporter)  # noqa: E731
    monkeypatch.setattr(ranks, "n_processes", lambda: 5)
    monkeypatch.setattr(ranks, "together", alone)
    assert extract(str(broken), str(tmp_path), reporter=told) == whole
    assert told.done == [36]  # those of the first were not on the disk yet
    assert "note: 2 of 5 processes have nothing to extract" in "".join(told.said)
    assert part_files(path) == []


def stop(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_parts_of_other_settings_are_refused_unless_they_may_be_replaced(
    broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(str(broken), str(tmp_path))
    (path,) = tmp_path.glob("*.h5")
    path.unlink()
    write_plan(path, [Span(0, 24), Span(24, 60)], n_images=60, batch_size=8)
    with monkeypatch.context() as patched:
        patched.setattr(extract_parts, "append_part", stop)
        with pytest.raises(KeyboardInterrupt):
            extract(str(broken), str(tmp_path))
    with pytest.raises(MismatchError, match="made with other settings: n_views is 2 there, 3 now"):
        extract(str(broken), str(tmp_path), views=2)
    config = Config().with_values(VIT | {"extract.views": 2})
    pipeline.extract_source(str(broken), config=config, cache_dir=tmp_path, overwrite=True)
    assert FeatureCache(path).n_views == 3


@pytest.mark.parametrize("is_at_work", [False, True])
def test_what_a_kill_left_beside_a_finished_cache_is_removed(
    broken: Path, whole: bytes, tmp_path: Path, is_at_work: bool
) -> None:
    extract(str(broken), str(tmp_path))
    (path,) = tmp_path.glob("*.h5")
    write_plan(path, [Span(0, 24), Span(24, 60)], n_images=60, batch_size=8)
    left = [partial_path(part_path(path, Span(24, 60))), log_path(path), undo_path(path)]
    for file in left:
        file.touch()
    with FileLock(f"{path}.lock") if is_at_work else nullcontext():
        assert extract(str(broken), str(tmp_path)) == whole
    assert [file.exists() for file in left] == [is_at_work] * 3
    assert len(part_files(path)) == (2 if is_at_work else 0)


def test_both_a_part_and_the_cache_have_to_fit_on_the_disk(
    broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(str(broken), str(tmp_path))
    (path,) = tmp_path.glob("*.h5")
    with FeatureCache(path) as cache:
        n_bytes = 61 * cache.spec.bytes_per_image
    path.unlink()
    write_plan(path, [Span(0, 24), Span(24, 40), Span(40, 60)], n_images=60, batch_size=8)
    free = iter([n_bytes, n_bytes - 30 * n_bytes // 61])
    usage = lambda _: SimpleNamespace(free=next(free))  # noqa: E731
    monkeypatch.setattr("ucls.cache.features.resume.shutil.disk_usage", usage)
    with pytest.raises(UclsError, match="the features of 36 images need"):
        extract(str(broken), str(tmp_path))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for row in range(N_IMAGES):
        path = folder / f"{row:04d}.png"
        Image.fromarray(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)).save(path)
        if row % 71 == 0:
            path.write_bytes(b"")
    return folder


@pytest.mark.slow
def test_killed_at_any_moment_any_number_of_processes_goes_on(many: Path, tmp_path: Path) -> None:
    job = (str(many), str(tmp_path / "cache"))
    started = time.perf_counter()
    whole = run_job(2, extract, str(many), str(tmp_path / "whole"))
    duration, moments = time.perf_counter() - started, random.Random(0)
    for n_processes in (2, 2, 3, 1, 2):
        members = start_job(n_processes, tmp_path / "found", extract, *job)
        members[-1].join(moments.uniform(0.2, 0.8) * duration)
        for member in members:
            member.kill()
            member.join()
    assert run_job(2, extract, *job) == whole
