"""The whole ``ucls run`` on simulated features, stage by stage."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.simulated.features import write_simulated
from benchmarks.speed.measurement import Measurement
from benchmarks.speed.neighbors import simulate
from benchmarks.speed.size import Size
from ucls.cache import RunFolder
from ucls.errors import UclsError

UCLS = Path(sys.executable).with_name("ucls")


class Run(NamedTuple):
    """What one run took."""

    seconds: float
    """Of the whole process."""
    stages: Mapping[str, Mapping[str, Any]]
    """What ``run.json`` says of each."""


def whole_run_shares(
    size: Size, *, repeats: int = 1, settings: Mapping[str, Any] | None = None
) -> list[Measurement]:
    """Runs ``ucls run`` on simulated features; each stage against the whole.

    The ratio is the share of the stage. Shares do not sum to 1: a run also starts Python, and reads
    and checks the features.

    Args:
        size: N, C and D.
        repeats: runs, each from the beginning.
        settings: of the run, by dotted name; what is left out is fitted to the data.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = folder / "simulated.h5"
        write_simulated(features, simulate(size))
        runs = [
            run_once(features, folder / str(turn), size.n_clusters, settings or {})
            for turn in range(repeats)
        ]
    return shares(f"ucls run, {size.n_images:,} simulated images, {size.text('DC')}", runs)


def run_once(features: Path, folder: Path, n_clusters: int, settings: Mapping[str, Any]) -> Run:
    """Runs ``ucls run`` in a process of its own; run and feature cache go into ``folder``.

    Raises:
        UclsError: if the run fails.
    """
    command = [str(UCLS), "run", str(features), "-k", str(n_clusters), "--quiet"]
    command += ["--out", str(folder / "run"), "--cache-dir", str(folder / "cache")]
    for setting, value in settings.items():
        command += ["--set", f"{setting}={value}"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise UclsError(f"`ucls run` failed: {done.stderr.strip().rpartition(chr(10))[2]}")
    return Run(seconds, RunFolder(folder / "run").record["stages"])


def shares(what: str, runs: Sequence[Run]) -> list[Measurement]:
    """Each stage against the whole run.

    ``peak_mb`` is the largest peak of resident memory of the process within the stage, with Python
    and all libraries, in megabytes of 10^6 bytes.

    Args:
        what: was run.
        runs: with the same stages.
    """
    return [
        Measurement(
            f"{what}: {stage}",
            "the whole run",
            [run.stages[stage]["seconds"] for run in runs],
            [run.seconds for run in runs],
            {"peak_mb": max(run.stages[stage]["peak_memory_mb"] for run in runs) * 2**20 / 1e6},
        )
        for stage in runs[0].stages
    ]
