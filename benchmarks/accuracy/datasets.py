"""The datasets, each with the thesis's settings in a TOML of its own, and the runs over them."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.jobs import Job
from benchmarks.options import names_of
from ucls.cache import flatten
from ucls.config import Config
from ucls.datasets import DATASETS
from ucls.errors import UsageError
from ucls.presets import PRESETS, preset
from ucls.settings.given import known_objective, read_toml

FOLDER = Path(__file__).resolve().parents[1] / "datasets"
THESIS = tuple(PRESETS)
"""The ten datasets of the thesis."""
HAVE_OPTIONS = {
    "seed": "--seeds and --first-seed",
    "device": "--device",
    "train.objective": "--objective",
}
"""Settings that are not given with ``--set``."""

Settings = dict[str, Any]
"""Dotted names to values."""


@dataclass(frozen=True)
class Benchmark:
    """A dataset and how the thesis runs it: the settings of its file."""

    name: str
    settings: Settings
    path: Path

    @property
    def images(self) -> dict[str, int]:
        """How many images each split of the whole dataset has."""
        info = DATASETS[self.name]
        return {"train": info.n_train, "val": info.n_val}

    def settings_for(self, objective: str, overrides: Mapping[str, Any]) -> Settings:
        """Returns all that is asked for when an objective is trained.

        Args:
            objective: its name; settings of the file that have no part in it are left out.
            overrides: settings over those of the file.
        """
        own = self.settings
        if self.name in PRESETS:
            heeded = preset(self.name, objective=known_objective({"train.objective": objective}))
            own = {name: value for name, value in own.items() if name in heeded}
        return {**own, "train.objective": objective, **overrides}

    def jobs(
        self,
        seeds: range,
        *,
        runs_dir: Path,
        results_dir: Path,
        objective: str = "ucls",
        overrides: Mapping[str, Any] | None = None,
        device: str = "auto",
        overwrite: bool = False,
    ) -> Iterator[Job]:
        """A run for each seed, ``DATASET/OBJECTIVE-seedS`` below both folders.

        Raises:
            UsageError: with every wrong name and value at once.
        """
        overrides = overrides or {}
        settings = self.settings_for(objective, overrides)
        for seed in seeds:
            name = f"{objective}-seed{seed}"
            yield Job(
                dataset=self.name,
                config=Config(seed=seed, device=device).with_values(settings),
                settings=settings,
                images=self.images,
                folder=runs_dir / self.name / name,
                record=results_dir / self.name / f"{name}.json",
                overrides=overrides,
                overwrite=overwrite,
            )


def benchmark_names() -> list[str]:
    """The datasets that have a file, in the order of ``ucls datasets``."""
    return [name for name in DATASETS if (FOLDER / f"{name}.toml").is_file()]


@cache
def load_benchmark(name: str) -> Benchmark:
    """Reads the file of a dataset.

    Raises:
        UsageError: if there is none.
    """
    names = benchmark_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        raise UsageError(
            f"there is no benchmark {name!r}; choose some of {', '.join(names)}, or all for the "
            "ten of the thesis" + (f"; did you mean {near[0]}?" if near else "")
        )
    path = FOLDER / f"{name}.toml"
    return Benchmark(name, flatten(read_toml(path)), path)


def load_benchmarks(names: str) -> list[Benchmark]:
    """Reads several: names with commas between them, or ``all`` for the ten of the thesis.

    Raises:
        UsageError: if one is not known, or none is given.
    """
    given = [name for part in names_of(names) for name in (THESIS if part == "all" else (part,))]
    if not given:
        raise UsageError(f"expected names of datasets with commas between them, got {names!r}")
    return [load_benchmark(name) for name in dict.fromkeys(given)]


def check_overrides(overrides: Mapping[str, Any]) -> None:
    """Finds settings that would make a record tell something else than it holds.

    Raises:
        UsageError: naming the option that is there for it.
    """
    for name, option in HAVE_OPTIONS.items():
        if name in overrides:
            raise UsageError(f"{name} is not given with --set here: use {option}")
