"""The whole ``ucls run`` on simulated features, stage by stage."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.simulated.features import write_simulated
from benchmarks.speed.measurement import Measurement
from ucls.cache import RunFolder
from ucls.errors import UclsError

UCLS = Path(sys.executable).with_name("ucls")


@dataclass(frozen=True)
class StageUsage:
    """What one stage of a run took.

    Attributes:
        name: of the stage.
        seconds: wall time.
        share: of the seconds of the whole run, 0..1.
        peak_memory_mb: peak resident memory of the process within the stage, with Python and all
            libraries, in megabytes of 10^6 bytes.
    """

    name: str
    seconds: float
    share: float
    peak_memory_mb: float


@dataclass(frozen=True)
class RunUsage:
    """What one run took.

    Attributes:
        seconds: wall time of the process.
        stages: in their order.
    """

    seconds: float
    stages: tuple[StageUsage, ...]


def whole_run_shares(
    n_images: int,
    n_features: int,
    n_clusters: int,
    *,
    repeats: int = 1,
    settings: Mapping[str, Any] | None = None,
) -> list[Measurement]:
    """Runs ``ucls run`` on simulated features; each stage against the whole.

    The ratio is the share of the stage. Shares do not sum to 1: a run also starts Python, and reads
    and checks the features.

    Args:
        n_images: N.
        n_features: D.
        n_clusters: C.
        repeats: runs, each from the beginning.
        settings: of the run, by dotted name; what is left out is fitted to the data.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = folder / "simulated.h5"
        write_simulated(features, n_images=n_images, n_classes=n_clusters, n_features=n_features)
        runs = [
            run_once(features, folder / str(turn), n_clusters, settings=settings)
            for turn in range(repeats)
        ]
    what = f"ucls run, {n_images:,} simulated images, D={n_features:,}, C={n_clusters:,}"
    return as_measurements(what, runs)


def run_once(
    features: Path, folder: Path, n_clusters: int, *, settings: Mapping[str, Any] | None = None
) -> RunUsage:
    """Runs ``ucls run`` in a process of its own.

    Args:
        features: a feature file.
        folder: where the run and its feature cache go.
        n_clusters: C.
        settings: by dotted name.

    Raises:
        UclsError: if the run fails.
    """
    command = [str(UCLS), "run", str(features), "-k", str(n_clusters), "--quiet"]
    command += ["--out", str(folder / "run"), "--cache-dir", str(folder / "cache")]
    for setting, value in (settings or {}).items():
        command += ["--set", f"{setting}={value}"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise UclsError(f"`ucls run` failed: {done.stderr.strip().rpartition(chr(10))[2]}")
    return usage_of(RunFolder(folder / "run").record["stages"], seconds)


def usage_of(stages: Mapping[str, Mapping[str, Any]], seconds: float) -> RunUsage:
    """Reads what ``run.json`` says of the stages.

    Args:
        stages: its entry of each.
        seconds: of the whole run.
    """
    usages = (
        StageUsage(
            name,
            entry["seconds"],
            entry["seconds"] / seconds,
            entry["peak_memory_mb"] * 2**20 / 1e6,
        )
        for name, entry in stages.items()
    )
    return RunUsage(seconds, tuple(usages))


def as_measurements(what: str, runs: Sequence[RunUsage]) -> list[Measurement]:
    """Each stage against the whole run, with its largest peak in ``peak_mb``.

    Args:
        what: was run.
        runs: with the same stages.
    """
    return [
        Measurement(
            f"{what}: {usages[0].name}",
            "the whole run",
            [usage.seconds for usage in usages],
            [run.seconds for run in runs],
            {"peak_mb": max(usage.peak_memory_mb for usage in usages)},
        )
        for usages in zip(*(run.stages for run in runs), strict=True)
    ]
