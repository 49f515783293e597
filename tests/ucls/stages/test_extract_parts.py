"""Extraction by several processes, which are killed with real signals."""

import random
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Lines
from tests.jobs import run_job, start_job
from ucls import pipeline
from ucls.cache import FeatureCache, partial_path
from ucls.cache.features.parts import Span, part_files, part_path, write_plan
from ucls.errors import MismatchError, UclsError
from ucls.images.sets import load_folder
from ucls.settings.config import Config
from ucls.stages import extract_parts

VIT = {
    "extract.backbone": "test_vit", "extract.weights": "random", "extract.image_size": 32,
    "extract.views": 1, "extract.workers": 0, "extract.batch_size": 8,
}  # fmt: skip
N_IMAGES = 2_300


def extract(images: str, cache_dir: str, **values: Any) -> bytes:
    """The bytes of the cache."""
    config = Config().with_values(VIT | {f"extract.{name}": v for name, v in values.items()})
    caches = pipeline.extract_source(images, config=config, cache_dir=cache_dir)
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


@pytest.mark.parametrize("n_processes", [2, pytest.param(4, marks=pytest.mark.slow)])
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


def test_images_without_a_foreground_are_counted_once_and_in_all_processes(tmp_path: Path) -> None:
    folder = tmp_path / "grey"
    folder.mkdir()
    for row in range(16):
        Image.new("RGB", (9, 9), "grey").save(folder / f"{row}.png")
    alone = told_of_plain(str(folder), str(tmp_path / "alone"))
    assert [line[:45] for line in alone] == ["note: in 16 images nothing or all stands out "]
    assert run_job(2, told_of_plain, str(folder), str(tmp_path / "shared")) == alone


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
    assert extract(str(broken), str(tmp_path)) == whole
    assert part_files(path) == []


def stop(*_: object) -> None:
    raise KeyboardInterrupt


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


def test_a_machine_without_the_images_says_so(broken: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(broken, tmp_path / "photos"))
    images = load_folder(folder)
    extract_parts._check_seen(images)
    shutil.rmtree(folder)
    with pytest.raises(UclsError, match=r"photos is not on machine .* under the same paths"):
        extract_parts._check_seen(images)


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
