"""Images per second of extraction and training in several processes of one core each (torchrun).

``python -m torch.distributed.run ... -m benchmarks.speed.processes WORK`` is one of the processes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.speed.extraction import write_jpegs
from benchmarks.speed.measurement import Measurement
from ucls import pipeline
from ucls.config import Config
from ucls.progress import Advance, SilentReporter, ignore_progress
from ucls.stages.neighbors import neighbors
from ucls.stages.train import train

GROUPS = 4
"""Of heads: as many are trained at the same time as there are processes."""
WIDTH, CLUSTERS = 256, 50


class Stopwatch(SilentReporter):
    """A reporter that times progress bars, by name, and counts what they are about."""

    def __init__(self) -> None:
        self.rates: dict[str, float] = {}

    @contextmanager
    def track(
        self, description: str, total: int, unit: str, /, *, done: int = 0
    ) -> Iterator[Advance]:
        """Times the block."""
        started = time.perf_counter()
        yield ignore_progress
        self.rates[description] = total / (time.perf_counter() - started)


def process_ratios(
    n_processes: int, *, n_images: int, backbone: str, n_rows: int, epochs: int, repeats: int
) -> list[Measurement]:
    """Times the same work in several processes and in one, in turns.

    Args:
        n_processes: of one core each.
        n_images: JPEGs to extract.
        backbone: with random weights.
        n_rows: images to train on.
        epochs: of each group of heads.
        repeats: turns.
    """
    work = {"n_images": n_images, "backbone": backbone, "n_rows": n_rows, "epochs": epochs}
    found: dict[int, list[dict[str, float]]] = {1: [], n_processes: []}
    for _ in range(repeats):
        for n, rates in found.items():
            rates.append(_rates_in(n, work))
    return [
        Measurement(
            f"{name} in {n_processes} processes",
            "one process",
            *([1 / rates[name] for rates in found[n]] for n in (n_processes, 1)),
            {
                f"images_per_s_{n}": float(np.median([rates[name] for rates in found[n]]))
                for n in found
            },
        )
        for name in ("extract train", "train")
    ]


def _rates_in(n_processes: int, work: dict[str, int | str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone",
            f"--nproc-per-node={n_processes}", "-m", __name__, json.dumps(work), folder,
        ]  # fmt: skip
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, env=environment, check=True)
        rates: dict[str, float] = json.loads((Path(folder) / "rates.json").read_text())
        return rates


def _lead(work: dict[str, int | str], folder: Path) -> None:
    stopwatch = Stopwatch()
    (folder / "photos").mkdir()
    write_jpegs(folder / "photos", int(work["n_images"]))
    extraction = {
        "extract.backbone": work["backbone"], "extract.weights": "random",
        "extract.precision": "float32", "extract.batch_size": 16, "extract.workers": 0,
    }  # fmt: skip
    pipeline.extract_source(
        str(folder / "photos"),
        config=Config().with_values(extraction),
        cache_dir=folder / "cache",
        reporter=stopwatch,
    )
    rng = np.random.default_rng(0)
    centres = 4 * rng.normal(size=(CLUSTERS, WIDTH))
    n_rows = int(work["n_rows"])
    features = centres[np.arange(n_rows) % CLUSTERS] + rng.normal(size=(n_rows, WIDTH))
    np.save(folder / "features.npy", features.astype(np.float32))
    training = {
        "n_clusters": CLUSTERS, "train.n_heads": 4 * GROUPS, "train.heads_at_once": 4,
        "train.epochs": work["epochs"], "train.early_stopping": False,
        "train.precision": "float32",
    }  # fmt: skip
    run = pipeline.start(
        str(folder / "features.npy"),
        out=folder / "run",
        cache_dir=folder / "cache",
        config=Config().with_values(training),
    )
    neighbors(run.folder.path)
    train(run.folder.path, reporter=stopwatch)
    (folder / "rates.json").write_text(json.dumps(stopwatch.rates), encoding="utf-8")


def main() -> None:
    """Leads, or follows."""
    from ucls.ranks import dismiss, follow, joined

    with joined() as leads:
        if not leads:
            follow()
            return
        _lead(json.loads(sys.argv[1]), Path(sys.argv[2]))
        dismiss(0)


if __name__ == "__main__":
    main()
