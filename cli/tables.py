"""Results as tables for people."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ucls.cli.console import new_console, print_table
from ucls.report.results_table import (
    LABEL_FREE,
    SCORES,
    cell,
    find_row,
    heading,
    row_names,
)

if TYPE_CHECKING:
    from ucls.stages.cut import Cut

LEAST_NEEDED = (
    "seconds", "ari", "kl_to_uniform", "acc_many_to_one", "acc_class_mean", "largest", "smallest",
    "occupied_clusters", "mean_confidence", "nmi", "n_heads",
)  # fmt: skip
"""What they leave out where there is less room, the first ones first."""
WIDTH_OF_AGREEMENT = 6
CUT_SCORES = ("acc", "acc_class_mean", "acc_many_to_one", "nmi")
EXPLANATION = """\
ANMI: mean NMI to the heads that form the consensus, over the geometric mean of
the entropies; compare it between rows of the same heads. Mean conf.: share of
these heads, by their weights, that agree with the label."""


def print_results(figures: Mapping[str, Any]) -> None:
    """Prints what ``metrics.json`` holds."""
    splits = {split: figures[split] for split in ("train", "val") if figures[split]}
    has_labels = any("acc_mean" in results["heads"] for results in splits.values())
    # Two splits side by side leave no room for the last one.
    columns = (SCORES if has_labels else LABEL_FREE)[: 5 - len(splits)]
    backbones = [name for name in figures["backbones"] if name != "features"]
    title = ", ".join(
        [
            figures["dataset"],
            *backbones,
            f"{figures['n_clusters']} clusters",
            f"seed {figures['seed']}",
        ]
    )

    def name_column(split: str, column: str) -> str:
        return f"{split}\n{heading(column)}" if len(splits) > 1 else heading(column)

    rows = []
    for name, label in row_names(splits).items():
        found = {split: find_row(results, name) for split, results in splits.items()}
        cells = {
            name_column(split, column): cell(row, column)
            for split, row in found.items()
            for column in columns
        }
        if any(cells.values()):
            rows.append({"": label, **cells})
    least_needed = [
        tuple(name_column(split, column) for split in splits) for column in LEAST_NEEDED
    ]
    print_table(rows, least_needed, numbers=list(rows[0])[1:], title=title, title_justify="left")
    from ucls.backbones.names import UNTRAINED

    if untrained := [name for name in figures["backbones"] if name.endswith(UNTRAINED)]:
        print(f"\nuntrained: {', '.join(untrained)}. A trial run: its clusters mean nothing.")


def print_clusterings(runs: Sequence[Path]) -> None:
    """Prints the clusterings of the same images in some runs, and how far they agree."""
    from ucls.stages.alternatives import share_in_common, standing

    in_common = share_in_common(runs).tolist()
    columns = [f"NMI with {number}" for number in range(1, len(runs) + 1)]
    rows = []
    for place, (path, shares) in enumerate(zip(runs, in_common, strict=True)):
        found = standing(path)
        shown = {
            column: "" if other == place else f"{share:.3f}"
            for other, (column, share) in enumerate(zip(columns, shares, strict=True))
        }
        agreement = {"clusters": str(found.n_clusters), "heads agree": f"{found.agreement:.3f}"}
        rows.append({"clustering": f"{place + 1} {path}", **agreement, **shown})
    print()
    print_table(rows, (), numbers=["clusters", "heads agree", *columns])


def print_cut(cut: "Cut") -> None:
    """Prints the figures of a run that was cut at another number of clusters."""
    from ucls.metrics.scores import cluster_sizes

    rows = {}
    for split, result in cut.splits.items():
        sizes = cluster_sizes(result.labels, cut.n_clusters)
        rows[split] = {
            "occupied_clusters": int((sizes > 0).sum()),
            "smallest": int(sizes.min()),
            "largest": int(sizes.max()),
            "mean_confidence": float(result.confidence.mean()),
            **cut.scores[split],
        }
    columns = ("occupied_clusters", "smallest", "largest", "mean_confidence")
    known = CUT_SCORES if any(cut.scores.values()) else ()
    print_figures("split", rows, (*columns, *known))
    print(f"\nlabels of all images: {cut.path}")


def print_figures(
    first: str, rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str]
) -> None:
    """Prints some figures of each row, whose names stand under the heading ``first``."""
    cells = [
        {first: name, **{heading(column): cell(row, column) for column in columns}}
        for name, row in rows.items()
    ]
    least_needed = [(heading(column),) for column in LEAST_NEEDED]
    print_table(cells, least_needed, numbers=[heading(column) for column in columns])


def print_ensembles(figures: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Prints every consensus of a run, and how far they agree.

    Args:
        figures: by split and name. Splits beside ``train`` are shown for what ``train`` lacks.
    """
    on_train = figures.get("train", {})
    several = figures.keys() != {"train"}
    for split, rows in figures.items():
        if split == "train" or rows.keys() - on_train.keys():
            print_consensuses(f"consensus\nof {split}" if several else "consensus", rows)
            print()
            if len(rows) > 1:
                print_agreement(rows)
    print(EXPLANATION)


def print_consensuses(first: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints those of a split, numbered; the chosen one and the best of ``all`` are marked."""
    has_labels = all("acc" in row for row in rows.values())
    figures = ("acc", "nmi", *LABEL_FREE[:3]) if has_labels else LABEL_FREE
    labelled = {}
    for number, (name, row) in enumerate(rows.items(), 1):
        marks = {"chosen": row["chosen"], "highest ANMI": row["best_of_all"]}
        marked = ", ".join(mark for mark, applies in marks.items() if applies)
        labelled[f"{number} {name}" + (f" ({marked})" if marked else "")] = row
    print_figures(first, labelled, ("n_heads", *figures, "seconds"))


def print_agreement(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints the share of images that each two consensuses treat alike, by their numbers."""
    console = new_console()
    console.print("share of images in the same cluster in both, their clusters matched:")
    numbers = {name: str(number) for number, name in enumerate(rows, 1)}
    n_columns = max(1, (console.width - len(f"{len(rows)} ")) // WIDTH_OF_AGREEMENT)
    for start in range(0, len(rows), n_columns):
        table = Table(box=None, padding=(0, 1, 0, 0))
        shown = list(rows)[start : start + n_columns]
        for column in ("", *(numbers[name] for name in shown)):
            table.add_column(column, justify="right", no_wrap=True)
        for name, row in rows.items():
            table.add_row(numbers[name], *(cell(row["agreement"], other) for other in shown))
        console.print(table)
        console.print()
