"""The image files behind a run's rows, whether or not they are still there."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ucls.datasets import DATASETS
from ucls.errors import UsageError
from ucls.images.manifest import MANIFEST_SUFFIXES
from ucls.images.sets import FileReader
from ucls.runs.pictures import Pictures
from ucls.runs.run import Run


@dataclass(frozen=True)
class ImageFiles:
    """The files of one split.

    Attributes:
        files: the absolute path of each row's image.
        listed: the folder in which every image counts as one of the run's; None where a list names
            them.
    """

    files: list[str]
    listed: Path | None

    def check_apart_from(self, folders: Iterable[Path]) -> None:
        """Refuses folders in which new files would be images of the run.

        Raises:
            UsageError: if one lies in :attr:`listed`.
        """
        if self.listed is None:
            return
        root = self.listed.resolve()
        for folder in folders:
            if folder.resolve().is_relative_to(root):
                raise UsageError(
                    f"{folder} lies in {self.listed}, where all images count as the run's own, so "
                    "that what is put there would be new images: choose a folder elsewhere"
                )


def image_files(run: Run, split: str, paths: Sequence[str]) -> ImageFiles:
    """Finds the files of a split's rows by the run's source.

    The folder is not searched: where images have come or gone since, the others stay what they
    were.

    Args:
        run: with images.
        split: ``train`` or ``val``.
        paths: the id of each row.

    Raises:
        UsageError: if the run's images are no files of their own.
    """
    arguments = run.folder.record["source"]
    if "features" in run.data.extractions:
        raise _no_files(run, "it was made of features that have no images")
    if arguments.get("kind") == "packed":
        raise _no_files(run, f"they lie inside of {arguments['source']}")
    if arguments["source"] in DATASETS:
        return _of_dataset(run, split, paths)
    source = Path(arguments["source" if split == "train" else split])
    is_list = source.suffix.lower() in MANIFEST_SUFFIXES and not source.is_dir()
    root = str(source.parent if is_list else source)
    # pathlib takes many seconds more for a million files.
    files = [os.path.join(root, path) for path in paths]  # noqa: PTH118
    return ImageFiles(files, None if is_list else source)


def _of_dataset(run: Run, split: str, paths: Sequence[str]) -> ImageFiles:
    pictures = Pictures.of(run, split)
    if pictures.images is None:
        raise _no_files(run, pictures.reason)
    reader, ids = pictures.images.reader, pictures.images.paths
    if not isinstance(reader, FileReader):
        raise _no_files(run, f"those of {pictures.images.name} are no files of their own")
    if [ids[number] for number in pictures.numbers] != list(paths):
        raise _no_files(run, f"those of {pictures.images.name} are others now")
    files = [str(reader.root / reader.paths[number]) for number in pictures.numbers]
    return ImageFiles(files, reader.root)


def _no_files(run: Run, reason: str) -> UsageError:
    path = run.folder.path
    return UsageError(
        f"{path} has no image files, since {reason}; "
        f"for its labels as a table: ucls export {path} --out labels.csv"
    )
