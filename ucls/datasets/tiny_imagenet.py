"""Tiny-ImageNet, as it is unpacked, and with the validation images sorted into folders."""

from pathlib import Path

from ucls.datasets.arrays import read_names
from ucls.datasets.info import DatasetContents, DatasetFiles, DatasetInfo
from ucls.datasets.wordnet import has_class_folder, wordnet_split

_FOLDER = "tiny-imagenet-200"
_NATIVE = (64, 3)


def is_tiny_imagenet(folder: Path) -> bool:
    """Whether a folder holds Tiny-ImageNet; ImageNet itself looks much the same."""
    marked = folder.name == _FOLDER or (folder / "wnids.txt").is_file()
    return marked and has_class_folder(folder / "train")


def load(folder: Path) -> DatasetContents:
    """Opens Tiny-ImageNet from ``tiny-imagenet-200``, which holds ``train`` and ``val``.

    Raises:
        UsageError: if images are missing or their class is not known.
    """
    name = "tiny-imagenet"
    train = wordnet_split(name, "train", folder / "train", native=_NATIVE)
    val = wordnet_split(
        name,
        "val",
        folder / "val",
        class_names=train.class_names,
        key=_read_key(folder / "val" / "val_annotations.txt"),
        native=_NATIVE,
    )
    return DatasetContents({"train": train, "val": val})


def _read_key(path: Path) -> dict[str, str]:
    """Reads the class of each image: the first two columns, which tabs separate."""
    rows = [line.split("\t") for line in read_names(path)] if path.is_file() else []
    return {row[0]: row[1] for row in rows if len(row) > 1}


TINY_IMAGENET = DatasetInfo(
    description="objects, 64x64",
    n_train=100_000,
    n_val=10_000,
    n_classes=200,
    image_set="tiny-imagenet",
    load=load,
    files=DatasetFiles(
        folders=(_FOLDER,),
        is_own=is_tiny_imagenet,
        expected="train/WORDNET_ID/images/*.JPEG, val/images/*.JPEG and val/val_annotations.txt",
        origin="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    ),
)
