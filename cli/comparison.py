"""Two runs compared, as text for people."""

from collections.abc import Sequence

from ucls.cli.console import print_table
from ucls.report.comparison import Comparison, Overlap, Side
from ucls.report.shown_names import shown_cluster, shown_name
from ucls.wording import count

MOST_MATCHED = 30
MOST_MOVES = 10
MOST_LISTED = 12
LEAST_NEEDED = (("of B",), ("of A",))


def print_comparison(comparison: Comparison) -> None:
    """Prints what two runs have in common, cluster against cluster."""
    for letter, side in (("A", comparison.a), ("B", comparison.b)):
        meant = "as corrected" if side.is_corrected else "as found, as nothing was corrected"
        print(
            f"{letter}: {side.path}, {count(side.n_images, 'image')} in "
            f"{count(side.n_clusters, 'cluster')}, labels {meant}"
        )
    if comparison.is_same_run:
        print("A and B are the same run, so they agree in everything")
    moved = count(comparison.n_moved, "image")
    print(f"\n{count(comparison.n_common, 'image')} in both; {moved} moved")
    _print_agreement(comparison)
    for letter, side in (("A", comparison.a), ("B", comparison.b)):
        _print_only(letter, side)
    matched = [pair for pair in comparison.overlaps if pair.is_matched]
    moves = [pair for pair in comparison.overlaps if not pair.is_matched]
    _print_pairs(
        "clusters that match, and what share of each they have in common",
        matched,
        comparison,
        most=MOST_MATCHED,
    )
    _print_pairs("the largest moves", moves, comparison, most=MOST_MOVES)
    for letter, side in (("A", comparison.a), ("B", comparison.b)):
        _print_unmatched(letter, side)


def _print_agreement(comparison: Comparison) -> None:
    if comparison.n_marked:
        print(
            f"{count(comparison.n_marked, 'image')} in no cluster in A or B, "
            "left out of the agreement"
        )
    if comparison.ari is None:
        print("agreement: unknown, as no image is in a cluster in both")
        return
    print(
        f"agreement: ARI {comparison.ari:.3f}, NMI {comparison.nmi:.3f}; "
        f"{comparison.share_matched:.3f} of the images in clusters that match"
    )


def _print_only(letter: str, side: Side) -> None:
    if side.only:
        more = ", ..." if side.only > len(side.examples) else ""
        examples = ", ".join(shown_name(path) for path in side.examples)
        print(f"{count(side.only, 'image')} only in {letter}: {examples}{more}")


def _print_pairs(
    title: str, pairs: Sequence[Overlap], comparison: Comparison, *, most: int
) -> None:
    if not pairs:
        return
    print(f"\n{title}:")
    rows = [
        {
            "cluster of A": shown_cluster(pair.a, comparison.a.names.get(pair.a, "")),
            "cluster of B": shown_cluster(pair.b, comparison.b.names.get(pair.b, "")),
            "images": f"{pair.n_images:,}",
            "of A": f"{pair.share_of_a:.3f}",
            "of B": f"{pair.share_of_b:.3f}",
        }
        for pair in pairs[:most]
    ]
    print_table(rows, LEAST_NEEDED, numbers=("images", "of A", "of B"))
    left_out = pairs[most:]
    if left_out:
        n_images = sum(pair.n_images for pair in left_out)
        print(f"and {len(left_out):,} more pairs of clusters, of {count(n_images, 'image')} in all")


def _print_unmatched(letter: str, side: Side) -> None:
    if side.unmatched:
        shown = [shown_cluster(i, side.names.get(i, "")) for i in side.unmatched[:MOST_LISTED]]
        more = ", ..." if len(side.unmatched) > MOST_LISTED else ""
        print(f"clusters of {letter} that match none: {', '.join(shown)}{more}")
