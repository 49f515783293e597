"""The studies: tables of the thesis, from ``studies.toml``, whose head tells of the fields."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.published import Part
from ucls.errors import UsageError

STUDIES = Path(__file__).with_name("studies.toml")

Settings = Mapping[str, Any]  # dotted names to values


@dataclass(frozen=True)
class Variant:
    """A row: what a run takes instead of what the others of its study do."""

    key: str
    label: str
    settings: Settings = field(default_factory=dict)
    name: str = ""
    objective: str = "ucls"
    without: tuple[str, ...] = ()
    needs_patches: bool = False


@dataclass(frozen=True)
class Study:
    """A table: its rows, and what they share."""

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
    values: tuple[Any, ...] = ()
    rows: tuple[Variant, ...] = ()
    adds_up: bool = False

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

    def without_patches(self) -> "Study":
        """The same study of class tokens alone, with a note on the rows that it leaves out."""
        if self.setting:
            return self
        rows = tuple(
            replace(row, settings={**row.settings, "features": "cls"})
            for row in self.variants
            if not row.needs_patches
        )
        left_out = ", ".join(row.label for row in self.rows if row.needs_patches)
        notes = (*self.notes, f"Without patch tokens {left_out or 'nothing'} is left out.")
        return replace(self, rows=rows, adds_up=False, notes=notes)

    def with_values(self, text: str) -> "Study":
        """The same study of other values, as in ``10,20``; the settings check what they are."""
        if not self.setting:
            raise UsageError(
                f"--values is for thresholds and heads, and the rows of {self.name} are no values: "
                "leave it out"
            )
        try:
            values = tomllib.loads(f"values = [{text}]")["values"]
        except tomllib.TOMLDecodeError:
            raise UsageError(f"expected --values such as 10,20, got {text!r}") from None
        return replace(self, values=tuple(dict.fromkeys(values)))


@cache
def load_studies() -> Mapping[str, Study]:
    """Reads ``studies.toml``, by name."""
    tree = tomllib.loads(STUDIES.read_text(encoding="utf-8"))
    shared = tree.pop("shared")
    studies = {name: {**study, "name": name, "shared": shared} for name, study in tree.items()}
    return TypeAdapter(dict[str, Study]).validate_python(studies)


def find_study(name: str) -> Study:
    """The study of a name; UsageError if there is none."""
    studies = load_studies()
    if name not in studies:
        raise UsageError(f"there is no study {name!r}; choose one of {', '.join(studies)}")
    return studies[name]
