"""The comparison as CSV: a row for every line and score."""

from collections.abc import Iterable, Iterator

from benchmarks.accuracy.comparison import Comparison, Line
from benchmarks.accuracy.describe import describe_departures, describe_features
from benchmarks.accuracy.published import SCORES, Score

COLUMNS = (
    "dataset", "split", "objective", "part", "score",
    "ours", "ours_std", "seeds", "features", "departures",
    "published", "published_std", "published_backbone", "source", "difference",
)  # fmt: skip


def csv_rows(comparisons: Iterable[Comparison]) -> Iterator[tuple[object, ...]]:
    """Yields the values of :data:`COLUMNS`; what is not known is empty."""
    for comparison in comparisons:
        for line in comparison.lines:
            for score in SCORES:
                yield (comparison.dataset, comparison.split, *_values(line, score))


def _values(line: Line, score: str) -> tuple[object, ...]:
    published, difference = line.published, line.difference(score)
    if published is None:
        theirs: tuple[object, ...] = ("", "", "", "")
    else:
        numbers = _numbers(published.scores.get(score))
        theirs = (*numbers, published.backbone or "", published.source)
    return (
        line.objective,
        line.part,
        score,
        *_numbers(line.ours.get(score)),
        " ".join(str(record.seed) for record in line.records),
        describe_features(line.records),
        "; ".join(describe_departures(line.records)),
        *theirs,
        "" if difference is None else round(difference, 3),
    )


def _numbers(score: Score | None) -> tuple[object, object]:
    if score is None:
        return "", ""
    return round(score.mean, 3), "" if score.std is None else round(score.std, 3)
