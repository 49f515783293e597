"""``ucls datasets``: the datasets known by name."""

from pathlib import Path
from typing import TYPE_CHECKING

from ucls.cli import options as opt

if TYPE_CHECKING:
    from ucls.datasets import DatasetInfo

EXAMPLE = "ucls datasets --data-dir data/"

OWN_IMAGES = """
your own images:
  a folder         ucls run FOLDER -k NUMBER
  a list of files  ucls run LIST.csv -k NUMBER      columns: path, label
  feature files    ucls run FEATURES.npy -k NUMBER  or .npz, .h5"""


def command(*, data_dir: opt.DataDir = None) -> None:
    """List the datasets that UCLS knows by name, and which of them are there."""
    from rich.console import Console
    from rich.table import Table

    from ucls.datasets import DATASETS, data_directory
    from ucls.errors import UsageError

    folder = data_directory(data_dir)
    if folder is not None and not folder.is_dir():
        raise UsageError(f"there is no folder {folder}: check --data-dir or $UCLS_DATA")
    columns = ["name", "train", "val", "classes", "images of", "download"]
    if folder is not None:
        columns.append("found")
    table = Table(*columns, "what", box=None, padding=(0, 1, 0, 0))
    for column in table.columns[1:4]:
        column.justify = "right"
    for name, info in DATASETS.items():
        found = [] if folder is None else [_yes(_is_there(info, folder))]
        table.add_row(*_facts(name, info), *found, info.description)
    Console().print(table)
    print(OWN_IMAGES)


def _facts(name: str, info: "DatasetInfo") -> tuple[str, ...]:
    counts = (f"{info.n_train:,}", f"{info.n_val:,}", f"{info.n_classes:,}")
    shared = "" if info.image_set == name else info.image_set
    return (name, *counts, shared, _yes(info.downloads))


def _is_there(info: "DatasetInfo", folder: Path) -> bool:
    return info.files is None or info.files.find(folder) is not None


def _yes(value: bool) -> str:
    return "yes" if value else "-"
