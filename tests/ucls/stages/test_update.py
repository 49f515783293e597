import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Lines
from ucls import pipeline
from ucls.errors import MismatchError, UsageError
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.sources import load_source
from ucls.stages.predict import predict
from ucls.stages.relabel import relabel
from ucls.stages.report import report
from ucls.stages.update import update


def read(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


@pytest.fixture
def folder(own_photo_run: Path, tmp_path: Path) -> Path:
    return tmp_path / "photos"


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir() if file.suffix != ".lock"}


def test_what_came_went_and_changed(own_photo_run: Path, folder: Path, tmp_path: Path) -> None:
    before = files(own_photo_run)
    shutil.copy(folder / "left" / "01.png", folder / "left" / "new.png")
    (folder / "left" / "torn.png").write_bytes(b"")
    (folder / "high" / "03.png").unlink()
    shutil.copy(folder / "left" / "04.png", folder / "plain" / "02.png")  # changed in place
    result = update(own_photo_run)
    assert result[1:5] == (60, 1, 1, 1)
    assert result.skipped == [("left/torn.png", "empty file")]
    after = files(own_photo_run)
    assert after.keys() - before.keys() == {"labels-updated.csv"}
    assert {name: after[name] for name in before} == before

    old, new = read(own_photo_run / "labels.csv"), read(result.path)
    assert list(new) == [p for p in load_source(str(folder)).splits["train"].paths if p in new]
    assert "high/03.png" not in new
    added = {path for path, row in new.items() if row.pop("added") == "yes"}
    assert added == {"left/new.png", "plain/02.png"}
    for path in new.keys() - added:
        assert new[path] == old[path]
    predict(own_photo_run, str(folder), out=tmp_path / "all.csv")
    predicted = read(tmp_path / "all.csv")
    for path in added:
        assert new[path] == predicted[path] | {"split": "train"}


def test_nothing_new(own_photo_run: Path, lines: Lines) -> None:
    result = update(own_photo_run, reporter=lines)
    assert result[1:] == (60, 0, 0, 0, [], "")
    assert [row.pop("added") for row in read(result.path).values()] == ["no"] * 60


def test_again_and_again(own_photo_run: Path, folder: Path) -> None:
    for number in (1, 2):
        shutil.copy(folder / "left" / "01.png", folder / f"new{number}.png")
        assert update(own_photo_run).n_new == number


@pytest.mark.slow
def test_validation_images(photos: Path, tmp_path: Path, tiny_config: Config) -> None:
    for name in ("train", "val"):
        shutil.copytree(photos, tmp_path / name)
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    run = pipeline.run(
        load_source(str(tmp_path / "train"), val=str(tmp_path / "val")),
        out=tmp_path / "run",
        config=tiny_config.with_values({"n_clusters": 3, **pixels}),
    ).path
    shutil.copy(photos / "left" / "01.png", tmp_path / "val" / "new.png")
    result = update(run)
    assert result[1:5] == (121, 1, 0, 0)
    assert read(result.path)["new.png"]["split"] == "val"


def test_corrected_clusters(own_photo_run: Path, folder: Path, tmp_path: Path) -> None:
    update(own_photo_run)
    (tmp_path / "edits.toml").write_text(
        'schema = 1\n[[edits]]\ndo = "merge"\nclusters = [1]\ninto = 0\n'
        '[[edits]]\ndo = "rename"\ncluster = 0\nname = "birds"\n'
    )
    relabel(own_photo_run, tmp_path / "edits.toml")
    assert not (own_photo_run / "labels-updated.csv").exists()  # it told the clusters of before
    shutil.copy(folder / "left" / "01.png", folder / "left" / "new.png")
    rows = read(update(own_photo_run).path)
    assert rows["left/new.png"]["cluster"] == rows["left/01.png"]["cluster"]
    assert rows["left/new.png"]["name"] == rows["left/01.png"]["name"]
    assert {row["name"] for row in rows.values()} == {"birds", ""}


def test_images_of_another_kind_make_a_new_run_due(own_photo_run: Path, folder: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(6):  # of the kinds there are
        pixels = rng.integers(0, 120, (12, 12, 3))
        pixels[:, :6] += 130
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"same{number}.png")
    assert update(own_photo_run).misfit == ""
    stripes = np.zeros((16, 16, 3), np.uint8)
    stripes[4:8] = 255
    stripes[12:] = 255
    for number in range(12):
        stripes[0, 0] = number
        Image.fromarray(stripes).save(folder / f"other{number}.png")
    told = update(own_photo_run).misfit
    assert told.endswith(
        "of the new images are less like any training image than 95% of these are like another"
    )
    assert told.startswith("67%")


def test_without_the_features_paths_tell(
    own_photo_run: Path, folder: Path, lines: Lines, tmp_path: Path
) -> None:
    record = Run(own_photo_run).folder
    gone = {"train": {"pixels": str(tmp_path / "gone.h5")}}
    record.update(data={**record.record["data"], "caches": gone})
    shutil.copy(folder / "left" / "01.png", folder / "left" / "new.png")
    os.utime(folder / "left" / "04.png", (5, 5))
    result = update(own_photo_run, reporter=lines)
    assert (result.n_new, result.n_changed) == (1, 0)
    assert any("changed in place are not told" in line for line in lines.said)


def test_the_report_is_made_after_an_update(own_photo_run: Path, folder: Path) -> None:
    shutil.copy(folder / "left" / "01.png", folder / "left" / "new.png")
    update(own_photo_run)
    report(own_photo_run)


@pytest.mark.slow
def test_a_finished_run_is_kept_when_its_images_change(
    photos: Path, tmp_path: Path, tiny_config: Config
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values({"n_clusters": 3, **pixels})
    run = pipeline.run(str(folder), out=tmp_path / "run", config=config).path
    before = files(run)
    shutil.copy(folder / "left" / "01.png", folder / "left" / "new.png")
    other = pipeline.run(str(folder), out=tmp_path / "other", config=config).path
    assert (len(Run(run).features("train")), len(Run(other).features("train"))) == (60, 61)
    with pytest.raises(
        MismatchError, match=r"changed since .*: ucls update .* labels the new ones"
    ):
        pipeline.run(str(folder), out=run, config=config)
    assert files(run) == before
    report(run)
    pipeline.run(str(folder), out=run, config=config, overwrite=True)
    assert len(read(run / "labels.csv")) == 61


def test_runs_without_image_files(shared_run: Path, tmp_path: Path, tiny_config: Config) -> None:
    with pytest.raises(UsageError, match="expected one of a folder or list of images"):
        update(shared_run)
