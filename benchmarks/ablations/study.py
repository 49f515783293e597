"""The studies: tables of the thesis as data, from ``studies.toml``."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from ucls.errors import UsageError

STUDIES = Path(__file__).with_name("studies.toml")

Settings = Mapping[str, Any]
"""Dotted names to values."""
Part = Literal["best_head", "heads", "ensemble", "self_training"]


@dataclass(frozen=True)
class Variant:
    """A row: what a run takes instead of what the others of its study do; see ``studies.toml``."""

    key: str
    label: str
    settings: Settings = field(default_factory=dict)
    name: str = ""
    objective: str = "ucls"
    without: tuple[str, ...] = ()
    needs_patches: bool = False


@dataclass(frozen=True)
class Study:
    """A table: its rows, and what they share; the head of ``studies.toml`` tells of the fields."""

    name: str
    title: str
    heading: str
    axis: str
    tables: tuple[str, ...]
    published: str
    shared: Settings
    parts: tuple[Part, ...] = ("best_head", "heads", "ensemble")
    shows_neighbors: bool = False
    thesis: Settings = field(default_factory=dict)
    training: str = ""
    notes: tuple[str, ...] = ()
    setting: str = ""
    values: tuple[int | float, ...] = ()
    rows: tuple[Variant, ...] = ()
    adds_up: bool = False
    has_gains: bool = False

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The rows, each with all of its settings."""
        if self.setting:
            return tuple(
                Variant(str(value), str(value), {self.setting: value}) for value in self.values
            )
        found: list[Variant] = []
        for row in self.rows:
            above = found[-1].settings if found and self.adds_up else {}
            kept = {name: value for name, value in above.items() if name not in row.without}
            found.append(replace(row, settings={**kept, **row.settings}))
        return tuple(found)

    @property
    def varied(self) -> set[str]:
        """The settings that tell its rows apart, or that some of them need."""
        return {name for variant in self.variants for name in variant.settings}

    def with_values(self, values: Sequence[float]) -> "Study":
        """The same study of other values.

        Raises:
            UsageError: if its rows are no values.
        """
        if not self.setting:
            raise UsageError(
                f"--values is for thresholds and heads, and the rows of {self.name} are no values: "
                "leave it out"
            )
        # What should be a whole number and is none is left for the settings to refuse.
        kind = type(self.values[0])
        typed = [kind(value) if kind(value) == value else value for value in values]
        return replace(self, values=tuple(typed))


@cache
def load_studies() -> Mapping[str, Study]:
    """Reads ``studies.toml``, by name."""
    tree = tomllib.loads(STUDIES.read_text(encoding="utf-8"))
    shared = tree.pop("shared")
    studies = {name: {**study, "name": name, "shared": shared} for name, study in tree.items()}
    return TypeAdapter(dict[str, Study]).validate_python(studies)


def find_study(name: str) -> Study:
    """Returns the study of a name.

    Raises:
        UsageError: if there is none.
    """
    studies = load_studies()
    if name not in studies:
        raise UsageError(f"there is no study {name!r}; choose one of {', '.join(studies)}")
    return studies[name]
