"""A record that was not measured."""

from benchmarks.efforts import Figures
from benchmarks.quality.record import QualityRecord
from benchmarks.records import made_here


def figures(acc: float) -> Figures:
    """Of one cell."""
    return {"ACC": acc, "class ACC": 0.7, "NMI": 0.6, "clusters": 9, "wanted": 10, "s": 2.5}


def quality_record() -> QualityRecord:
    """Two sets, of which the second was not finished."""
    facts = {"images": 1437, "features": 64, "classes": 10, "least": 140, "largest": 146}
    results = {
        "digits": {"k-means": {0: figures(0.8), 1: figures(0.9)}, "ucls": {0: figures(0.95)}},
        "sphere": {"k-means": {0: figures(0.5)}},
    }
    return QualityRecord(**made_here(), sets={"digits": facts, "sphere": facts}, results=results)
