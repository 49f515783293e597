"""Features of the foreground, from a run to new images."""

import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Lines
from ucls import Predictor, pipeline
from ucls.cache import list_caches
from ucls.errors import UsageError
from ucls.runs.run import Run
from ucls.sources import load_source
from ucls.stages.export_onnx import export_onnx
from ucls.stages.predict import predict
from ucls.stages.probe import probe
from ucls.stages.update import update
from ucls.stages.verify import verify

if TYPE_CHECKING:
    from ucls.settings.config import Config

VIT = {
    "n_clusters": 3,
    "features": "cls+fg",
    "extract.backbone": "test_vit",
    "extract.weights": "random",
    "extract.image_size": 64,
    "extract.workers": 0,
    "self_train.inputs": "tokens",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """The photos, one of which is empty."""
    copied = Path(shutil.copytree(photos, tmp_path_factory.mktemp("foreground") / "photos"))
    Image.new("RGB", (9, 9), "grey").save(copied / "plain" / "02.png")
    return copied


@pytest.fixture(scope="module")
def run_and_lines(folder: Path, tiny_config: "Config") -> tuple[Path, list[str]]:
    lines = Lines()
    finished = pipeline.run(
        load_source(str(folder), labels="folders"),
        out=folder.parent / "run",
        cache_dir=folder.parent / "cache",
        config=tiny_config.with_values(VIT),
        reporter=lines,
    )
    return finished.path, lines.said


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_says_what_it_is_of(run_and_lines: tuple[Path, list[str]], folder: Path) -> None:
    path, said = run_and_lines
    run = Run(path)
    assert run.feature_set == "cls+fg"
    assert run.backbones == ["test_vit-foreground-untrained"]
    (entry,) = list_caches(folder.parent / "cache")
    assert entry.spec is not None
    assert entry.spec.feature_sets == ["cls", "cls2", "cls4", "fg", "cls+fg", "cls4+fg"]
    with run.features("train") as features:
        both, alone = features.read("cls+fg"), features.read("fg")
    np.testing.assert_array_equal(both[:, 64:], alone)
    told = [line for line in said if "all patches count as foreground" in line]
    assert len(told) == 1
    assert int(told[0].split()[2]) >= 1


def test_new_images_get_the_same_features(
    run_and_lines: tuple[Path, list[str]], folder: Path, tmp_path: Path
) -> None:
    path, _ = run_and_lines
    predict(path, str(folder), out=tmp_path / "new.csv")
    old = [(row["path"], row["cluster"]) for row in rows_of(path / "labels.csv")]
    assert [(row["path"], row["cluster"]) for row in rows_of(tmp_path / "new.csv")] == old
    first = Predictor(path).predict([folder / old[0][0]])
    assert str(first[0].cluster) == old[0][1]
    checks = verify(next(iter(Run(path).caches["train"].values())), n_sample=3)
    assert [check.name for check in checks if check.outcome != "ok"] == []


def test_what_came_since_is_labelled_too(
    run_and_lines: tuple[Path, list[str]], folder: Path, tmp_path: Path
) -> None:
    path, _ = run_and_lines
    new = folder / "plain" / "new.png"
    shutil.copy(folder / "high" / "00.png", new)
    try:
        result = update(path)
    finally:
        new.unlink()
    assert [row["path"] for row in rows_of(result.path) if row["added"] == "yes"] == [
        "plain/new.png"
    ]


def test_it_can_be_probed(run_and_lines: tuple[Path, list[str]]) -> None:
    figures = probe(run_and_lines[0], settings={"features": "fg"}, protocol="c2bin")
    assert figures["features"].startswith("fg of test_vit")


def test_onnx_cannot_find_it(run_and_lines: tuple[Path, list[str]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which are found by eigenvectors, and these ONNX cannot"):
        export_onnx(run_and_lines[0], out=tmp_path / "model.onnx")


def test_a_cache_of_all_patches_stays_and_another_is_made(
    folder: Path, tmp_path: Path, tiny_config: "Config", lines: Lines
) -> None:
    source = load_source(str(folder))
    for features in ("cls+patch", "fg", "fg"):
        config = tiny_config.with_values({**VIT, "features": features})
        pipeline.extract_source(source, cache_dir=tmp_path, config=config, reporter=lines)
    assert len(list_caches(tmp_path)) == 2
    assert sum("are cached in" in line for line in lines.said) == 1


def test_both_kinds_of_patches_side_by_side(
    folder: Path, tmp_path: Path, tiny_config: "Config"
) -> None:
    config = tiny_config.with_values({**VIT, "features": "cls+patch,fg"})
    with pytest.raises(UsageError, match=r"--features cls\+patch@test_vit,fg@test_vit-foreground"):
        pipeline.start(str(folder), out=tmp_path / "one", config=config)
    named = {"features": "cls+patch@test_vit,fg@test_vit-foreground", "extract.backbone": None}
    run = pipeline.start(
        str(folder), out=tmp_path / "two", cache_dir=tmp_path, config=config.with_values(named)
    )
    assert run.feature_set == named["features"]
    with run.features("train") as features:
        assert features.read(run.feature_set).shape == (60, 3 * 64)


def test_networks_without_patches_are_refused(
    folder: Path, tmp_path: Path, tiny_config: "Config"
) -> None:
    config = tiny_config.with_values({"features": "fg", "extract.backbone": "pixels"})
    with pytest.raises(UsageError, match="features 'fg' were asked for, but backbone pixels gives"):
        pipeline.start(str(folder), out=tmp_path / "run", config=config)
