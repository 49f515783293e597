"""A study: a table of the thesis as data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ucls.errors import UsageError

Settings = Mapping[str, Any]
Part = Literal["best_head", "heads", "ensemble", "self_training"]


@dataclass(frozen=True)
class Variant:
    """A row: what a run takes instead of what the others of its study do.

    Attributes:
        key: tells the variants of a study apart, in records and folders.
        label: for tables and plots; ``{threshold}`` stands for the neighbours' threshold.
        settings: dotted names to values.
        name: of its row in the published table.
        objective: of that row, where the table has several.
        needs_patches: whether the row is about the patch tokens, and means nothing without any.
    """

    key: str
    label: str
    settings: Settings
    name: str
    objective: str | None = None
    needs_patches: bool = False


@dataclass(frozen=True)
class Study:
    """A table: its rows, and what they share.

    Attributes:
        name: on the command line, in records and folders.
        title: for tables and plots.
        heading: of the column of labels.
        axis: of what the rows are, with its unit; for plots.
        tables: those of the thesis.
        published: name of the table in ``published.toml``.
        variants: the rows.
        parts: what is measured of every run.
        shows_neighbors: whether its table has the figures of the neighbours too.
        settings: what all rows share, unless the user wants something else.
        thesis: the thesis's own settings where they are not those of its presets.
        training: says so in words.
        values: makes the rows for other values than the thesis's; None where rows are no values.
        notes: what a reader has to know.
    """

    name: str
    title: str
    heading: str
    axis: str
    tables: tuple[str, ...]
    published: str
    variants: tuple[Variant, ...]
    parts: tuple[Part, ...] = ("best_head", "heads", "ensemble")
    shows_neighbors: bool = False
    settings: Settings = field(default_factory=dict)
    thesis: Settings = field(default_factory=dict)
    training: str = ""
    values: Callable[[Sequence[float]], tuple[Variant, ...]] | None = None
    notes: tuple[str, ...] = ()

    @property
    def varied(self) -> set[str]:
        """The settings that tell its rows apart, or that some of them need."""
        return {name for variant in self.variants for name in variant.settings}

    def with_values(self, values: Sequence[float]) -> "Study":
        """The same study of other values.

        Raises:
            UsageError: if its rows are no values.
        """
        if self.values is None:
            raise UsageError(
                f"--values is for thresholds and heads, and the rows of {self.name} are no values: "
                "leave it out"
            )
        return replace(self, variants=self.values(values))
