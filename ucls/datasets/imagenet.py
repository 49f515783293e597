"""ImageNet (ILSVRC 2012), whole and by the classes of a list."""

import csv
from pathlib import Path

from ucls.datasets.info import DatasetContents, DatasetFiles, DatasetInfo
from ucls.datasets.tiny_imagenet import is_tiny_imagenet
from ucls.datasets.wordnet import has_class_folder, wordnet_split
from ucls.errors import UsageError

_KAGGLE_KEY = "LOC_val_solution.csv"


def is_imagenet(folder: Path) -> bool:
    """Whether a folder holds ``train`` with a folder for each class, and is not Tiny-ImageNet."""
    return has_class_folder(folder / "train") and not is_tiny_imagenet(folder)


def load(folder: Path) -> DatasetContents:
    """Opens ImageNet from the folder of ``train`` and ``val``, of as many classes as there are.

    Raises:
        UsageError: if images are missing or their class is not known.
    """
    if not (folder / "val").is_dir():
        raise UsageError(
            f"expected the folder {folder / 'val'}, got none: unpack the validation images there"
        )
    train = wordnet_split("imagenet", "train", folder / "train")
    val = wordnet_split(
        "imagenet",
        "val",
        folder / "val",
        class_names=train.class_names,
        key=_read_key(folder),
    )
    return DatasetContents({"train": train, "val": val})


def _read_key(folder: Path) -> dict[str, str]:
    """Reads the class of each validation image from Kaggle's list, if it is there.

    The list lies beside ``ILSVRC/Data/CLS-LOC``, or where a user has put it on the way there.
    """
    folders = (folder / "val", folder, *folder.resolve().parents[:3])
    path = next((item / _KAGGLE_KEY for item in folders if (item / _KAGGLE_KEY).is_file()), None)
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return {f"{row['ImageId']}.JPEG": row["PredictionString"].split()[0] for row in rows}
    except (KeyError, IndexError, AttributeError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            f"expected the columns ImageId and PredictionString in {path}, with the WordNet id "
            "first in the latter, got something else: fetch the file again"
        ) from error


def _info(description: str, n_train: int, n_val: int, n_classes: int) -> DatasetInfo:
    return DatasetInfo(
        description=description,
        n_train=n_train,
        n_val=n_val,
        n_classes=n_classes,
        image_set="imagenet",
        load=load,
        files=DatasetFiles(
            folders=("imagenet", "ImageNet", "ILSVRC2012", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC"),
            is_own=is_imagenet,
            expected="train/WORDNET_ID/*.JPEG and val/WORDNET_ID/*.JPEG",
            origin="https://www.image-net.org, or Kaggle's imagenet-object-localization-challenge",
        ),
        takes_subset=n_classes < 1_000,
    )


IMAGENET = _info("objects", 1_281_167, 50_000, 1_000)
IMAGENET50 = _info("needs --subset", 64_274, 2_500, 50)
IMAGENET100 = _info("needs --subset", 128_545, 5_000, 100)
IMAGENET200 = _info("needs --subset", 256_558, 10_000, 200)
