import json
import re
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ucls import pipeline
from ucls.config import Config
from ucls.errors import UclsError, UsageError
from ucls.runs.image_labels import read_labels, write_labels
from ucls.runs.pictures import CHANGED
from ucls.runs.run import Run
from ucls.sources import load_source
from ucls.stages.plot import plot

TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.fixture
def quick_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map that takes no time, for tests of all but the map."""
    monkeypatch.setattr("ucls.stages.plot.project", lambda x, seed: np.float32(x[:, :2] % 1))


def names_of(files: list[Path]) -> list[str]:
    return [path.name for path in files]


def texts_of(path: Path) -> list[str]:
    return [element.text or "" for element in ET.parse(path).getroot().iter(TEXT)]


@pytest.mark.slow
def test_all_figures_of_photos_with_labels(photo_run_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in photo_run_path.iterdir()}
    plots = plot(photo_run_path)
    assert plots.folder == photo_run_path / "plots"
    stems = ["map", "sizes", "confusion", "curves", "grid"]
    assert names_of(plots.files) == [f"{s}.{kind}" for s in stems for kind in ("png", "svg")]
    assert plots.left_out == {}
    metrics = json.loads((photo_run_path / "metrics.json").read_text())
    accuracy = metrics["train"]["self_training"]["acc"]
    assert plots.notes == {"confusion": f"ACC {accuracy:.3f} over train"}
    for path in plots.files[::2]:
        with Image.open(path) as picture:
            assert picture.size[0] in (1020, 2100)
            assert len(np.unique(np.asarray(picture.convert("L")))) > 10
    titles = " ".join(texts_of(photo_run_path / "plots" / "grid.svg"))
    for number, size in read_labels(Run(photo_run_path)).sizes().items():
        assert f"{number} {size} images" in titles
    shown = texts_of(photo_run_path / "plots" / "confusion.svg")
    assert {"high", "left", "plain"} <= set(shown)
    assert {n: (photo_run_path / n).read_bytes() for n in before} == before


@pytest.mark.slow
@pytest.mark.usefixtures("quick_map")
def test_features_have_no_pictures_which_is_said(run_path: Path) -> None:
    plots = plot(run_path)
    assert plots.left_out == {"grid": "features made elsewhere have no pictures"}
    assert len(plots.files) == 8


@pytest.mark.slow
@pytest.mark.usefixtures("quick_map")
def test_without_labels_there_is_no_confusion_matrix(
    sources: Path, tmp_path: Path, tiny_config: Config
) -> None:
    path = pipeline.run(
        load_source(str(sources / "plain.npy")), out=tmp_path / "run", config=tiny_config
    ).path
    assert plot(path).left_out["confusion"] == "the labels of the images are not known"
    (path / "train.jsonl").write_text("")
    with pytest.raises(UsageError, match="not a run folder"):
        plot(tmp_path)
    assert "no record of its training" in plot(path).left_out["curves"]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_map")
def test_corrected_labels_and_hostile_names(photo_run_path: Path) -> None:
    run = Run(photo_run_path)
    labels = read_labels(run)
    clusters = labels.clusters.copy()
    clusters[:5] = -1
    names = {0: r"$\frac{1}{0}$ & <b>", 1: "two\nlines" + "y" * 4000, 2: "\u202e\udcff\x00"}
    write_labels(run, replace(labels, clusters=clusters, names=names))
    plots = plot(photo_run_path)
    assert plots.left_out == {}
    shown = texts_of(plots.folder / "sizes.svg")
    assert r"0 $\frac{1}{0}$ & <b>" in shown
    assert "in no cluster" in shown
    record = json.loads((plots.folder / "plots.json").read_text())
    assert record["labels"] == "as corrected"


@pytest.mark.usefixtures("quick_map")
def test_all_images_marked_as_wrong(photo_run_path: Path) -> None:
    run = Run(photo_run_path)
    labels = read_labels(run)
    write_labels(run, replace(labels, clusters=np.full_like(labels.clusters, -1)))
    plots = plot(photo_run_path)
    assert names_of(plots.files[::2]) == ["map.png", "curves.png"]
    assert plots.left_out["grid"] == "no image is in a cluster"


@pytest.mark.slow
@pytest.mark.usefixtures("quick_map")
def test_a_sample_is_told(run_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ucls.report import sample

    monkeypatch.setattr(
        "ucls.stages.plot.sample_rows",
        lambda clusters, *, seed: sample.sample_rows(clusters, 50, seed=seed),
    )
    notes = plot(run_path).notes
    assert notes["map"] == "50 of 160 images"
    assert re.fullmatch(r"ACC [01]\.\d{3} over train and val", notes["confusion"])


@pytest.mark.slow
@pytest.mark.usefixtures("quick_map")
def test_the_grid_has_the_largest_clusters_and_skips_what_is_gone(
    photos: Path, tmp_path: Path, tiny_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.stages.plot.MOST_ROWS", 2)
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values({"n_clusters": 3, **pixels})
    path = pipeline.run(str(folder), out=tmp_path / "run", config=config).path
    for number in range(0, 30, 3):
        (folder / "high" / f"{number:02d}.png").write_bytes(b"no picture")
    plots = plot(path)
    assert plots.notes["grid"] == "the 2 largest of 3 clusters"
    assert sum("image" in text for text in texts_of(plots.folder / "grid.svg")) == 2
    for file in folder.rglob("*.png"):
        file.write_bytes(b"no picture")
    again = plot(path, out=tmp_path / "again")
    assert again.left_out["grid"] == CHANGED
    shutil.rmtree(folder)
    assert "cannot be opened" in plot(path, out=tmp_path / "again").left_out["grid"]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_map")
def test_only_its_own_unchanged_files_are_replaced(run_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "figures"
    first = {path.name: path.read_bytes() for path in plot(run_path, out=out).files}
    assert {path.name: path.read_bytes() for path in plot(run_path, out=out).files} == first
    (out / "map.svg").write_bytes(first["map.svg"] + b"<!-- my colours -->")
    with pytest.raises(UsageError, match=r"map\.svg exists and was not written by this command"):
        plot(run_path, out=out)
    (out / "map.svg").unlink()
    (out / "grid.png").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"grid\.png exists"):
        plot(run_path, out=out)
    assert not (out / "map.svg").exists()
    assert (out / "grid.png").read_bytes() == b"mine"
    plot(run_path, out=out, overwrite=True)
    assert (out / "map.svg").read_bytes() == first["map.svg"]


@pytest.mark.usefixtures("quick_map")
def test_a_record_of_others_is_kept(run_path: Path, tmp_path: Path) -> None:
    for text in ("{}", "[1]", "notes", '{"made_by": "ucls plot"}', '{"sha256": {}}'):
        (tmp_path / "plots.json").write_text(text)
        with pytest.raises(UsageError, match=r"plots\.json exists"):
            plot(run_path, out=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="expected a folder for the plots, got the file"):
        plot(run_path, out=tmp_path / "file")


@pytest.mark.slow
@pytest.mark.usefixtures("quick_map")
def test_images_that_the_run_was_made_of_are_never_replaced(
    photos: Path, tmp_path: Path, tiny_config: Config
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    (folder / "plain" / "02.png").rename(folder / "map.png")
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values({"n_clusters": 3, **pixels})
    path = pipeline.run(str(folder), out=tmp_path / "run", config=config).path
    before = (folder / "map.png").read_bytes()
    with pytest.raises(UsageError, match="one of the files that this command reads"):
        plot(path, out=folder, overwrite=True)
    assert (folder / "map.png").read_bytes() == before


def test_a_run_that_is_not_labelled(run_path: Path) -> None:
    (run_path / "labels.csv").unlink()
    with pytest.raises(UclsError, match="run first: ucls self-train"):
        plot(run_path)
    assert not (run_path / "plots").exists()
