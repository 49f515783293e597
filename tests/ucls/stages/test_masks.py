import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Cli, Lines
from ucls.backbones.encoder import Architecture, Encoder
from ucls.backbones.learned import write_network
from ucls.backbones.learned_files import NETWORK
from ucls.errors import MismatchError, UsageError
from ucls.masks import contracam
from ucls.masks.record import RECORD
from ucls.stages.masks import SHEET, masks

TOKENCUT = {
    "backbone": "timm/vit_tiny_patch16_224", "weights": "random", "image_size": 64, "workers": 0,
    "device": "cpu", "batch_size": 4,
}  # fmt: skip


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Nine noisy pictures of several sizes, one of them grey."""
    folder = tmp_path / "photos"
    rng = np.random.default_rng(0)
    for row in range(9):
        path = folder / ("a" if row % 2 else "b") / f"{row}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (20 + row, 30 - row) if row == 3 else (20 + row, 30 - row, 3)
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path)
    return folder


@pytest.fixture
def contra(tmp_path: Path) -> dict[str, object]:
    folder = tmp_path / "learned"
    folder.mkdir()
    encoder = Encoder(Architecture("small", 3, 32))
    write_network(folder / NETWORK, encoder, mean=(0.5,) * 3, std=(0.2,) * 3)
    return {
        "method": "contracam", "backbone": str(folder), "iterations": 2, "batch_size": 4,
        "workers": 0, "device": "cpu",
    }  # fmt: skip


def stamps(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*.png")}


@pytest.mark.parametrize("method", ["tokencut", "contracam"])
def test_each_image_gets_a_mask_of_its_own_size(
    photos: Path, tmp_path: Path, contra: dict[str, object], method: str
) -> None:
    settings = TOKENCUT if method == "tokencut" else contra
    done = masks(photos, out=tmp_path / "masks", settings=settings)
    assert (done.n_written, done.n_kept) == (9, 0)
    assert len(stamps(done.path)) == 9
    for image in photos.rglob("*.jpg"):
        with (
            Image.open(image) as picture,
            Image.open((done.path / image.relative_to(photos)).with_suffix(".png")) as mask,
        ):
            assert (mask.mode, mask.size) == ("L", picture.size)
            assert set(np.unique(np.asarray(mask)).tolist()) <= {0, 255}
    assert (done.path / SHEET).read_text().count("<figure>") == 9
    assert json.loads((done.path / RECORD).read_text())["settings"]["method"] == method


@pytest.mark.slow
@pytest.mark.parametrize("method", ["tokencut", "contracam"])
def test_a_rerun_writes_what_is_missing_as_it_was(
    photos: Path, tmp_path: Path, contra: dict[str, object], method: str, lines: Lines
) -> None:
    settings = TOKENCUT if method == "tokencut" else contra
    out = tmp_path / "masks"
    masks(photos, out=out, settings=settings)
    before, bytes_before = stamps(out), (out / "a" / "5.png").read_bytes()
    assert masks(photos, out=out, settings=settings, reporter=lines).n_kept == 9
    assert any("all 9 in" in line for line in lines.said)
    assert stamps(out) == before
    (out / "a" / "5.png").unlink()
    done = masks(photos, out=out, settings=settings)
    assert (done.n_written, done.n_kept) == (1, 8)
    assert (out / "a" / "5.png").read_bytes() == bytes_before
    changed = {name for name, stamp in stamps(out).items() if before[name] != stamp}
    assert changed == {"a/5.png"}


def test_a_changed_image_gets_another_mask(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "masks"
    masks(photos, out=out, settings=TOKENCUT)
    later = (out / "a" / "1.png").stat().st_mtime_ns + 1_000_000
    os.utime(photos / "a" / "1.jpg", ns=(later, later))
    assert masks(photos, out=out, settings=TOKENCUT).n_written == 1


def test_what_was_stopped_goes_on(
    photos: Path, tmp_path: Path, contra: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = masks(photos, out=tmp_path / "whole", settings=contra).path
    find, seen = contracam.contracam, []

    def stop(*arguments, **options):
        seen.append(arguments)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return find(*arguments, **options)

    monkeypatch.setattr(contracam, "contracam", stop)
    with pytest.raises(KeyboardInterrupt):
        masks(photos, out=tmp_path / "stopped", settings=contra)
    done = masks(photos, out=tmp_path / "stopped", settings=contra)
    assert (done.n_written, done.n_kept) == (6, 3)
    for name in (*stamps(whole), SHEET):
        assert (whole / name).read_bytes() == (done.path / name).read_bytes()


def test_a_sheet_that_a_kill_left_out_is_made(photos: Path, tmp_path: Path) -> None:
    out = masks(photos, out=tmp_path / "masks", settings=TOKENCUT).path
    before = (out / SHEET).read_bytes()
    (out / SHEET).unlink()
    assert masks(photos, out=out, settings=TOKENCUT).n_written == 0
    assert (out / SHEET).read_bytes() == before


@pytest.mark.slow
def test_other_settings_are_refused(
    photos: Path, tmp_path: Path, contra: dict[str, object]
) -> None:
    out = tmp_path / "masks"
    masks(photos, out=out, settings=TOKENCUT)
    with pytest.raises(MismatchError, match=r"holds masks made with other tau: take another --out"):
        masks(photos, out=out, settings=TOKENCUT | {"tau": 0.3})
    with pytest.raises(MismatchError, match=r"made with other method and another network"):
        masks(photos, out=out, settings=contra)
    before = stamps(out)
    done = masks(photos, out=out, settings=TOKENCUT | {"tau": 0.3}, overwrite=True)
    assert done.n_written == 9
    assert all(stamp > before[name] for name, stamp in stamps(out).items())


@pytest.mark.slow
def test_unreadable_images_get_none(photos: Path, tmp_path: Path, lines: Lines) -> None:
    (photos / "a" / "1.jpg").write_bytes(b"no image")
    out = tmp_path / "masks"
    assert masks(photos, out=out, settings=TOKENCUT, reporter=lines).n_written == 8
    assert any("a/1.jpg is left out" in line for line in lines.said)
    assert masks(photos, out=out, settings=TOKENCUT).n_written == 0


def test_features_have_no_masks(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds features, but masks need images"):
        masks(np.random.default_rng(0).normal(size=(20, 4)), out=tmp_path)


def test_the_command_tells_what_it_wrote(cli: Cli, photos: Path, tmp_path: Path) -> None:
    options = ["--set=image_size=64", "--set=workers=0", "--set=batch_size=4"]
    outcome = cli(
        "masks", photos, "--out", tmp_path / "m", "--backbone", "timm/vit_tiny_patch16_224",
        "--weights", "random", *options,
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.err
    assert "9 masks written" in outcome.out
    assert f"to look at: {tmp_path / 'm' / SHEET}" in outcome.out
    outcome = cli("masks", photos, "--out", tmp_path / "m", "--method", "lost")
    assert outcome.exit_code == 2
    assert "should be 'tokencut' or 'contracam', but it is 'lost'" in outcome.err
