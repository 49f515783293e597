"""Datasets that are known by name, as sources."""

from dataclasses import replace
from pathlib import Path

from ucls.datasets import DATASETS, DatasetInfo, data_directory, open_dataset
from ucls.sources.source import Source


def dataset_source(
    name: str, data_dir: str | Path | None, subset: Path | None, *, download: bool
) -> Source:
    """Opens a dataset."""
    info = DATASETS[name]
    contents = open_dataset(name, info, data_dir=data_dir, subset=subset, download=download)
    arguments = {"source": name}
    folder = data_directory(data_dir)
    if info.files is not None and folder is not None:
        # Also where the environment told it, so that a run can be continued without.
        arguments["data_dir"] = str(folder)
    if subset is not None:
        arguments["subset"] = str(subset)
    opened = Source(
        name, "dataset", contents.splits, arguments, contents.classes, contents.class_map
    )
    return replace(opened, notes=_notes(opened, info))


def _notes(source: Source, info: DatasetInfo) -> tuple[str, ...]:
    """Says where a dataset is not the whole one."""
    counts = {"train": info.n_train, "val": info.n_val}
    notes = [
        f"{source.name} {split} holds {n_here:,} images, the whole dataset {n_whole:,}"
        for split, n_whole in counts.items()
        if (n_here := source.count_images(split)) != n_whole
    ]
    if source.n_classes != info.n_classes:
        notes.append(
            f"{source.name} holds {source.n_classes:,} classes, the whole dataset "
            f"{info.n_classes:,}"
        )
    return tuple(notes)
