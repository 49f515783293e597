"""The benchmarks: a dataset each, with the thesis's settings in a TOML of its own."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ucls.cache import flatten
from ucls.datasets import DATASETS
from ucls.errors import UsageError
from ucls.settings.config import Config
from ucls.settings.given import known_objective, read_toml
from ucls.settings.presets import PRESETS, preset

FOLDER = Path(__file__).resolve().parents[1] / "datasets"
THESIS = tuple(PRESETS)
"""The ten datasets of the thesis."""
ALL = "all"
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
    """A dataset and how the thesis runs it.

    Attributes:
        name: of the dataset.
        settings: what the file asks for.
        path: of the file.
    """

    name: str
    settings: Settings
    path: Path

    def settings_for(self, objective: str, overrides: Mapping[str, Any]) -> Settings:
        """Returns all that is asked for when an objective is trained.

        Args:
            objective: its name; settings of the file that have no part in it are left out, as
                :func:`ucls.settings.presets.preset` does.
            overrides: settings over those of the file.
        """
        own = self.settings
        if self.name in PRESETS:
            heeded = preset(self.name, objective=known_objective({"train.objective": objective}))
            own = {name: value for name, value in own.items() if name in heeded}
        return {**own, "train.objective": objective, **overrides}


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
            f"there is no benchmark {name!r}; choose some of {', '.join(names)}, or {ALL} for the "
            "ten of the thesis" + (f"; did you mean {near[0]}?" if near else "")
        )
    path = FOLDER / f"{name}.toml"
    return Benchmark(name, flatten(read_toml(path)), path)


def load_benchmarks(names: str) -> tuple[Benchmark, ...]:
    """Reads several.

    Args:
        names: with commas between them, or ``all`` for the ten of the thesis.

    Raises:
        UsageError: if one is not known, or none is given.
    """
    return tuple(load_benchmark(name) for name in split_names(names, {ALL: THESIS}))


def split_names(text: str, groups: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Splits at commas, and puts the members of a group in its place; each name stays once.

    Raises:
        UsageError: if nothing is left.
    """
    given = [name.strip() for name in text.split(",") if name.strip()]
    names = [member for name in given for member in groups.get(name, (name,))]
    if not names:
        raise UsageError(f"expected names with commas between them, got {text!r}")
    return list(dict.fromkeys(names))


def check_overrides(overrides: Mapping[str, Any]) -> None:
    """Finds settings that would make a record tell something else than it holds.

    Raises:
        UsageError: naming the option that is there for it.
    """
    for name, option in HAVE_OPTIONS.items():
        if name in overrides:
            raise UsageError(f"{name} is not given with --set here: use {option}")


def make_config(settings: Mapping[str, Any], *, seed: int, device: str) -> Config:
    """The settings of one run.

    Raises:
        UsageError: with every wrong name and value at once.
    """
    return Config(seed=seed, device=device).with_values(dict(settings))
