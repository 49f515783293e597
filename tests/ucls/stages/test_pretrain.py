import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import Cli, Lines
from tests.ucls.datasets import layouts
from ucls.backbones.learned import read_network
from ucls.backbones.learned_files import NETWORK
from ucls.cache import read_tensors
from ucls.cache.locks import folder_lock
from ucls.errors import MismatchError, UclsError, UsageError
from ucls.pretraining import loop
from ucls.pretraining.record import CHECKPOINT, CLUSTERS, LOCK, LOG, RECORD
from ucls.settings import pretraining_methods
from ucls.settings.pretraining import PretrainConfig, fit_pretrain_config
from ucls.sources import load_source
from ucls.stages.pretrain import pretrain, typical_side
from ucls.types import Labels

COMMON = {
    "arch": "small", "image_size": 16, "epochs": 3, "batch_size": 16, "n_local": 1, "device": "cpu",
    "workers": 0,
}  # fmt: skip
SETTINGS = COMMON | {"hidden_dim": 16, "queue": 20, "bottleneck_dim": 8, "scales": [1, 2]}
METHODS = {
    "self-classifier": SETTINGS | {"n_clusters": 2},
    "simsiam": COMMON | {"dim": 16, "predictor_dim": 8},
    "moco": COMMON | {"dim": 16, "batch_norm_groups": 2},
    "c2bin": COMMON | {"hidden_dim": 16, "projection_dim": 8, "n_clusters": 2, "scales": [1, 2]},
    "uic": COMMON | {"n_clusters": 2, "dropout": 0.2, "fixed_epochs": 1, "sobel": True},
}
ONE_STEP = {"uic": {"fixed_epochs": 0, "dropout": 0}}
"""Each process draws what it drops out."""
WITHOUT_CLUSTERS = ["simsiam", "moco"]
OF_MASKS = {"segins-s", "segins-m"}
"""Tried in ``test_pretrain_masks.py``."""
N_IMAGES = 40

of_all_methods = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright discs and dark bars."""
    folder = tmp_path_factory.mktemp("drawings")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:18, :20]
    for row in range(N_IMAGES):
        pixels = rng.integers(0, 60, (18, 20, 3))
        mask = (y - 9) ** 2 + (x - 10) ** 2 < 40 if row % 2 else abs(x - 10) < 3
        pixels[mask] += 150 if row % 2 else 80
        path = folder / ("disc" if row % 2 else "bar") / f"{row:02d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return folder


def weights(folder: Path) -> dict[str, np.ndarray]:
    return read_tensors(folder / NETWORK)[0]


def assert_same(one: Path, other: Path, *, within: float = 0.0) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_allclose(second[name], value, atol=within, rtol=within, err_msg=name)


def test_it_leaves_a_network_its_figures_and_clusters(drawings: Path, tmp_path: Path) -> None:
    source = load_source(str(drawings), labels="folders")
    done = pretrain(source, out=tmp_path / "run", settings=SETTINGS)
    encoder, mean, std = read_network(done.path / NETWORK)
    assert (encoder.architecture.name, encoder.architecture.image_size) == ("small", 16)
    assert all(0 < value < 1 for value in (*mean, *std))
    log = [json.loads(line) for line in (done.path / LOG).read_text().splitlines()]
    assert [line["epoch"] for line in log] == [1, 2, 3]
    assert log[-1] == done.figures
    assert {"loss", "acc", "nmi", "ami", "ari", "knn"} <= done.figures.keys()
    with (done.path / CLUSTERS).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == load_source(str(drawings)).splits["train"].paths
    assert {row["cluster"] for row in rows} <= {"0", "1"}
    assert not (done.path / CHECKPOINT).exists()


def test_every_method_is_tried() -> None:
    known = pretraining_methods.METHODS
    assert known.keys() == METHODS.keys() | OF_MASKS
    found = {name for name, one in known.items() if not one.has_clusters}
    assert found == OF_MASKS.union(WITHOUT_CLUSTERS)


@pytest.mark.parametrize("method", WITHOUT_CLUSTERS)
def test_methods_without_clusters_leave_none(drawings: Path, tmp_path: Path, method: str) -> None:
    settings = METHODS[method] | {"method": method}
    source = load_source(str(drawings), labels="folders")
    done = pretrain(source, out=tmp_path / "run", settings=settings)
    assert not (done.path / CLUSTERS).exists()
    assert {"loss", "knn"} <= done.figures.keys()
    assert "acc" not in done.figures
    with pytest.raises(UsageError, match=rf"{method} learns no clusters, .*leave n_clusters"):
        pretrain(source, out=tmp_path / "run", settings=settings | {"n_clusters": 2})


@of_all_methods
@pytest.mark.slow
def test_it_does_not_collapse(drawings: Path, tmp_path: Path, method: str) -> None:
    settings = METHODS[method] | {"method": method, "epochs": 20}
    assert "collapse" not in pretrain(drawings, out=tmp_path, settings=settings).figures


@pytest.mark.slow
@of_all_methods
def test_the_same_seed_gives_the_same_network_and_another_one_does_not(
    drawings: Path, tmp_path: Path, method: str
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        settings = METHODS[method] | {"method": method, "seed": seed}
        pretrain(drawings, out=tmp_path / name, settings=settings)
    assert_same(tmp_path / "a", tmp_path / "b")
    with pytest.raises(AssertionError):
        assert_same(tmp_path / "a", tmp_path / "c")


def test_a_rerun_skips_and_other_settings_are_refused(
    drawings: Path, tmp_path: Path, lines: Lines
) -> None:
    settings = SETTINGS | {"n_clusters": 2, "epochs": 1}
    pretrain(drawings, out=tmp_path, settings=settings)
    before = (tmp_path / NETWORK).stat().st_mtime_ns
    (tmp_path / CHECKPOINT).touch()
    pretrain(drawings, out=tmp_path, settings=settings, reporter=lines)
    assert not (tmp_path / CHECKPOINT).exists()
    assert (tmp_path / NETWORK).stat().st_mtime_ns == before
    assert f"pretrain: the network in {tmp_path} is learned already" in lines.said
    with pytest.raises(MismatchError, match=r"holds a training of other seed: take another --out"):
        pretrain(drawings, out=tmp_path, settings=settings | {"seed": 5})
    pretrain(drawings, out=tmp_path, settings=settings | {"seed": 5}, overwrite=True)
    assert json.loads((tmp_path / RECORD).read_text())["settings"]["seed"] == 5


def test_settings_that_could_not_begin_leave_the_folder_free(
    drawings: Path, tmp_path: Path
) -> None:
    settings = SETTINGS | {"n_clusters": 2, "epochs": 1}
    with pytest.raises(UsageError, match=r"none of timm's"):
        pretrain(drawings, out=tmp_path, settings=settings | {"arch": "resnet19"})
    pretrain(drawings, out=tmp_path, settings=settings)


@pytest.mark.slow
@of_all_methods
@pytest.mark.parametrize("stop_at", [1, 2, 5])
def test_what_was_stopped_goes_on_as_if_it_had_not_been(
    drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, stop_at: int
) -> None:
    settings = METHODS[method] | {"method": method}
    pretrain(drawings, out=tmp_path / "whole", settings=settings)
    step, seen = loop.Training._step, []

    def stop(self, *arguments):
        seen.append(arguments)
        if len(seen) == stop_at + 1:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(loop.Training, "_step", stop)
    monkeypatch.setattr(loop.Checkpoint, "is_due", lambda _: True)
    with pytest.raises(KeyboardInterrupt):
        pretrain(drawings, out=tmp_path / "stopped", settings=settings)
    assert (tmp_path / "stopped" / CHECKPOINT).is_file()
    assert not (tmp_path / "stopped" / NETWORK).exists()
    pretrain(drawings, out=tmp_path / "stopped", settings=settings)
    assert len(seen) == 1 + 3 * (N_IMAGES // 16)
    assert_same(tmp_path / "whole", tmp_path / "stopped")
    for name in [LOG] if method in WITHOUT_CLUSTERS else [LOG, CLUSTERS]:
        assert (tmp_path / "whole" / name).read_bytes() == (
            tmp_path / "stopped" / name
        ).read_bytes()


@pytest.mark.parametrize("optimizer", ["lars", "adamw"])
def test_other_optimisers_and_parts_of_batches(
    drawings: Path, tmp_path: Path, optimizer: str
) -> None:
    settings = SETTINGS | {"n_clusters": 2, "optimizer": optimizer, "accumulation": 2, "epochs": 1}
    assert np.isfinite(pretrain(drawings, out=tmp_path, settings=settings).figures["loss"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": None}, r"the images have no labels, so say how many clusters to learn: -k"),
        ({"n_clusters": 9}, r"batches of 16 images are smaller than the largest .* 18 clusters"),
        ({"batch_size": 41}, r"a batch of 41 images was asked for, but there are 40: take fewer"),
        ({"accumulation": 16, "scales": [1]}, r"batch norm needs two images at least in each part"),
        ({"accumulation": 3}, r"a batch of 16 images cannot be divided into 3 equal parts"),
        ({"arch": "resnet19"}, r"architecture 'resnet19' is none of timm's"),
        ({"method": "byol"}, r"there is no method 'byol': take one of self-classifier"),
        ({"epoch": 3}, r"epoch: no such setting; did you mean epochs\?"),
        ({"epochs": 0, "queue": -1}, r"epochs: .* but it is 0; queue: .* but it is -1"),
    ],
)
def test_wrong_settings_are_one_sentence(
    drawings: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        pretrain(drawings, out=tmp_path, settings=SETTINGS | {"n_clusters": 2} | change)


def test_features_and_single_images_teach_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds features, but a network learns from images"):
        pretrain(np.random.default_rng(0).normal(size=(20, 4)), out=tmp_path)
    Image.new("RGB", (20, 20)).save(tmp_path / "one.png")
    with pytest.raises(UsageError, match=r"one image teaches nothing"):
        pretrain(tmp_path, out=tmp_path / "run", settings={"n_clusters": 2})


def test_a_loss_that_is_no_number_stops(
    drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        loop.Training,
        "_loss",
        lambda self, *_: self.method.encoder(torch.zeros(2, 3, 16, 16)).sum() * torch.nan,
    )
    with pytest.raises(UclsError, match=r"the loss is nan in epoch 1, step 1: take a lower rate"):
        pretrain(drawings, out=tmp_path, settings=SETTINGS | {"n_clusters": 2})


def test_a_collapse_is_told_early_and_at_the_end(
    drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setattr(loop.Training, "_is_time_to_look", lambda *_: True)
    monkeypatch.setattr(
        "ucls.pretraining.measuring.collapse_note", lambda *_: "all images look alike"
    )
    pretrain(
        drawings,
        out=tmp_path,
        settings=SETTINGS | {"n_clusters": 2, "epochs": 1},
        reporter=lines,
    )
    assert any("all images look alike; if it stays so, stop" in line for line in lines.said)
    assert any("it has collapsed, and is of no use as a backbone" in line for line in lines.said)


def test_unreadable_images_are_left_out(drawings: Path, tmp_path: Path, lines: Lines) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for path in drawings.rglob("*.png"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "00.png").write_bytes(b"no image")
    done = pretrain(
        folder,
        out=tmp_path / "run",
        settings=SETTINGS | {"n_clusters": 2, "epochs": 1},
        reporter=lines,
    )
    assert any("00.png is left out" in line for line in lines.said)
    assert len((done.path / CLUSTERS).read_text().splitlines()) == 1 + N_IMAGES - 1


@pytest.mark.slow
def test_the_network_is_a_backbone(cli: Cli, drawings: Path, tmp_path: Path) -> None:
    learned = tmp_path / "learned"
    options = [
        f"--set={name}={json.dumps(value)}"
        for name, value in SETTINGS.items()
        if name not in ("arch", "epochs", "device")
    ]
    outcome = cli(
        "pretrain", drawings, "-k", 2, "--arch", "small", "--epochs", 2, *options, "--out", learned
    )
    assert outcome.exit_code == 0, outcome.err
    assert f"next: ucls run {drawings} --backbone {learned}" in outcome.out
    run = cli(
        "run", drawings, "-k", 2, "--backbone", learned, "--out", tmp_path / "run", "--effort",
        "quick", "--no-report",
    )  # fmt: skip
    assert run.exit_code == 0, run.err
    image = next(drawings.rglob("*.png"))
    assert cli("predict", tmp_path / "run", image).exit_code == 0


def test_the_network_is_probed_on_its_own_images(cli: Cli, drawings: Path, tmp_path: Path) -> None:
    source = load_source(str(drawings), labels="folders")
    pretrain(source, out=tmp_path / "learned", settings=SETTINGS | {"epochs": 1})
    outcome = cli("probe", tmp_path / "learned", "--protocol", "c2bin", "--json", "-")
    assert outcome.exit_code == 0, outcome.err
    figures = json.loads(outcome.out)
    assert (figures["n_classes"], figures["held_out"]) == (2, True)
    assert "learned:learned" in figures["features"]


def start(
    drawings: Path, out: Path, *before: str, method: str, **settings: object
) -> "subprocess.Popen[str]":
    options = [
        f"--set={name}={json.dumps(value)}"
        for name, value in (METHODS[method] | settings).items()
        if name != "arch"
    ]
    command = ["-m", "ucls", "pretrain", "--method", method, "--arch", "small", *options]
    return subprocess.Popen(
        [sys.executable, *before, *command, "--out", str(out), str(drawings)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def last_saved(folder: Path) -> int:
    path = folder / CHECKPOINT
    return path.stat().st_mtime_ns if path.is_file() else 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["self-classifier", "moco", "uic"])
def test_a_killed_process_goes_on_to_the_same_network(
    drawings: Path, tmp_path: Path, method: str
) -> None:
    whole = start(drawings, tmp_path / "whole", method=method)
    assert whole.wait(200) == 0, whole.stderr.read()
    rng, folder = np.random.default_rng(0), tmp_path / "killed"
    for _ in range(2):
        before = last_saved(folder)
        process = start(drawings, folder, method=method)
        while process.poll() is None and last_saved(folder) == before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
    last = start(drawings, tmp_path / "killed", method=method)
    assert last.wait(200) == 0, last.stderr.read()
    assert_same(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.slow
@of_all_methods
def test_processes_that_share_a_batch_take_the_same_step(
    drawings: Path, tmp_path: Path, method: str
) -> None:
    # More steps would make rounding large, as batch norm of so few images does.
    one_step = {"batch_size": 32, "epochs": 1} | ONE_STEP.get(method, {})
    alone = start(drawings, tmp_path / "alone", method=method, **one_step)
    assert alone.wait(200) == 0, alone.stderr.read()
    shared = start(
        drawings, tmp_path / "shared", "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node=2", method=method, **one_step,
    )  # fmt: skip
    assert shared.wait(200) == 0, shared.stderr.read()
    assert_same(tmp_path / "alone", tmp_path / "shared", within=1e-5)
    losses = [
        [json.loads(line)["loss"] for line in (tmp_path / name / LOG).read_text().splitlines()]
        for name in ("alone", "shared")
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_crops_are_as_large_as_the_images(drawings: Path, tmp_path: Path) -> None:
    images = load_source(str(drawings)).splits["train"]
    assert typical_side(images) == 18
    assert typical_side(load_source("digits").splits["train"]) == 8
    for side, expected in ((6, 8), (18, 18), (64, 64), (100, 96), (500, 224)):
        config = fit_pretrain_config(
            PretrainConfig(n_clusters=2), n_images=50, n_classes=None, typical_side=side
        )
        assert config.image_size == expected
        assert config.n_local == (0 if expected <= 64 else 6)
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(UclsError, match=r"none of 2 images of .* can be read"):
        pretrain(tmp_path, out=tmp_path / "run", settings={"n_clusters": 2})


def test_a_folder_is_locked_as_that_of_a_run(drawings: Path, tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path, LOCK),
        pytest.raises(UclsError, match="another process is working in"),
    ):
        pretrain(str(drawings), out=tmp_path, settings={"method": "moco", **METHODS["moco"]})


def test_a_batch_that_cannot_be_read_while_images_are_streamed(
    drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    folder = Path(shutil.copytree(drawings, tmp_path / "drawings"))
    for path in sorted(folder.rglob("*.png"))[::2]:
        path.write_bytes(b"torn")
    monkeypatch.setattr("ucls.pretraining.pixels.available_memory", lambda: 0)
    settings = METHODS["simsiam"] | {"method": "simsiam", "batch_size": 2, "epochs": 1}
    done = pretrain(str(folder), out=tmp_path / "learned", settings=settings, reporter=lines)
    assert np.isfinite(done.figures["loss"])
    assert sum("is left out" in line for line in lines.said) == N_IMAGES / 2


def test_superclasses_are_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layouts.write_cifar100(tmp_path, 200, 100)
    seen: list[int] = []

    def knn(_: object, labels: Labels, __: object, others: Labels, *, k: int) -> float:
        seen.extend([*labels.tolist(), *others.tolist()])
        return 0.0

    monkeypatch.setattr("ucls.pretraining.measuring.knn_accuracy", knn)
    source = load_source("cifar20", data_dir=tmp_path)
    settings = COMMON | {"method": "simsiam", "dim": 8, "predictor_dim": 4, "epochs": 1}
    pretrain(source, out=tmp_path / "learned", settings=settings)
    assert set(seen) == set(range(20))
