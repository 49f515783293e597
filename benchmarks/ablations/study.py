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
    """A row: what a run takes instead of what the others of its study do.

    Attributes:
        key: tells the variants of a study apart, in records and folders.
        label: for tables and plots; ``{threshold}`` stands for the neighbours' threshold.
        settings: dotted names to values.
        name: of its row in the published table, if it is not the key.
        objective: of that row.
        without: settings of the rows above that it drops, in a study that adds up.
        needs_patches: whether the row is about the patch tokens, and means nothing without any.
    """

    key: str
    label: str
    settings: Settings = field(default_factory=dict)
    name: str = ""
    objective: str = "ucls"
    without: tuple[str, ...] = ()
    needs_patches: bool = False


@dataclass(frozen=True)
class Study:
    """A table: its rows, and what they share; see the head of ``studies.toml``.

    Attributes:
        name: on the command line, in records and folders.
        title: for tables and plots.
        heading: of the column of labels.
        axis: of what the rows are, with its unit; for plots.
        tables: those of the thesis.
        published: name of the table in ``published.toml``.
        shared: settings of all rows, unless the user wants something else.
        parts: what is measured of every run.
        shows_neighbors: whether its table has the figures of the neighbours too.
        thesis: the thesis's own settings where they are not those of its presets.
        training: says so in words.
        notes: what a reader has to know.
        setting: that is swept over the values; empty where rows are no values.
        values: of a sweep.
        rows: of another study.
    """

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

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The rows, each with all of its settings."""
        if self.setting:
            return tuple(Variant(str(v), str(v), {self.setting: v}) for v in self.values)
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
