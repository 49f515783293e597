import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import Cli


def test_new_images(cli: Cli, own_photo_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    shutil.copy(folder / "left" / "01.png", folder / "left" / "new.png")
    (folder / "left" / "torn.png").touch()
    outcome = cli("update", own_photo_run)
    target = own_photo_run / "labels-updated.csv"
    assert outcome.out == f"1 new, 0 gone, 0 changed; 61 images: {target}\n"
    assert "skipped left/torn.png: empty file" in outcome.err
    assert outcome.exit_code == 0


def test_a_new_run_is_due(cli: Cli, own_photo_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for number in range(8):
        stripes = np.zeros((16, 16, 3), np.uint8)
        stripes[4:8] = stripes[12:] = 255 - number
        Image.fromarray(stripes).save(folder / f"{number}.png")
    outcome = cli("update", own_photo_run)
    command = f"ucls run {folder.resolve()} -k 3 --out {own_photo_run}-new"
    assert outcome.out.endswith(f"the clusters no longer fit; a new run is due: {command}\n")


def test_what_is_no_run(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("update", tmp_path)
    assert outcome.exit_code == 2
    assert "is not a run folder" in outcome.err
