"""The whole ``ucls run`` on simulated features, stage by stage."""

import sys
import tempfile
import time
from pathlib import Path
from subprocess import run
from typing import Any

from benchmarks.simulated.features import write_simulated
from benchmarks.speed.measurement import Measurement
from benchmarks.speed.neighbors import simulate
from benchmarks.speed.size import Size
from ucls.cache import RunFolder
from ucls.errors import UclsError

UCLS = Path(sys.executable).with_name("ucls")


def whole_run_shares(size: Size, **settings: Any) -> list[Measurement]:
    """Runs ``ucls run`` in a process of its own; the ratio is the share of each stage in the whole.

    Shares do not sum to 1: a run also starts Python, and reads and checks the features.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = folder / "simulated.h5"
        write_simulated(features, simulate(size))
        command = [str(UCLS), "run", str(features), "-k", str(size.n_clusters), "--quiet"]
        command += ["--out", str(folder / "run"), "--cache-dir", str(folder / "cache")]
        for setting, value in settings.items():
            command += ["--set", f"{setting}={value}"]
        started = time.perf_counter()
        done = run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise UclsError(f"`ucls run` failed: {done.stderr.strip().rpartition(chr(10))[2]}")
        stages = RunFolder(folder / "run").record["stages"]
    return shares(
        f"ucls run, {size.n_images:,} simulated images, {size.text('DC')}", seconds, stages
    )


def shares(what: str, seconds: float, stages: dict[str, Any]) -> list[Measurement]:
    """Each stage, as ``run.json`` tells of it, against the whole; peaks are the process's."""
    return [
        Measurement(
            f"{what}: {stage}",
            "the whole run",
            [facts["seconds"]],
            [seconds],
            {"peak_mb": facts["peak_memory_mb"] * 2**20 / 1e6},
        )
        for stage, facts in stages.items()
    ]
