"""Results as tables for people."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ucls.cli.console import new_console, print_table

if TYPE_CHECKING:
    from ucls.stages.cut import Cut

SCORES = ("acc", "acc_class_mean", "nmi", "ari")
LABEL_FREE = ("anmi", "mean_confidence", "occupied_clusters", "kl_to_uniform")
HEADINGS = {
    "n_heads": "heads",
    "acc_class_mean": "class\nACC",
    "acc_many_to_one": "many\nto one",
    "smallest": "smallest\ncluster",
    "largest": "largest\ncluster",
    "mean_confidence": "mean\nconf.",
    "occupied_clusters": "clusters\nfilled",
    "kl_to_uniform": "KL to\nuniform",
    "seconds": "sec.",
}
"""Short, as tables have to fit 80 columns."""
LEAST_NEEDED = (
    "seconds", "ari", "kl_to_uniform", "acc_many_to_one", "acc_class_mean", "largest", "smallest",
    "occupied_clusters", "mean_confidence", "nmi", "n_heads",
)  # fmt: skip
"""What they leave out where there is less room, the first ones first."""
WIDTH_OF_AGREEMENT = 6
OVER_CLUSTERING = "over_clustering."
CUT_SCORES = ("acc", "acc_class_mean", "acc_many_to_one", "nmi")
EXPLANATION = """\
ANMI: mean NMI to the heads that form the consensus, over the geometric mean of
the entropies; compare it between rows of the same heads. Mean conf.: share of
these heads, by their weights, that agree with the label."""
ROWS = {
    "kmeans": "k-means",
    "best_head": "best head (lowest loss)",
    "heads": "all heads, mean",
    "heads_std": "  standard deviation",
    "ensemble.chosen": "ensemble",
    "self_training": "self-training",
    "corrected": "corrected by hand",
    "oracle": "  picked by labels (oracle)",
    "knn": "k-NN, sees labels",
    "linear_probe": "linear probe, sees labels",
}


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


def row_names(splits: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The rows in order; ensembles beside the chosen one come after it."""
    chosen = splits["train"]["ensemble.chosen"]["method"]
    found = dict.fromkeys(name for results in splits.values() for name in results)
    names: dict[str, str] = {}
    for name, label in ROWS.items():
        if name == "ensemble.chosen":
            sizes = splits["train"].get("over_clustering", {})
            names |= {
                f"{OVER_CLUSTERING}{size}": f"  with {size} clusters, many-to-one" for size in sizes
            }
        is_chosen = name == "ensemble.chosen"
        names[name] = f"{label} ({chosen})" if is_chosen else label
        if is_chosen:
            names |= {
                other: f"  {other.replace('.', ' ', 1)}"
                for other in found
                if other.startswith("ensemble.") and other not in (name, f"ensemble.{chosen}")
            }
    return names


def find_row(results: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The figures of one row; empty where a split has none."""
    if name == "oracle":
        results = results.get("self_training", {})
    if name.startswith(OVER_CLUSTERING):
        sizes = results.get("over_clustering", {})
        scores = sizes.get(name.removeprefix(OVER_CLUSTERING), {})
        return {"acc": scores.get("acc_many_to_one_mean"), "nmi": scores.get("nmi_mean")}
    if name in ("heads", "heads_std"):
        suffix = "_std" if name == "heads_std" else "_mean"
        return {
            key.removesuffix(suffix): value
            for key, value in results["heads"].items()
            if key.endswith(suffix)
        }
    row: Mapping[str, Any] = results.get(name, {})
    return row


def cell(row: Mapping[str, Any], column: str) -> str:
    """One figure; empty where there is none."""
    value = row.get(column)
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def heading(column: str) -> str:
    """What stands above a column."""
    return HEADINGS.get(column, column.upper())
