"""``ucls datasets``: the datasets known by name."""

from ucls.cli import options as opt

EXAMPLE = "ucls datasets"


def command(verbose: opt.Verbose = False) -> None:
    """List the datasets that UCLS knows by name."""
    from rich.console import Console
    from rich.table import Table

    from ucls.datasets import DATASETS

    table = Table("name", "train", "val", "classes", "what", show_edge=False, pad_edge=False)
    for name, info in DATASETS.items():
        counts = (f"{info.n_train:,}", f"{info.n_val:,}", str(info.n_classes))
        table.add_row(name, *counts, info.description)
    Console().print(table)
    print("\nYour own images: ucls run FOLDER -k NUMBER")
