"""What holds for all tests, tiny sources, tiny finished runs, and ways to run the commands."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ucls.progress import Advance, ignore_progress

if TYPE_CHECKING:
    from ucls.runs.classifier import Labelled
    from ucls.settings.config import Config

# OpenMP threads wait busily by default. On a machine whose cores are taken by others that makes
# small tensors a hundred times slower. It is read when torch or FAISS is first imported, so
# nothing above may import these.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

TINY = {
    "train.epochs": 3,
    "train.n_heads": 6,
    "train.batch_size": 20,
    "ensemble.heads": "all",
    "self_train.iterations": 40,
    "evaluate.kmeans_restarts": 1,
}
UCLS = str(Path(sys.executable).with_name("ucls"))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--kills", type=int, default=3, help="kills of each command")
    group.addoption("--inputs", type=int, default=200, help="generated inputs of all kinds")
    group.addoption("--fault-seed", type=int, default=0, help="of what is random in these")


class Outcome(NamedTuple):
    """What a command left behind."""

    exit_code: int
    out: str
    err: str


class Lines:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @property
    def told(self) -> list[str]:
        """What was said of the work itself, not of what it made stale."""
        return [line for line in self.said if "still those of before" not in line]

    def say(self, message: str, /) -> None:
        self.said.append(message)

    def warn(self, message: str, /) -> None:
        self.say(f"WARNING: {message}")

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        yield ignore_progress


Cli = Callable[..., Outcome]
StartUcls = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A feature cache of the test's own."""
    folder = tmp_path / "feature-cache"
    monkeypatch.setenv("UCLS_CACHE", str(folder))
    return folder


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs ``ucls`` in this process, which saves importing torch for every command."""
    from ucls.cli.main import main

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["ucls", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        return Outcome(int(stopped.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def start_ucls(tmp_path: Path) -> Iterator[StartUcls]:
    """Starts real ``ucls`` processes in ``tmp_path``; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **options: Any) -> "subprocess.Popen[str]":
        defaults: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [UCLS, *map(str, arguments)]
        # What runs in the background, as tests may, hands on that it heeds no SIGINT.
        heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        defaults |= {"text": True, "cwd": tmp_path, "preexec_fn": heeds}
        process = subprocess.Popen(command, **{**defaults, **options})
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def tiny_options() -> list[str]:
    """Command-line options that make a run take a second."""
    return [text for name, value in TINY.items() for text in ("--set", f"{name}={value}")]


@pytest.fixture(scope="session")
def tiny_config() -> "Config":
    from ucls.settings.config import Config

    return Config(n_clusters=4).with_values(dict(TINY))


def blobs(n: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features [n, 8] around four corners, and the corner of each."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(n) % 4
    return (6 * np.eye(4, 8)[labels] + rng.normal(size=(n, 8))).astype(np.float32), labels


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Feature files ``blobs.npz`` and ``blobs-val.npz`` with labels, ``plain.npy`` without."""
    folder = tmp_path_factory.mktemp("sources")
    for name, n, seed in (("blobs", 120, 0), ("blobs-val", 40, 1)):
        features, labels = blobs(n, seed)
        np.savez(folder / f"{name}.npz", features=features, labels=labels)
    np.save(folder / "plain.npy", blobs(120, 0)[0])
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 PNGs of many sizes in the sub-folders ``high``, ``left`` and ``plain``."""
    folder = tmp_path_factory.mktemp("sources") / "photos"
    rng = np.random.default_rng(0)
    for i in range(60):
        kind = ("high", "left", "plain")[i % 3]
        height, width = rng.integers(6, 24, 2)
        pixels = rng.integers(0, 120, (height, width, 3))
        if kind == "high":
            pixels[: height // 2] += 130
        elif kind == "left":
            pixels[:, : width // 2] += 130
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="session")
def shared_run(
    tmp_path_factory: pytest.TempPathFactory, sources: Path, tiny_config: "Config"
) -> Path:
    """A finished run of blobs with labels and ``val``; copy it to change it."""
    from ucls import pipeline
    from ucls.sources import load_source

    folder = tmp_path_factory.mktemp("shared")
    return pipeline.run(
        load_source(str(sources / "blobs.npz"), val=str(sources / "blobs-val.npz")),
        out=folder / "run",
        cache_dir=folder / "cache",
        config=tiny_config,
    ).path


@pytest.fixture(scope="session")
def shared_photo_run(
    tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_config: "Config"
) -> Path:
    """A finished run of the photos with labels from their folders; copy it to change it."""
    from ucls import pipeline
    from ucls.sources import load_source

    folder = tmp_path_factory.mktemp("shared-photos")
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    return pipeline.run(
        load_source(str(photos), labels="folders"),
        out=folder / "run",
        cache_dir=folder / "cache",
        config=tiny_config.with_values({"n_clusters": 3, **pixels}),
    ).path


@pytest.fixture(scope="session")
def shared_two_space_run(
    tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_config: "Config"
) -> Path:
    """A finished run of the photos on two backbones; copy it to change it."""
    from ucls import pipeline

    folder = tmp_path_factory.mktemp("shared-two-spaces")
    config = tiny_config.with_values(
        {
            "n_clusters": 3,
            "features": "cls@timm/test_vit,cls@pixels",
            "extract.weights": "random",
            "extract.image_size": 16,
            "extract.workers": 0,
            "neighbors.prepare": "center",
            "train.components": "all",
            "self_train.inputs": "heads",
        }
    )
    return pipeline.run(
        str(photos), out=folder / "run", cache_dir=folder / "cache", config=config
    ).path


def classified(path: Path, split: str = "train") -> "Labelled":
    """What the classifier of a run says of its own images, and how sure the heads are."""
    from ucls.cache import read_assignments
    from ucls.runs.classifier import load_classifier
    from ucls.runs.run import Run

    run = Run(path)
    classifier = load_classifier(run.folder)
    by_head = read_assignments(path / "assignments.h5").labels[split][list(classifier.voters)]
    with run.features(split) as cache:
        return classifier.judge(*classifier.predict(cache.read(classifier.feature_set)), by_head)


@pytest.fixture
def two_space_run_path(shared_two_space_run: Path, tmp_path: Path) -> Path:
    """The run on two backbones, to change."""
    return Path(shutil.copytree(shared_two_space_run, tmp_path / "two-spaces"))


@pytest.fixture
def run_path(shared_run: Path, tmp_path: Path) -> Path:
    """A finished run of the test's own."""
    return Path(shutil.copytree(shared_run, tmp_path / "run"))


@pytest.fixture
def photo_run_path(shared_photo_run: Path, tmp_path: Path) -> Path:
    """A finished run of photos of the test's own."""
    return Path(shutil.copytree(shared_photo_run, tmp_path / "photo-run"))


@pytest.fixture
def own_photo_run(shared_photo_run: Path, photos: Path, tmp_path: Path) -> Path:
    """A finished run of the test's own whose photos, in ``tmp_path / "photos"``, are too."""
    from ucls.cache import RunFolder

    shutil.copytree(photos, tmp_path / "photos")
    path = Path(shutil.copytree(shared_photo_run, tmp_path / "photo-run"))
    folder = RunFolder(path)
    own = str((tmp_path / "photos").resolve())
    folder.update(source={**folder.record["source"], "source": own})
    return path
