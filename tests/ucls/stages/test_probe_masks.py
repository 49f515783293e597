from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import Lines
from ucls.backbones.encoder import Architecture, Encoder
from ucls.backbones.learned import write_network
from ucls.backbones.learned_files import NETWORK
from ucls.cache import write_json
from ucls.errors import UsageError
from ucls.pipeline import start
from ucls.pretraining.record import RECORD
from ucls.settings.config import Config
from ucls.settings.probe import PROTOCOLS, LarsProtocol
from ucls.sources import load_source
from ucls.stages.probe_masks import probe_masks

VIT = {
    "extract.backbone": "test_vit",
    "extract.weights": "random",
    "extract.image_size": 80,
    "extract.workers": 0,
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    one = LarsProtocol((2.0, 5.0), 20, 64, weight_decay=0.0, falls=True)
    monkeypatch.setitem(PROTOCOLS, "c2bin", one)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red and green squares on noise, with masks of 0, 1 and 7, two of which are missing."""
    folder = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    (folder / "masks" / "in").mkdir(parents=True)
    (folder / "images" / "in").mkdir(parents=True)
    for row in range(22):
        pixels = rng.integers(0, 90, (80, 80, 3)).astype(np.uint8)
        mask = np.zeros((80, 80), np.uint8)
        y, x = 16 * rng.integers(0, 4, 2)
        pixels[y : y + 32, x : x + 32, row % 2] = 250
        mask[y : y + 32, x : x + 32] = (1, 7)[row % 2]
        Image.fromarray(pixels).save(folder / "images" / "in" / f"{row}.png")
        if row > 1:
            small = Image.fromarray(mask).resize((40, 40), Image.Resampling.NEAREST)
            small.save(folder / "masks" / "in" / f"{row}.png")
    return folder


def learned(folder: Path, arch: str) -> Path:
    """A network that was never trained, as ``ucls pretrain`` leaves it."""
    path = folder / arch
    torch.manual_seed(0)
    path.mkdir()
    write_network(
        path / NETWORK, Encoder(Architecture(arch, 3, 32)), mean=(0.4,) * 3, std=(0.3,) * 3
    )
    write_json(path / RECORD, {"source": {"source": str(folder / "images")}})
    return path


def test_patches_of_a_vit_tell_what_lies_there(folder: Path, lines: Lines) -> None:
    source = load_source(str(folder / "images"))
    figures = probe_masks(source, folder / "masks", protocol="c2bin", settings=VIT, reporter=lines)
    assert (figures["n_train"], figures["n_val"], figures["held_out"]) == (16, 4, True)
    assert figures["classes"] == [0, 1, 7]
    found = figures["segmentation"]
    assert found["mean_iou"] > 0.6
    assert found["pixel_accuracy"] > 0.9
    assert np.mean(list(found["iou"].values())) == pytest.approx(found["mean_iou"])
    assert found["mean_iou"] == max(one["mean_iou"] for one in found["by_rate"])
    assert "16 images to learn from, 4 to score (a held-out fifth)" in lines.said[0]
    assert probe_masks(source, folder / "masks", protocol="c2bin", settings=VIT) == figures


@pytest.mark.parametrize("arch", ["small", "vit_tiny_patch16_224"])
def test_a_learned_network_does_too(folder: Path, arch: str) -> None:
    figures = probe_masks(
        learned(folder, arch),
        folder / "masks",
        protocol="c2bin",
        settings={"extract.workers": 0},
    )
    assert figures["features"] == f"patches of learned:{arch}"
    assert figures["segmentation"]["pixel_accuracy"] > 0.7


def test_a_run_with_val(folder: Path, tmp_path: Path) -> None:
    val = tmp_path / "val"
    (val / "in").mkdir(parents=True)
    for row in (4, 5, 6):
        (val / "in" / f"{row}.png").write_bytes((folder / f"images/in/{row}.png").read_bytes())
    source = load_source(str(folder / "images"), val=str(val))
    run = start(source, out=tmp_path / "run", config=Config(n_clusters=2).with_values(VIT))
    figures = probe_masks(run.folder.path, folder / "masks", protocol="c2bin")
    assert (figures["n_train"], figures["n_val"], figures["held_out"]) == (20, 3, False)
    assert figures["features"] == "patches of test_vit-untrained"


def test_what_cannot_be_probed(folder: Path, tmp_path: Path, run_path: Path, sources: Path) -> None:
    images = load_source(str(folder / "images"))
    for source, masks, settings, said in (
        (images, tmp_path, VIT, r"0 images of images have a mask in .*: the mask of a/b.jpg is"),
        (images, folder / "masks", {"extract.backbone": "pixels"}, "pixels gives one vector per"),
        (images, folder / "masks", {**VIT, "extract.image_size": (80, 96)}, "square image size"),
        (run_path, folder / "masks", {}, "is a run on features, which have no places"),
        ("blobs-train", folder / "masks", {}, "holds no images to lay masks on"),
        (load_source(str(sources / "blobs.npz")), folder / "masks", {}, "blobs holds features"),
    ):
        with pytest.raises(UsageError, match=said):
            probe_masks(source, masks, settings=settings)
    for row in range(22):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.new("L", (4, 4), 3).save(tmp_path / "in" / f"{row}.png")
    with pytest.raises(UsageError, match=r"all pixels of the masks in .* are 3"):
        probe_masks(images, tmp_path, settings=VIT)
