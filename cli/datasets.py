"""``ucls datasets``: the datasets known by name."""

from pathlib import Path
from typing import TYPE_CHECKING

from ucls.cli import options as opt

if TYPE_CHECKING:
    from ucls.datasets import DatasetInfo

EXAMPLE = "ucls datasets --data-dir data/"

NUMBERS = ("train", "val", "classes")
LEAST_NEEDED = (("images of",), ("val",), ("download",), ("what",), ("classes",))

OWN_IMAGES = """
your own images:
  a folder         ucls run FOLDER -k NUMBER
  a list of files  ucls run LIST.csv -k NUMBER      columns: path, label; or .tsv, .txt
  images in files  ucls run SHARDS.tar -k NUMBER    or .parquet, or a folder of these
  feature files    ucls run FEATURES.npy -k NUMBER  or .npz, .h5, .pt, .parquet, .mat, ..."""


def command(*, data_dir: opt.DataDir = None) -> None:
    """List the datasets that UCLS knows by name, and which of them are there."""
    from ucls.cli.console import print_table
    from ucls.datasets import DATASETS, data_directory
    from ucls.errors import UsageError

    folder = data_directory(data_dir)
    if folder is not None and not folder.is_dir():
        raise UsageError(f"there is no folder {folder}: check --data-dir or $UCLS_DATA")
    rows = [_row(name, info, folder) for name, info in DATASETS.items()]
    print_table(rows, LEAST_NEEDED, numbers=NUMBERS, box=None, padding=(0, 1, 0, 0))
    print(OWN_IMAGES)


def _row(name: str, info: "DatasetInfo", folder: Path | None) -> dict[str, str]:
    found = {} if folder is None else {"found": _yes(_is_there(info, folder))}
    return {
        "name": name,
        "train": f"{info.n_train:,}",
        "val": f"{info.n_val:,}",
        "classes": f"{info.n_classes:,}",
        "images of": "" if info.image_set == name else info.image_set,
        "download": _yes(info.downloads),
        **found,
        "what": info.description,
    }


def _is_there(info: "DatasetInfo", folder: Path) -> bool:
    return info.files is None or info.files.find(folder) is not None


def _yes(value: bool) -> str:
    return "yes" if value else "-"
