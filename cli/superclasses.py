"""Scores at the levels of a hierarchy as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from ucls.cli.console import print_table
from ucls.report.results_table import ROWS, cell

COLUMNS = {
    "acc": "ACC", "nmi": "NMI", "ami": "AMI", "ari": "ARI",
    "class_nmi": "class\nNMI", "class_ami": "class\nAMI", "class_ari": "class\nARI",
}  # fmt: skip
LEAST_NEEDED = ("class\nARI", "class\nAMI", "ARI", "AMI", "images", "class\nNMI")
"""What is left out where there is less room, the first ones first."""
EXPLANATION = """\
ACC, NMI, AMI, ARI: each cluster stands for a class, and here for its superclass.
class NMI, AMI, ARI: of the clusters and the classes, in these images."""


def print_superclasses(levels: Sequence[Mapping[str, Any]]) -> None:
    """Prints a line for each level, of each result and split, as ``metrics.json`` holds them."""
    splits = [split for split in ("train", "val") if any(level.get(split) for level in levels)]
    for split in splits:
        for name in next(level[split] for level in levels if level.get(split)):
            rows = [
                {
                    "": level["level"],
                    "super-\nclasses": f"{level['n_superclasses']:,}",
                    "classes": f"{level['n_classes']:,}",
                    "images": f"{scores['n_images']:,}",
                    **{heading: cell(scores, column) for column, heading in COLUMNS.items()},
                }
                for level in levels
                if (scores := level.get(split, {}).get(name))
            ]
            print(f"\n{ROWS[name]}, {split}, against superclasses\n")
            print_table(rows, [(one,) for one in LEAST_NEEDED], numbers=list(rows[0])[1:])
    print(f"\n{EXPLANATION}")
