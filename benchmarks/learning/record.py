"""What became of networks that ``ucls pretrain`` learned, one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.records import Record, made_here, read_record
from ucls.errors import UsageError

Scores = dict[str, float]
"""``acc``, ``nmi`` and ``knn``, each in 0..1, as far as there are any."""


@dataclass(frozen=True)
class Learned:
    """One network.

    Attributes:
        epochs: the scores of each, on a sample of the training images.
        clusters: of all training images by the method's own head; empty where it has none.
        run: of ``ucls run`` with the network as its backbone: ``train`` and ``val`` are ACC of the
            consensus, ``kmeans`` is that of k-means on the learned features, ``knn`` names ``val``.
        collapse: what is wrong with the network; empty if nothing is.
    """

    epochs: tuple[Scores, ...]
    clusters: Scores
    run: Scores
    collapse: str = ""


@dataclass(frozen=True, kw_only=True)
class LearningRecord(Record):
    """The networks of one dataset.

    Attributes:
        settings: of all trainings.
        images: how many there are to learn from.
        kmeans: ACC of k-means on the pixels, by seed.
        learned: by method, by seed.
    """

    made_by: ClassVar[str] = "learning"

    dataset: str
    settings: dict[str, Any]
    images: int
    kmeans: dict[int, float]
    learned: dict[str, dict[int, Learned]]


def begin_record(
    path: Path, *, dataset: str, settings: Mapping[str, Any], images: int
) -> LearningRecord:
    """An empty record, or what was left by trainings with the same settings.

    Raises:
        UsageError: if the file holds anything else, which may have taken hours.
    """
    empty = LearningRecord(
        **made_here(), dataset=dataset, settings=dict(settings), images=images, kmeans={},
        learned={},
    )  # fmt: skip
    if not path.exists():
        return empty
    kept = read_record(path, LearningRecord)
    for name in ("dataset", "settings", "images"):
        before, now = getattr(kept, name), getattr(empty, name)
        if before != now:
            raise UsageError(
                f"{path} was begun with {name} {before}, got {now}: give another --out"
            )
    return kept
