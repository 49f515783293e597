import shutil
from pathlib import Path

import pytest

from tests.conftest import Cli


def test_new_images(cli: Cli, shared_photo_run: Path, photos: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "new"))
    (folder / "torn.png").write_bytes(b"\x89PNG")
    outcome = cli("predict", shared_photo_run, folder, "--out", tmp_path / "new.csv")
    assert outcome.exit_code == 0
    assert outcome.out.startswith("60 images in ")
    assert outcome.out.endswith(f" of 3 clusters: {tmp_path / 'new.csv'}\n")
    assert "skipped torn.png: not an image" in outcome.err
    assert len((tmp_path / "new.csv").read_text().splitlines()) == 61


def test_the_default_file(
    cli: Cli, shared_photo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = cli("predict", shared_photo_run, "digits", "--split", "val", "--quiet")
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert len(Path("predictions.csv").read_text().splitlines()) == 361


@pytest.mark.parametrize("option", ["-k", "--clusters"])
def test_a_cut(option: str, cli: Cli, run_path: Path, sources: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.csv"
    outcome = cli("predict", run_path, sources / "blobs-val.npz", option, 2, "--out", out)
    assert outcome.out == f"40 images in 2 of 2 clusters: {out}\n"
    assert out.read_text().startswith("path,cluster,confidence\n")
    outcome = cli("predict", run_path, sources / "blobs-val.npz", option, 99)
    assert outcome.exit_code == 2
    assert "a cut must leave 2 to " in outcome.err


@pytest.mark.parametrize(
    ("source", "part"),
    [("plain.npy", "expected images too"), ("nothing.npy", "no such file or folder")],
)
def test_what_does_not_fit(
    source: str, part: str, cli: Cli, shared_photo_run: Path, sources: Path
) -> None:
    outcome = cli("predict", shared_photo_run, sources / source)
    assert outcome.exit_code == 2
    assert part in outcome.err
    assert not Path("predictions.csv").exists()
