"""What a call of the accuracy benchmark is to run, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.accuracy.benchmark import Benchmark, Settings, check_overrides, make_config
from benchmarks.accuracy.records import Record
from benchmarks.accuracy.stages import STAGES

Result = Literal["ran", "skipped", "failed"]


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    Attributes:
        benchmarks: the datasets.
        seeds: one run each.
        runs_dir: run folders are ``DATASET/OBJECTIVE-seedS`` below it.
        results_dir: records are ``DATASET/OBJECTIVE-seedS.json`` below it.
        stages: in the order of the pipeline.
        objective: what is trained.
        overrides: settings over those of the files.
        data_dir: where datasets lie; None for ``$UCLS_DATA``.
        subset_dir: holds the lists of classes of ImageNet's subsets.
        cache_dir: of the feature caches; None for the default.
        device: ``auto``, ``cpu`` or ``cuda[:i]``.
        download: fetch datasets that are not there and can be.
        overwrite: do the stages again, and replace runs that were made with other settings.
        skip_existing: leave out what has a record with the same settings, and replace what has
            one with others.
    """

    benchmarks: tuple[Benchmark, ...]
    seeds: range
    runs_dir: Path
    results_dir: Path
    stages: tuple[str, ...] = STAGES
    objective: str = "ucls"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    data_dir: Path | None = None
    subset_dir: Path | None = None
    cache_dir: Path | None = None
    device: str = "auto"
    download: bool = False
    overwrite: bool = False
    skip_existing: bool = False

    def settings(self, benchmark: Benchmark) -> Settings:
        """All that is asked for on a dataset."""
        return benchmark.settings_for(self.objective, self.overrides)

    def check(self) -> None:
        """Finds what could never run, before anything is started.

        Raises:
            UsageError: naming the wrong setting, or a device that is not there.
        """
        from ucls.devices import resolve_device

        check_overrides(self.overrides)
        for benchmark in self.benchmarks:
            for seed in self.seeds:
                make_config(self.settings(benchmark), seed=seed, device=self.device)
        resolve_device(self.device)


@dataclass(frozen=True)
class Outcome:
    """What became of a dataset and seed.

    Attributes:
        dataset: its name.
        seed: None if the dataset itself failed, with all seeds that were left.
        result: ``ran``, ``skipped`` or ``failed``.
        seconds: wall time of this call.
        reason: why it failed or was skipped, or what is missing.
        record: the figures; None where it failed, or no stage that was asked for leaves any.
        traceback: where an error came from. As text: the error itself would keep all arrays alive.
    """

    dataset: str
    seed: int | None
    result: Result
    seconds: float = 0.0
    reason: str = ""
    record: Record | None = None
    traceback: str = ""

    @property
    def title(self) -> str:
        """The dataset and its seed, if it is about one."""
        return self.dataset if self.seed is None else f"{self.dataset}, seed {self.seed}"
