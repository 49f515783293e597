"""The published figures: what ``published.toml`` holds, as objects."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, TypeAdapter

PUBLISHED = Path(__file__).with_name("published.toml")
SCORES = ("nmi", "acc", "ari")

Part = Literal["best_head", "best_run", "heads", "ensemble", "self_training"]


class Score(NamedTuple):
    """A score in percent."""

    mean: float
    std: float | None = None
    """None where there is none."""
    digits: int = 2
    """After the point, as the mean is printed."""


def _read_score(value: Any) -> Any:
    if not isinstance(value, Decimal | list):
        return value
    mean, std = value if isinstance(value, list) else (value, None)
    return Score(float(mean), None if std is None else float(std), len(str(mean).partition(".")[2]))


Scores = Mapping[str, Score]
"""From ``nmi``, ``acc`` and ``ari``; what is not known is not there."""
AnyScore = Annotated[Score | None, BeforeValidator(_read_score)]


@dataclass(frozen=True)
class ImageCounts:
    """Sizes of a dataset (thesis 6.1): images of ``train`` and ``val``, and classes."""

    train: int
    val: int
    classes: int
    source: str
    note: str | None = None


@dataclass(frozen=True)
class PublishedRow:
    """Scores on the validation images, of one method on a dataset or of one row of an ablation.

    The head of ``published.toml`` tells of the fields. Only rows of ablations have a ``name`` and a
    ``dataset``, of which those without take their table's; their source is their table's too.
    """

    part: Part
    objective: str = "ucls"
    name: str = ""
    dataset: str | None = None
    source: str = ""
    backbone: str | None = None
    note: str | None = None
    nmi: AnyScore = None
    acc: AnyScore = None
    ari: AnyScore = None

    @property
    def scores(self) -> Scores:
        """Those that the source gives."""
        found = {name: getattr(self, name) for name in SCORES}
        return {name: score for name, score in found.items() if score is not None}


@dataclass(frozen=True)
class NeighborFigures:
    """What a threshold does to the neighbours of the training images (thesis table 6.16).

    ``mean_count`` neighbours per image, and ``accuracy``, the percent of those above the threshold
    that are of the same class; None where the source gives none.
    """

    threshold: float
    mean_count: float
    accuracy: float | None = None


@dataclass(frozen=True)
class Ablation:
    """A table of thesis 6.4; ``dataset`` is that of rows without one of their own."""

    title: str
    source: str
    backbone: str
    training: str
    rows: tuple[PublishedRow, ...]
    dataset: str | None = None
    notes: tuple[str, ...] = ()
    neighbors: tuple[NeighborFigures, ...] = ()

    @property
    def datasets(self) -> set[str | None]:
        """Those that its rows were run on."""
        return {row.dataset or self.dataset for row in self.rows}

    def scores(self, name: str, part: Part, *, dataset: str, objective: str = "ucls") -> Scores:
        """The scores of the row of a setting, and of a part of its run; empty if there is none."""
        wanted = (name, part, dataset, objective)
        for row in self.rows:
            if wanted == (row.name, row.part, row.dataset or self.dataset, row.objective):
                return row.scores
        return {}


@dataclass(frozen=True)
class Published:
    """All published figures: sizes and rows by dataset, ablations by name."""

    images: Mapping[str, ImageCounts]
    results: Mapping[str, tuple[PublishedRow, ...]]
    ablations: Mapping[str, Ablation]


@cache
def load_published() -> Published:
    """Reads ``published.toml``."""
    text = PUBLISHED.read_text(encoding="utf-8")
    tree = tomllib.loads(text, parse_float=Decimal)  # which keeps a zero at the end
    return TypeAdapter(Published).validate_python(tree)
