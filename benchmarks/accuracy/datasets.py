"""The datasets, each with the thesis's settings in a TOML of its own, and the runs over them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.jobs import Job
from benchmarks.options import choose
from ucls.cache import flatten
from ucls.config import Config
from ucls.datasets import DATASETS
from ucls.settings.given import known_objective, read_toml
from ucls.settings.presets import PRESETS, preset

FOLDER = Path(__file__).resolve().parents[1] / "datasets"
THESIS = tuple(PRESETS)  # its ten datasets
BENCHMARKS = tuple(name for name in DATASETS if (FOLDER / f"{name}.toml").is_file())

Settings = Mapping[str, Any]  # dotted names to values


@dataclass(frozen=True)
class Benchmark:
    """A dataset and how the thesis runs it: the settings of its file."""

    name: str
    settings: Settings

    @property
    def images(self) -> dict[str, int]:
        """How many images each split of the whole dataset has."""
        info = DATASETS[self.name]
        return {"train": info.n_train, "val": info.n_val}

    def settings_for(self, objective: str, overrides: Settings) -> dict[str, Any]:
        """All that is asked for: of the file, what the objective heeds; the overrides over it."""
        own = self.settings
        if self.name in PRESETS:
            heeded = preset(self.name, objective=known_objective({"train.objective": objective}))
            own = {name: value for name, value in own.items() if name in heeded}
        return {**own, "train.objective": objective, **overrides}

    def job(
        self,
        seed: int,
        *,
        runs_dir: Path,
        results_dir: Path,
        objective: str = "ucls",
        overrides: Settings | None = None,
        device: str = "auto",
    ) -> Job:
        """A run, ``DATASET/OBJECTIVE-seedS`` below both folders; UsageError for wrong settings."""
        settings = self.settings_for(objective, overrides or {})
        name = f"{objective}-seed{seed}"
        return Job(
            name=self.name,
            config=Config(seed=seed, device=device).with_values(settings),
            settings=settings,
            images=self.images,
            folder=runs_dir / self.name / name,
            record=results_dir / self.name / f"{name}.json",
            overrides=overrides or {},
        )


@cache
def load_benchmark(name: str) -> Benchmark:
    """Reads the file of a dataset."""
    return Benchmark(name, flatten(read_toml(FOLDER / f"{name}.toml")))


def load_benchmarks(names: str) -> list[Benchmark]:
    """Reads several: names with commas between them, or ``all`` for the ten of the thesis."""
    chosen = THESIS if names == "all" else choose(names, BENCHMARKS, what="--datasets")
    return [load_benchmark(name) for name in chosen]
