"""Everything that a run works on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ucls.images.feature_files import FeatureArray
from ucls.images.sets import FileReader, ImageSet

SourceKind = Literal["dataset", "folder", "manifest", "packed", "features"]


@dataclass(frozen=True)
class Source:
    """Everything that a run works on.

    Attributes:
        name: what to call a run over this source.
        kind: where it comes from.
        splits: ``train`` and, where there is one, ``val``.
        arguments: what to give to :func:`load_source` to open it again, from any folder.
        classes: names of the classes that it keeps of its images; None for all.
        class_map: class name to superclass name; None for the classes as they are.
        notes: remarks for the user, a line each.
    """

    name: str
    kind: SourceKind
    splits: Mapping[str, ImageSet | FeatureArray]
    arguments: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    class_map: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int | None:
        """How many classes the labels of ``train`` tell apart; None without labels."""
        train = self.splits["train"]
        if train.labels is None:
            return None
        kept = train.class_names if self.classes is None else self.classes
        return len(kept if self.class_map is None else {self.class_map[name] for name in kept})

    @property
    def n_images(self) -> int:
        """How many images there are to train on."""
        return self.count_images("train")

    def files(self) -> Iterator[Path]:
        """What it is read from: lists, feature files, and the images that are files."""
        if "subset" in self.arguments:
            yield Path(self.arguments["subset"])
        for images in self.splits.values():
            if images.location:
                yield Path(images.location)
            if isinstance(images, ImageSet):
                yield from images.shards
            if isinstance(images, ImageSet) and isinstance(images.reader, FileReader):
                yield from (images.reader.root / path for path in images.reader.paths)

    def count_images(self, split: str) -> int:
        """Returns how many images of a split belong to the classes that are kept."""
        images = self.splits[split]
        if self.classes is None or images.labels is None:
            return len(images)
        kept = [images.class_names.index(name) for name in self.classes]
        return int(np.isin(images.labels, kept).sum())
