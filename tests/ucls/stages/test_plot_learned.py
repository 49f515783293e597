import csv
import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Cli
from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError
from ucls.sources import load_source
from ucls.stages.plot_learned import is_learning, plot_learned
from ucls.stages.pretrain import pretrain
from ucls.wording import count

SETTINGS = {
    "arch": "small", "image_size": 16, "epochs": 2, "batch_size": 20, "n_local": 0, "device": "cpu",
    "workers": 0, "method": "uic",
}  # fmt: skip
TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.fixture(autouse=True)
def quick_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ucls.stages.plot_learned.project", lambda x, _: np.float32(x[:, :2] % 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """The photos, one of which cannot be read, and one is called as a figure is."""
    copied = Path(shutil.copytree(photos, tmp_path_factory.mktemp("plot") / "photos"))
    (copied / "plain" / "02.png").write_bytes(b"torn")
    (copied / "plain" / "59.png").rename(copied / "plain" / "map.png")
    return copied


@pytest.fixture(scope="module")
def learned(folder: Path) -> Path:
    source = load_source(str(folder), labels="folders")
    return pretrain(source, out=folder.parent / "learned", settings=SETTINGS).path


def texts_of(path: Path) -> list[str]:
    return [element.text or "" for element in ET.parse(path).getroot().iter(TEXT)]


@pytest.mark.slow
def test_all_figures(learned: Path) -> None:
    plots = plot_learned(learned)
    assert plots.left_out == {}
    stems = ["map", "classes", "sizes", "confusion", "curves", "grid"]
    names = [f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")]
    assert [path.name for path in plots.files] == names
    for path in plots.files[::2]:
        with Image.open(path) as picture:
            assert len(np.unique(np.asarray(picture.convert("L")))) > 10
    with (learned / "clusters.csv").open() as file:
        clusters = [row["cluster"] for row in csv.DictReader(file)]
    sizes = {number: clusters.count(number) for number in set(clusters)}
    titles = " ".join(texts_of(plots.folder / "grid.svg"))
    for number, size in sizes.items():
        assert f"{number} {count(size, 'image')}" in titles
    assert {"0 high", "1 left", "2 plain"} <= set(texts_of(plots.folder / "classes.svg"))
    assert {"loss", "k-NN", "ACC", "NMI"} <= set(texts_of(plots.folder / "curves.svg"))
    record = json.loads((learned / "plots" / "plots.json").read_text())
    assert record["network"] == str(learned / "network.safetensors")
    (plots.folder / "map.png").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"map.png exists and was not written by this command"):
        plot_learned(learned)


def test_the_images_themselves_are_never_replaced(learned: Path, folder: Path) -> None:
    before = (folder / "plain" / "map.png").read_bytes()
    with pytest.raises(UsageError, match=r"map\.png"):
        plot_learned(learned, out=folder / "plain", overwrite=True)
    assert (folder / "plain" / "map.png").read_bytes() == before


@pytest.mark.slow
def test_without_pictures_there_is_no_grid(
    learned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object) -> None:
        raise UnreadableImageError("torn")

    monkeypatch.setattr("ucls.report.plots.grid_figure.tile", unreadable)
    plots = plot_learned(learned, out=tmp_path)
    assert plots.left_out == {"grid": "none of the pictures can be read any more"}


def test_without_clusters_and_labels(folder: Path, tmp_path: Path) -> None:
    values = {**SETTINGS, "method": "simsiam", "dim": 8, "predictor_dim": 4}
    path = pretrain(str(folder), out=tmp_path / "learned", settings=values).path
    plots = plot_learned(path, out=tmp_path / "figures")
    assert [path.name for path in plots.files] == ["curves.png", "curves.svg"]
    assert plots.left_out["map"] == plots.left_out["grid"] == "its method learns no clusters"
    assert plots.left_out["classes"] == "the labels of the images are not known"


@pytest.mark.slow
def test_the_command_tells_networks_from_runs(cli: Cli, learned: Path, tmp_path: Path) -> None:
    outcome = cli("plot", learned, "--out", tmp_path / "figures")
    assert outcome.exit_code == 0, outcome.err
    assert "classes (59 of 60 images): " in outcome.out
    assert (tmp_path / "figures" / "grid.svg").is_file()


def test_what_is_not_finished(learned: Path, tmp_path: Path) -> None:
    shutil.copy(learned / "pretrain.json", tmp_path)
    assert is_learning(tmp_path)
    with pytest.raises(UsageError, match="is not finished: run the same `ucls pretrain` again"):
        plot_learned(tmp_path)
    assert not is_learning(learned.parent)
