"""The figures of ``metrics.json`` as rows with names, for tables in text and on pages."""

from collections.abc import Mapping
from typing import Any

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
OVER_CLUSTERING = "over_clustering."
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
