"""Results as tables for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

SCORES = ("acc", "nmi", "ari")
LABEL_FREE = ("anmi", "mean_confidence", "kl_to_uniform", "occupied_clusters")
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
    columns = SCORES if has_labels else LABEL_FREE
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
    table.add_column("")
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
    from ucls.backbone_names import UNTRAINED

    if untrained := [name for name in figures["backbones"] if name.endswith(UNTRAINED)]:
        print(f"\nuntrained: {', '.join(untrained)}. A trial run: its clusters mean nothing.")


def print_ensembles(figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints every consensus of a run on its training images, the chosen one marked."""
    has_labels = all("acc" in row for row in figures.values())
    columns = (*SCORES, *LABEL_FREE) if has_labels else LABEL_FREE
    table = Table("consensus", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(heading(column), justify="right", no_wrap=True)
    for name, row in figures.items():
        label = f"{name} (chosen)" if row["chosen"] else name
        table.add_row(escape(label), *(cell(row, column) for column in columns))
    new_console().print(table)


def new_console() -> Console:
    """A console for tables; a pipe or a file has room for wide ones."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 120)
    return console


def row_names(splits: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The rows in order; ensembles beside the chosen one come after it."""
    chosen = splits["train"]["ensemble.chosen"]["method"]
    names = {}
    for name, label in ROWS.items():
        is_chosen = name == "ensemble.chosen"
        names[name] = f"{label} ({chosen})" if is_chosen else label
        if is_chosen:
            names |= {
                other: f"  {other.replace('.', ' ', 1)}"
                for other in splits["train"]
                if other.startswith("ensemble.") and other not in (name, f"ensemble.{chosen}")
            }
    return names


def find_row(results: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The figures of one row; empty where a split has none."""
    if name == "oracle":
        results = results.get("self_training", {})
    if name in ("heads", "heads_std"):
        suffix = "_std" if name == "heads_std" else "_mean"
        return {
            key.removesuffix(suffix): value
            for key, value in results["heads"].items()
            if key.endswith(suffix) or (name == "heads" and key == "mean_confidence")
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
    """``acc`` to ``ACC``; ``mean_confidence`` to two lines, as tables have to fit 80 columns."""
    if len(column) <= 4:
        return column.upper()
    first, _, last = column.rpartition("_")
    return f"{first.replace('_', ' ')}\n{last}"
