import shutil
from pathlib import Path

import pytest

from tests.conftest import Cli


def test_without_a_run_only_the_cache_is_written(
    cli: Cli, photos: Path, tmp_path: Path, own_cache: Path
) -> None:
    options = ["--backbone", "pixels", "--set", "extract.workers=0"]
    outcome = cli("extract", photos, *options, "--cache-dir", tmp_path / "other")
    (path,) = (tmp_path / "other").glob("*.h5")
    assert (outcome.exit_code, outcome.out) == (0, f"train: {path}\n")
    assert not own_cache.exists()
    assert not (tmp_path / "runs").exists()


def test_stage_by_stage_as_each_tells(
    cli: Cli, sources: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    run = tmp_path / "a"
    source = ["extract", sources / "plain.npy", "-k", 4, "--out", run]
    outcome = cli(*source, *tiny_options)
    commands = []
    while "next: ucls " in outcome.out:
        _, _, command, *arguments = outcome.out.splitlines()[-1].split()
        commands.append(command)
        assert arguments == [str(run)]
        outcome = cli(command, *arguments)
        assert outcome.exit_code == 0
        if command == "ensemble":
            assert "mcla (chosen)" in outcome.out
            break
    assert commands == ["neighbors", "train", "merge", "ensemble"]
    outcome = cli("self-train", run)
    assert outcome.out == f"{run / 'labels.csv'}\nnext: ucls evaluate {run}\n"
    assert "k-means" in cli("evaluate", run).out


def test_a_stage_too_early_names_each_command_to_run_first(
    cli: Cli, sources: Path, tmp_path: Path
) -> None:
    run = tmp_path / "a"
    assert cli("extract", sources / "plain.npy", "-k", 4, "--out", run).exit_code == 0
    for command, needed in (
        ("evaluate", "train"),
        ("self-train", "ensemble"),
        ("ensemble", "train"),
        ("merge", "train"),
        ("train", "neighbors"),
        ("predict", "self-train"),
    ):
        more = [sources / "plain.npy"] if command == "predict" else []
        outcome = cli(command, run, *more)
        assert (outcome.exit_code, outcome.out) == (1, "")
        assert outcome.err.endswith(f"run first: ucls {needed} {run}\n")


def test_the_first_images_that_cannot_be_read_are_told(
    cli: Cli, photos: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    for number in range(12):
        (folder / f"torn{number:02d}.png").touch()
    outcome = cli("extract", folder, "--backbone", "pixels", "--set", "extract.workers=0")
    told = [line for line in outcome.err.splitlines() if line.startswith("skipped ")]
    assert told[0] == "skipped torn00.png (train): empty file"
    assert told[10:] == ["skipped 2 more; all: ucls cache info NAME"]
    assert "torn11.png: empty file" in cli("cache", "info", "photos").out


def test_what_belongs_to_a_run_needs_one(cli: Cli, photos: Path) -> None:
    for option in (["-k", 3], ["--seed", 0]):
        outcome = cli("extract", photos, *option)
        assert outcome.exit_code == 2
        assert "-k and --seed belong to a run: pass --out too" in outcome.err


def test_features_that_do_not_exist(cli: Cli, photos: Path) -> None:
    outcome = cli("extract", photos, "--features", "cls3")
    assert outcome.exit_code == 2
    assert (
        "features: expected cls, cls+patch, cls2, cls4, cls4+patch, fg, cls+fg or cls4+fg, or"
        in outcome.err
    )
    assert "but it is 'cls3'" in outcome.err


@pytest.mark.slow
def test_an_untrained_backbone_is_marked_in_every_result(
    cli: Cli, photos: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    """As in README: ``--backbone timm/test_vit --weights random``."""
    mark = "untrained: test_vit-untrained. A trial run: its clusters mean nothing."
    options = ["--set", "extract.workers=0", "--set", "extract.image_size=32", *tiny_options]
    run = ["--backbone", "timm/test_vit", "--weights", "random", "--out", tmp_path / "a"]
    outcome = cli("run", photos, "-k", 3, *run, *options)
    assert outcome.exit_code == 0
    assert mark in outcome.out
    assert "WARNING: test_vit is untrained (random weights)" in outcome.err
    assert mark in cli("evaluate", tmp_path / "a", "-q").out
    assert mark in cli("predict", tmp_path / "a", photos, "--out", tmp_path / "b.csv").out
    assert "test_vit-untrained" in cli("cache", "ls").out


@pytest.mark.slow
def test_a_folder_of_transformers_needs_no_name(
    cli: Cli, photos: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    from transformers import Dinov2Config, Dinov2Model

    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Dinov2Config(**small, image_size=28, patch_size=14)  # type: ignore[arg-type]
    folder = tmp_path / "folder"
    Dinov2Model(config).save_pretrained(folder)
    cache = ["--cache-dir", tmp_path / "cache", "--set", "extract.workers=0"]
    first = cli("extract", photos, "--weights", folder, *cache)
    assert first.exit_code == 0
    assert "dinov2_32x2_patch14-28" in first.out
    again = cli("extract", photos, "--backbone", folder, *cache)
    assert "features are cached" in again.err
    wrong = cli(
        "extract", photos, "--backbone", "facebook/dinov2-small", "--weights", folder, *cache
    )
    assert wrong.exit_code == 2
    assert "holds dinov2_32x2_patch14, which is not dinov2_vits14" in wrong.err
    run = ["--out", tmp_path / "a", "--weights", folder, *cache]
    assert cli("run", photos, "-k", 3, *run, *tiny_options).exit_code == 0
    moved = folder.rename(tmp_path / "moved")
    predict = ["predict", tmp_path / "a", photos, "--out", tmp_path / "b.csv"]
    assert cli(*predict, "--weights", moved).exit_code == 0


@pytest.mark.slow
def test_an_image_encoder_in_onnx(
    cli: Cli, photos: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    import torch

    path = tmp_path / "encoder.onnx"
    encoder = torch.nn.Conv2d(3, 8, 16, 16)
    tokens = torch.nn.Sequential(encoder, torch.nn.Flatten(2)).eval()
    axes = {"images": {0: "batch"}}
    example = (torch.zeros(2, 3, 32, 32),)
    torch.onnx.export(
        tokens, example, path, dynamo=False, input_names=["images"], dynamic_axes=axes
    )
    workers = ["--set", "extract.workers=0"]
    run = ["--backbone", f"onnx:{path}", "--out", tmp_path / "a", *workers, *tiny_options]
    first = cli("run", photos, "-k", 3, *run)
    assert first.exit_code == 0
    assert "note: backbone onnx:encoder takes the first of 8 tokens" in first.err
    assert cli("predict", tmp_path / "a", photos, "--out", tmp_path / "b.csv").exit_code == 0
    exported = cli("export", tmp_path / "a", "--onnx", tmp_path / "model.onnx")
    assert exported.exit_code == 2
    assert "backbone onnx:encoder is an ONNX file already" in exported.err
    refused = cli("extract", photos, "--backbone", f"onnx:{path}", "--features", "cls4", *workers)
    assert "backbone onnx:encoder gives one vector per image" in refused.err
    precise = ["--set", "extract.precision=float16"]
    assert "saved with, got float16" in cli("extract", photos, *run[:2], *precise).err
