"""The published figures: what ``published.toml``, whose head tells of the fields, holds."""

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

Part = Literal["kmeans", "best_head", "best_run", "heads", "ensemble", "self_training"]


class Score(NamedTuple):
    """A score in percent; ``digits`` after the point are printed."""

    mean: float
    std: float | None = None
    digits: int = 2


def _read_score(value: Any) -> Any:
    if not isinstance(value, Decimal | list):
        return value
    mean, std = value if isinstance(value, list) else (value, None)
    return Score(float(mean), None if std is None else float(std), len(str(mean).partition(".")[2]))


Scores = Mapping[str, Score]  # without what is not known
AnyScore = Annotated[Score | None, BeforeValidator(_read_score)]


@dataclass(frozen=True)
class PublishedRow:
    """Scores on the validation images, if any; only rows of ablations have names and datasets."""

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
    """Neighbours per training image above a threshold, and percent of the same class (6.16)."""

    threshold: float
    mean_count: float
    accuracy: float | None = None


@dataclass(frozen=True)
class Ablation:
    """A table of thesis 6.4; ``dataset`` is that of rows without one of their own."""

    source: str
    backbone: str
    training: str
    rows: tuple[PublishedRow, ...]
    dataset: str | None = None
    notes: tuple[str, ...] = ()
    neighbors: tuple[NeighborFigures, ...] = ()

    def scores(self, name: str, part: Part, *, dataset: str, objective: str = "ucls") -> Scores:
        """The scores of the row of a setting, and of a part of its run; empty if there is none."""
        wanted = (name, part, dataset, objective)
        for row in self.rows:
            if wanted == (row.name, row.part, row.dataset or self.dataset, row.objective):
                return row.scores
        return {}


@dataclass(frozen=True)
class Published:
    """All published scores: rows by dataset, ablations by name."""

    results: Mapping[str, tuple[PublishedRow, ...]]
    ablations: Mapping[str, Ablation]


@cache
def load_published() -> Published:
    """Reads ``published.toml``."""
    text = PUBLISHED.read_text(encoding="utf-8")
    tree = tomllib.loads(text, parse_float=Decimal)  # which keeps a zero at the end
    return TypeAdapter(Published).validate_python(tree)
