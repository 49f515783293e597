"""What is known about a dataset before it is opened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ucls.images.sets import ImageSet


@dataclass(frozen=True)
class DatasetContents:
    """What a dataset is once it is opened.

    Attributes:
        splits: the images of ``train`` and ``val``.
        classes: names of the classes that the dataset keeps of its images; None for all.
        class_map: class name to superclass name; None for the classes as they are.
    """

    splits: Mapping[str, ImageSet]
    classes: tuple[str, ...] | None = None
    class_map: Mapping[str, str] | None = None


@dataclass(frozen=True)
class DatasetFiles:
    """Where the files of a dataset lie, and where they come from.

    Attributes:
        folders: the names that its own folder may have below the data folder, the usual first.
        is_own: whether a folder is the dataset's own, told without opening it.
        expected: what must lie in the usual folder.
        origin: where to get the files.
        download: fetches them into a data folder; None where that cannot be done.
        installed: where a package of the system puts them.
    """

    folders: tuple[str, ...]
    is_own: Callable[[Path], bool]
    expected: str
    origin: str
    download: Callable[[Path], None] | None = None
    installed: Path | None = None

    def find(self, data_dir: Path | None) -> Path | None:
        """The dataset's own folder: a data folder or one below it; without one, that installed."""
        if data_dir is None:
            candidates = [] if self.installed is None else [self.installed]
        else:
            candidates = [data_dir, *map(data_dir.joinpath, self.folders)]
        return next((folder for folder in candidates if self.is_own(folder)), None)


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset known by name.

    Attributes:
        description: what is to be seen, in a few words.
        n_train: images to train on, in the whole dataset.
        n_val: images that are labelled but never trained on.
        n_classes: classes after ``classes`` and ``class_map`` of the contents.
        image_set: name of its images, which several datasets may share.
        load: opens it from its own folder.
        files: its files; None for a dataset that a package brings along.
        takes_subset: whether its classes are listed in a file of the user's.
        backbone: what it is run with by default; None for the general default.
    """

    description: str
    n_train: int
    n_val: int
    n_classes: int
    image_set: str
    load: Callable[[Path], DatasetContents]
    files: DatasetFiles | None = None
    takes_subset: bool = False
    backbone: str | None = None

    @property
    def downloads(self) -> bool:
        """Whether its files can be downloaded."""
        return self.files is not None and self.files.download is not None


def holds_file(*names: str) -> Callable[[Path], bool]:
    """Returns a test of whether a folder holds a file of one of some names."""

    def is_own(folder: Path) -> bool:
        return any((folder / name).is_file() for name in names)

    return is_own
