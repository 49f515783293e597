import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Cli
from tests.ucls.stages.test_pretrain import assert_same
from ucls.errors import MismatchError, UsageError
from ucls.pretraining import loop
from ucls.stages.pretrain import pretrain

N_IMAGES = 40
METHODS = ("segins-s", "segins-m")
SETTINGS = {
    "arch": "small", "image_size": 16, "epochs": 2, "batch_size": 16, "n_local": 1, "dim": 8,
    "device": "cpu", "workers": 0,
}  # fmt: skip
OWN = {
    "segins-s": {"predictor_dim": 4},
    "segins-m": {"queue": 10, "batch_norm_groups": 2, "momentum": 0.9},
}


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    """Bright discs on dark noise; their masks lie beside them."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:18, :20]
    for row in range(N_IMAGES):
        pixels = rng.integers(0, 90, (18, 20, 3))
        is_disc = (y - 9) ** 2 + (x - rng.integers(6, 14)) ** 2 < 30
        pixels[is_disc] += 150
        for folder, picture in (("images", pixels), ("masks", np.where(is_disc, 255, 0))):
            path = tmp_path / folder / f"{row % 2}" / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.astype(np.uint8)).save(path)
    return tmp_path / "images"


@pytest.fixture
def masks(drawings: Path) -> Path:
    return drawings.with_name("masks")


def settings_of(method: str, masks: Path, **change: object) -> dict[str, object]:
    return SETTINGS | {"method": method, "masks": masks} | OWN[method] | change


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_it_learns_with_masks_and_goes_on_where_it_was_stopped(
    drawings: Path,
    masks: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    settings = settings_of(method, masks)
    done = pretrain(drawings, out=tmp_path / "whole", settings=settings)
    assert np.isfinite(done.figures["loss"])
    step, seen = loop.Training._step, []

    def stop(self, *arguments):
        seen.append(arguments)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(loop.Training, "_step", stop)
    monkeypatch.setattr(loop.Checkpoint, "is_due", lambda _: True)
    with pytest.raises(KeyboardInterrupt):
        pretrain(drawings, out=tmp_path / "stopped", settings=settings)
    pretrain(drawings, out=tmp_path / "stopped", settings=settings)
    assert_same(tmp_path / "whole", tmp_path / "stopped")


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_masks_change_what_is_learned(
    drawings: Path,
    masks: Path,
    tmp_path: Path,
    method: str,
) -> None:
    pretrain(drawings, out=tmp_path / "a", settings=settings_of(method, masks))
    unweighted = settings_of(method, masks, segmentation_weight=0.0)
    pretrain(drawings, out=tmp_path / "b", settings=unweighted)
    with pytest.raises(AssertionError):
        assert_same(tmp_path / "a", tmp_path / "b")
    mask = next(masks.rglob("*.png"))
    Image.new("L", Image.open(mask).size, 255).save(mask)
    with pytest.raises(MismatchError, match=r"a training of other images or masks"):
        pretrain(drawings, out=tmp_path / "a", settings=settings_of(method, masks))


@pytest.mark.parametrize("method", METHODS)
def test_wrong_masks_and_networks_are_one_sentence(
    drawings: Path,
    masks: Path,
    tmp_path: Path,
    method: str,
) -> None:
    out = tmp_path / "run"
    with pytest.raises(UsageError, match=r"masks: SegIns learns from masks .* as --masks, which"):
        pretrain(drawings, out=out, settings=settings_of(method, masks) | {"masks": None})
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere with masks: make them"):
        pretrain(drawings, out=out, settings=settings_of(method, tmp_path / "nowhere"))
    vit = settings_of(method, masks, arch="vit_tiny_patch16_224")
    with pytest.raises(UsageError, match=r"SegIns needs a network with maps of what is where"):
        pretrain(drawings, out=out, settings=vit)
    for path in sorted(masks.rglob("*.png"))[:3]:
        path.unlink()
    with pytest.raises(UsageError, match=r"3 images of 40 have no mask in .*masks, such as"):
        pretrain(drawings, out=tmp_path / "other", settings=settings_of(method, masks))


def test_other_methods_take_no_masks(drawings: Path, masks: Path) -> None:
    with pytest.raises(UsageError, match=r"masks: no such setting"):
        pretrain(drawings, settings=SETTINGS | {"method": "simsiam", "masks": masks})


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_the_command_takes_the_masks_that_the_other_one_made(
    cli: Cli,
    drawings: Path,
    tmp_path: Path,
    method: str,
) -> None:
    masks = tmp_path / "made"
    made = cli(
        "masks", drawings, "--out", masks, "--backbone", "timm/vit_tiny_patch16_224", "--weights",
        "random", "--set=image_size=32", "--set=workers=0",
    )  # fmt: skip
    assert made.exit_code == 0, made.err
    options = [
        f"--set={name}={value}"
        for name, value in (SETTINGS | OWN[method]).items()
        if name not in ("arch", "epochs", "device")
    ]
    outcome = cli(
        "pretrain", drawings, "--method", method, "--arch", "small", "--epochs", 2, "--masks",
        masks, *options, "--set=segmentation=bce", "--out", tmp_path / "run",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.err
    assert f"next: ucls run {drawings} --backbone {tmp_path / 'run'}" in outcome.out


@pytest.mark.slow
def test_processes_that_share_a_batch_take_the_same_step(
    drawings: Path, masks: Path, tmp_path: Path
) -> None:
    settings = SETTINGS | OWN["segins-s"] | {"batch_size": 40, "epochs": 1}
    options = [f"--set={name}={json.dumps(value)}" for name, value in settings.items()]
    for name, before in (
        ("alone", ()),
        ("shared", ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")),
    ):
        command = [
            sys.executable, *before, "-m", "ucls", "pretrain", str(drawings), "--method",
            "segins-s", "--masks", str(masks), *options, "--out", str(tmp_path / name),
        ]  # fmt: skip
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "alone", tmp_path / "shared", within=1e-5)
