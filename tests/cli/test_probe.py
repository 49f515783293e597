import json
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Cli
from ucls.settings.probe import PROTOCOLS, LarsProtocol


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    one = LarsProtocol((20.0,), 30, 32, weight_decay=0.0, falls=True)
    monkeypatch.setitem(PROTOCOLS, "self-classifier", one)
    several = LarsProtocol((5.0, 20.0), 30, 32, weight_decay=0.0, falls=True)
    monkeypatch.setitem(PROTOCOLS, "c2bin", several)


def test_the_table_and_all_figures(cli: Cli, run_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "probe.json"
    outcome = cli("probe", run_path, "--protocol", "c2bin", "--json", file)
    assert outcome.exit_code == 0
    for row in ("5-NN, votes by similarity", "20-NN, majority of votes", "best of 2 rates"):
        assert row in outcome.out
    assert "120-NN" in outcome.out
    assert "200-NN" not in outcome.out
    assert "picked by the labels that it is scored with" in outcome.out
    assert f"all figures: {file}" in outcome.out
    figures = json.loads(file.read_text())
    assert figures["linear_probe"]["protocol"] == "c2bin"
    again = cli("probe", run_path, "--protocol", "c2bin", "--json", file)
    assert again.exit_code == 2
    assert "--overwrite" in again.err
    printed = cli("probe", run_path, "--protocol", "c2bin", "--json", "-", "-q")
    assert json.loads(printed.out) == figures
    assert "5-NN" in printed.err


def test_sources_and_caches(cli: Cli, sources: Path) -> None:
    options = ("--protocol", "self-classifier")
    val = ("--val", sources / "blobs-val.npz")
    of_source = cli("probe", sources / "blobs.npz", *val, *options)
    assert "40 to score (val)" in of_source.err
    assert "linear probe (self-classifier) │" in of_source.out
    assert "picked by the labels" not in of_source.out
    of_cache = cli("probe", "blobs-train", "--val", "blobs_val", *options)
    assert of_cache.out.splitlines()[1:] == of_source.out.splitlines()[1:]
    assert of_source.out.splitlines()[0] == "blobs, 4 classes"


def test_what_is_wrong_is_one_sentence(cli: Cli, run_path: Path, sources: Path) -> None:
    for arguments, said in (
        ((sources / "plain.npy",), "plain has no labels"),
        ((run_path, "--labels", "folders"), "--labels has no part in"),
        ((run_path, "--data-dir", "x"), "--data-dir has no part in"),
        ((run_path, "--backbone", "pixels"), "would change the features"),
        (("missing-train",), "unknown dataset 'missing-train'"),
        ((run_path, "--protocol", "best"), "'best' is not one of"),
        ((run_path, "--masks", "m", "--val", "x"), "--val has no part in"),
        ((run_path, "--masks", "m", "--cache-dir", "x"), "--cache-dir has no part in --masks"),
        ((run_path, "--masks", "m", "--prepare", "pca"), "--prepare has no part in --masks"),
        ((run_path, "--masks", "m", "--features", "fg"), "--features has no part in --masks"),
    ):
        outcome = cli("probe", *arguments)
        assert outcome.exit_code == 2
        assert said in outcome.err
        assert outcome.err.count("\n") == 1


def test_a_segmentation_probe(cli: Cli, tmp_path: Path) -> None:
    for folder, mode in (("images", "RGB"), ("masks", "L")):
        (tmp_path / folder).mkdir()
        for row in range(4):
            picture = Image.new(mode, (4, 4))
            picture.paste("white", (row % 2, 0, 2 + row % 2, 4))
            picture.save(tmp_path / folder / f"{row}.png")
    model = ("--backbone", "test_vit", "--weights", "random", "--protocol", "self-classifier")
    file, masks = tmp_path / "probe.json", tmp_path / "masks"
    outcome = cli("probe", tmp_path / "images", "--masks", masks, *model, "--json", file)
    assert outcome.exit_code == 0, outcome.err
    for row in ("mean IoU", "pixel accuracy", "pixels of 255", "2 classes"):
        assert row in outcome.out
    assert json.loads(file.read_text())["n_train"] == 3
