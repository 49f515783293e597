"""Thesis table 6.16 beside simulated features."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.published import NeighborFigures, load_published
from benchmarks.simulated.features import SimulatedFeatures
from benchmarks.simulated.neighbors import Sets, describe_sets, draw_queries, find_nearest
from benchmarks.tables import Table
from ucls.progress import Advance, ignore_progress

K, CAP = 50, 1285
"""Of table 6.16: N/C is 128,545 / 100."""
COUNT_BOUND = 8.0
"""Largest difference of a count, in percent."""
ACCURACY_BOUND = 2.0
"""Largest difference of an accuracy, in points."""
HEADINGS = (
    "threshold", "published count", "simulated count", "diff. %", "published ACC",
    "simulated ACC", "diff. points", "simulated ACC above", "diff. points", "within",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """A threshold of table 6.16, in the thesis and in simulated features."""

    threshold: float
    published_count: float
    """Neighbours per image, for this N/C."""
    count: float
    published_accuracy: float
    """Percent, as the next two."""
    accuracy: float
    accuracy_above: float

    @property
    def count_difference(self) -> float:
        """In percent of the published count."""
        return 100 * (self.count / self.published_count - 1)

    @property
    def accuracy_differences(self) -> tuple[float, float]:
        """In points: of the whole sets, and of what is above the threshold."""
        return (
            self.accuracy - self.published_accuracy,
            self.accuracy_above - self.published_accuracy,
        )

    @property
    def excess(self) -> tuple[float, float, float]:
        """All three differences, as shares of their bound: within it from -1 to 1."""
        whole, above = self.accuracy_differences
        return self.count_difference / COUNT_BOUND, whole / ACCURACY_BOUND, above / ACCURACY_BOUND

    @property
    def is_within(self) -> bool:
        """Whether all three differences are within their bounds."""
        return all(abs(share) <= 1 for share in self.excess)


def check(
    features: SimulatedFeatures,
    *,
    n_queries: int = 4096,
    seed: int = 0,
    advance: Advance = ignore_progress,
) -> list[Comparison]:
    """Compares the sets S_x of some simulated images, among all, with table 6.16.

    The thesis does not say whether its accuracies are those of the whole sets or of what is above
    the threshold, and has none where nothing is; so both are held against them. At another N/C
    than its own, k and the published counts are scaled.

    Args:
        features: all images.
        n_queries: images whose sets are looked at.
        seed: of the choice of these.
        advance: told of every image compared.
    """
    published = published_sets()
    cap = set_cap(features)
    queries = draw_queries(features.labels, n_queries, seed)
    nearest = find_nearest(features, queries, cap, advance=advance)
    thresholds = [row.threshold for row in published]
    sets = describe_sets(nearest, thresholds, k=scaled_k(features))
    scale = features.n_images / features.n_classes / CAP
    return [_compare(row, found, scale) for row, found in zip(published, sets, strict=True)]


def comparison_table(rows: Sequence[Comparison]) -> Table:
    """A line for each threshold."""
    return Table(HEADINGS, [_cells(row) for row in rows], n_left=0)


def published_sets() -> list[NeighborFigures]:
    """The thresholds of table 6.16 that have an accuracy."""
    rows = load_published().ablations["thresholds"].neighbors
    return [row for row in rows if row.accuracy is not None]


def set_cap(features: SimulatedFeatures) -> int:
    """The largest set: N/C."""
    return min(features.n_images // features.n_classes, features.n_images - 1)


def scaled_k(features: SimulatedFeatures) -> int:
    """As large a part of N/C as 50 is in table 6.16."""
    return max(1, round(K * features.n_images / features.n_classes / CAP))


def _compare(row: NeighborFigures, found: Sets, scale: float) -> Comparison:
    assert row.accuracy is not None
    return Comparison(
        threshold=row.threshold,
        published_count=row.mean_count * scale,
        count=found.mean_count,
        published_accuracy=row.accuracy,
        accuracy=100 * found.accuracy,
        accuracy_above=100 * found.accuracy_above,
    )


def _cells(row: Comparison) -> list[str]:
    whole, above = row.accuracy_differences
    return [
        f"{row.threshold:.1f}",
        f"{row.published_count:.1f}",
        f"{row.count:.1f}",
        f"{row.count_difference:+.1f}",
        f"{row.published_accuracy:.2f}",
        f"{row.accuracy:.2f}",
        f"{whole:+.2f}",
        f"{row.accuracy_above:.2f}",
        f"{above:+.2f}",
        "yes" if row.is_within else "NO",
    ]
