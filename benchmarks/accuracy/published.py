"""The published figures: what ``published.toml`` holds, as objects."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

PUBLISHED = Path(__file__).resolve().parents[1] / "published.toml"
SCORES = ("nmi", "acc", "ari")

Part = Literal["best_head", "best_run", "heads", "ensemble", "self_training"]


class Score(NamedTuple):
    """A published score, in percent."""

    mean: float
    std: float | None = None
    """None where the source gives none."""
    digits: int = 2
    """After the point, as the mean is printed."""


Scores = Mapping[str, Score]
"""From ``nmi``, ``acc`` and ``ari``; what the source does not give is not there."""


@dataclass(frozen=True)
class ImageCounts:
    """Sizes of a dataset (thesis 6.1).

    Attributes:
        train: images to train on.
        val: images to measure on.
        classes: classes, and so clusters.
        source: where these are printed.
        note: on what is printed wrong there.
    """

    train: int
    val: int
    classes: int
    source: str
    note: str | None = None


@dataclass(frozen=True)
class PublishedRow:
    """One row of the comparison on a dataset.

    Attributes:
        objective: what was trained: ``ucls``, ``temi``, ``scan`` or ``turtle``.
        part: what of the run is measured; see the head of ``published.toml``.
        source: where it is printed.
        scores: on the validation images.
        backbone: where the features come from; None if the source does not say.
        note: on what is printed wrong there.
    """

    objective: str
    part: Part
    source: str
    scores: Scores
    backbone: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class AblationRow:
    """One setting of an ablation, and one part of its run.

    Attributes:
        name: of the setting.
        part: what of the run is measured.
        dataset: that it was run on.
        objective: what was trained.
        scores: on the validation images.
    """

    name: str
    part: Part
    dataset: str
    objective: str
    scores: Scores


@dataclass(frozen=True)
class NeighborFigures:
    """What a threshold does to the neighbours of the training images (thesis table 6.16).

    Attributes:
        threshold: cosine similarity.
        mean_count: neighbours per image.
        accuracy: percent of the neighbours above the threshold that are of the same class; None
            where the source gives none.
    """

    threshold: float
    mean_count: float
    accuracy: float | None = None


@dataclass(frozen=True)
class Ablation:
    """A table of thesis 6.4.

    Attributes:
        title: what is varied.
        source: the table.
        backbone: where the features come from.
        training: how it differs from the training of the comparison.
        rows: in the order of the table.
        notes: on what is printed wrong or otherwise elsewhere.
        neighbors: of the table of thresholds.
    """

    title: str
    source: str
    backbone: str
    training: str
    rows: tuple[AblationRow, ...]
    notes: tuple[str, ...] = ()
    neighbors: tuple[NeighborFigures, ...] = ()

    def scores(
        self, name: str, part: Part, *, dataset: str | None = None, objective: str | None = None
    ) -> Scores:
        """Returns the scores of one row; empty where the table has none.

        Args:
            name: of the setting.
            part: what of the run is measured.
            dataset: where it differs by row; None for any.
            objective: where it differs by row; None for any.
        """
        for row in self.rows:
            fits = dataset in (None, row.dataset) and objective in (None, row.objective)
            if fits and (row.name, row.part) == (name, part):
                return row.scores
        return {}


@dataclass(frozen=True)
class Published:
    """All published figures.

    Attributes:
        images: sizes by dataset.
        results: rows of the comparison by dataset, in the order they are shown in.
        ablations: tables by name.
    """

    images: Mapping[str, ImageCounts]
    results: Mapping[str, tuple[PublishedRow, ...]]
    ablations: Mapping[str, Ablation]


@cache
def load_published() -> Published:
    """Reads ``published.toml``."""
    text = PUBLISHED.read_text(encoding="utf-8")
    tree = tomllib.loads(text, parse_float=Decimal)  # which keeps a zero at the end
    return Published(
        images={name: ImageCounts(**counts) for name, counts in tree["images"].items()},
        results={
            name: tuple(PublishedRow(**_with_scores(row)) for row in rows)
            for name, rows in tree["results"].items()
        },
        ablations={name: _read_ablation(table) for name, table in tree["ablations"].items()},
    )


def _read_ablation(table: dict[str, Any]) -> Ablation:
    of_all = {"objective": "ucls", "dataset": table.pop("dataset", None)}
    rows = tuple(AblationRow(**_with_scores({**of_all, **row})) for row in table.pop("rows"))
    neighbors = tuple(
        NeighborFigures(**{name: float(value) for name, value in row.items()})
        for row in table.pop("neighbors", ())
    )
    notes = tuple(table.pop("notes", ()))
    return Ablation(**table, rows=rows, notes=notes, neighbors=neighbors)


def _with_scores(row: Mapping[str, Any]) -> dict[str, Any]:
    """Gathers the scores of a row under one name."""
    scores = {name: _score(row[name]) for name in SCORES if name in row}
    return {**{name: value for name, value in row.items() if name not in SCORES}, "scores": scores}


def _score(value: Decimal | list[Decimal]) -> Score:
    mean, std = value if isinstance(value, list) else (value, None)
    n_digits = len(str(mean).partition(".")[2])
    return Score(float(mean), None if std is None else float(std), n_digits)
