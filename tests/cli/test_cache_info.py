from dataclasses import asdict
from pathlib import Path

import numpy as np

from tests.conftest import Cli
from ucls.cache import FeatureCacheWriter, open_cache


def test_all_settings_are_shown(cli: Cli) -> None:
    cli("extract", "digits")
    outcome = cli("cache", "info", "digits-train")
    assert (outcome.exit_code, outcome.err) == (0, "")
    with open_cache("digits-train") as cache:
        for name in asdict(cache.spec):
            assert any(line.startswith(name) for line in outcome.out.splitlines()), name
        assert all(f"made from: {name}" in outcome.out for name in cache.provenance)
    for text in ("complete", "1,437", "cls (64)", "10: 0, 1, 2, 3", "float16"):
        assert text in outcome.out


def test_skipped_images_are_listed(cli: Cli, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "a.png").write_bytes(next(photos.rglob("*.png")).read_bytes())
    (folder / "b.png").write_bytes(b"broken")
    cli("extract", folder, "--backbone", "pixels")
    outcome = cli("cache", "info", "few")
    assert "b.png: not an image" in outcome.out


def test_the_lines_of_python_run(cli: Cli) -> None:
    cli("extract", "digits")
    code = cli("cache", "info", "digits-val").out.partition("In Python:\n")[2]
    found: dict[str, np.ndarray] = {}
    exec(code, found)
    assert found["features"].shape == (360, 64)


def test_an_unfinished_cache(cli: Cli) -> None:
    cli("extract", "digits")
    with open_cache("digits-train") as cache:
        path, spec = cache.path, cache.spec
    path.unlink()
    with FeatureCacheWriter(path, spec, 10_000):
        pass
    outcome = cli("cache", "info", "digits-train")
    assert outcome.exit_code == 0
    assert "0 %" in outcome.out
    assert "not finished: `ucls extract` goes on with it" in outcome.out


def test_a_damaged_or_unknown_cache(cli: Cli, own_cache: Path) -> None:
    own_cache.mkdir()
    (own_cache / "zoo-train-b-224-00000000.h5").write_bytes(b"no HDF5")
    outcome = cli("cache", "info", "zoo")
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert "truncated or not an HDF5 file" in outcome.err
    assert "no feature cache begins with 'x'" in cli("cache", "info", "x").err
