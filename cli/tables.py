"""Results as tables for people."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from ucls.cli.console import new_console

if TYPE_CHECKING:
    from rich.console import Console

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
COLUMNS_OF_AGREEMENT = 12
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
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("", overflow="fold")
    for split in splits:
        for column in columns:
            table.add_column(f"{split}\n{heading(column)}", justify="right", no_wrap=True)
    for name, label in row_names(splits).items():
        cells = [
            cell(find_row(results, name), column)
            for results in splits.values()
            for column in columns
        ]
        if any(cells):
            table.add_row(escape(label), *cells)
    new_console().print(table)
    from ucls.backbones.names import UNTRAINED

    if untrained := [name for name in figures["backbones"] if name.endswith(UNTRAINED)]:
        print(f"\nuntrained: {', '.join(untrained)}. A trial run: its clusters mean nothing.")


def print_cut(cut: "Cut") -> None:
    """Prints the figures of a run that was cut at another number of clusters."""
    table = Table(show_edge=False, pad_edge=False)
    from ucls.metrics.scores import cluster_sizes

    columns = ("occupied_clusters", "smallest", "largest", "mean_confidence")
    known = CUT_SCORES if any(cut.scores.values()) else ()
    table.add_column("split", no_wrap=True)
    for column in (*columns, *known):
        table.add_column(heading(column), justify="right", no_wrap=True)
    for split, result in cut.splits.items():
        sizes = cluster_sizes(result.labels, cut.n_clusters)
        row = {
            "occupied_clusters": int((sizes > 0).sum()),
            "smallest": int(sizes.min()),
            "largest": int(sizes.max()),
            "mean_confidence": float(result.confidence.mean()),
            **cut.scores[split],
        }
        table.add_row(split, *(cell(row, column) for column in (*columns, *known)))
    new_console().print(table)
    print(f"\nlabels of all images: {cut.path}")


def print_ensembles(figures: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Prints every consensus of a run, and how far they agree.

    Args:
        figures: by split and name. Splits beside ``train`` are shown for what ``train`` lacks.
    """
    console = new_console()
    on_train = figures.get("train", {})
    for split, rows in figures.items():
        if split == "train" or rows.keys() - on_train.keys():
            console.print(ensembles_table(split, rows))
            console.print()
            if len(rows) > 1:
                print_agreement(console, rows)
    print(EXPLANATION)


def print_agreement(console: "Console", rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints the share of images that each two consensuses treat alike, by their numbers."""
    print("share of images in the same cluster in both, their clusters matched:")
    for start in range(0, len(rows), COLUMNS_OF_AGREEMENT):
        console.print(agreement_table(rows, start))
        console.print()


def ensembles_table(split: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """Every consensus of a split, numbered; the chosen one and the best of ``all`` are marked."""
    has_labels = all("acc" in row for row in rows.values())
    figures = ("acc", "nmi", *LABEL_FREE[:3]) if has_labels else LABEL_FREE
    table = Table(show_edge=False, pad_edge=False)
    table.add_column(f"consensus\nof {split}", overflow="fold")
    columns = ("n_heads", *figures, "seconds")
    for column in columns:
        table.add_column(heading(column), justify="right", no_wrap=True)
    for number, (name, row) in enumerate(rows.items(), 1):
        marks = {"chosen": row["chosen"], "highest ANMI": row["best_of_all"]}
        marked = ", ".join(mark for mark, applies in marks.items() if applies)
        label = f"{number} {name}" + (f" ({marked})" if marked else "")
        table.add_row(escape(label), *(cell(row, column) for column in columns))
    return table


def agreement_table(rows: Mapping[str, Mapping[str, Any]], start: int) -> Table:
    """Some columns of that, from the given one on; more would not fit beside each other."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    numbers = {name: str(number) for number, name in enumerate(rows, 1)}
    shown = list(rows)[start : start + COLUMNS_OF_AGREEMENT]
    for column in ("", *(numbers[name] for name in shown)):
        table.add_column(column, justify="right", no_wrap=True)
    for name, row in rows.items():
        table.add_row(numbers[name], *(cell(row["agreement"], other) for other in shown))
    return table


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
