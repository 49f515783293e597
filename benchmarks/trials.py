"""The record of one run: what was asked for, on what it ran, and what came out."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, Field

from benchmarks.records import Record

LEFT_OUT = ("cluster_sizes", "agreement")
"""Long lists in ``metrics.json`` that no table shows."""


@dataclass(frozen=True, kw_only=True)
class Trial(Record):
    """What is kept of one run.

    Attributes:
        dataset: name of its source.
        objective: what was trained.
        seed: of everything random.
        settings: all that was asked for, by dotted name.
        overrides: those that the user put over the others; with any, it is no benchmark run.
        images: how many images each split had.
        device: where the heads were trained, ``cpu`` or ``cuda``.
        versions: of Python and packages.
        resolved: all settings as they were fitted to the data, by dotted name.
        stages: ``seconds`` and ``peak_memory_mb`` of each.
        figures: what ``metrics.json`` holds, without long lists; scores are in 0..1.
        row: of the ablation that it belongs to; empty for none.
        content: digest of its images, where their number does not tell them apart.
        neighbors: figures of its neighbours; None where no table shows them.
    """

    made_by: ClassVar[str] = "run"

    command: str = ""
    measured: Annotated[str, Field(validation_alias=AliasChoices("measured", "made"))]
    dataset: str
    objective: str
    seed: int
    settings: dict[str, Any]
    overrides: dict[str, Any]
    images: dict[str, int]
    device: str
    versions: dict[str, str]
    resolved: dict[str, Any]
    stages: dict[str, dict[str, float]]
    figures: dict[str, Any]
    row: str = ""
    content: str = ""
    neighbors: dict[str, Any] | None = None

    @property
    def seconds(self) -> float:
        """What all stages took together."""
        return sum(stage["seconds"] for stage in self.stages.values())


def from_folder(folder: Path) -> dict[str, Any]:
    """What a run folder that was just evaluated tells, by the fields of :class:`Trial`."""
    from ucls.cache import RunFolder, flatten, read_json

    run, figures = RunFolder(folder), read_json(folder / "metrics.json")
    splits = {split: figures[split] for split in ("train", "val") if figures[split]}
    return {
        "dataset": figures["dataset"],
        "seed": figures["seed"],
        "images": {split: sum(row["kmeans"]["cluster_sizes"]) for split, row in splits.items()},
        "device": run.record["data"]["device"],
        "versions": run.record["versions"],
        "resolved": flatten(run.read_config()),
        "stages": {
            name: {key: entry[key] for key in ("seconds", "peak_memory_mb") if key in entry}
            for name, entry in run.record["stages"].items()
        },
        "figures": without(figures, LEFT_OUT),
    }


def describe_machine(trial: Trial) -> str:
    """What a run was made on, in a line."""
    facts = trial.machine
    gpu = [facts["gpu"]] if trial.device != "cpu" else []
    versions = [f"{name} {trial.versions[name]}" for name in ("torch", "ucls")]
    return ", ".join([*gpu, facts["processor"], f"{facts['cores']} cores", *versions])


def changed_settings(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The names of the settings that are not the same, or not in both."""
    names = sorted({*one, *other})
    return [name for name in names if show_setting(one, name) != show_setting(other, name)]


def show_setting(settings: Mapping[str, Any], name: str) -> str:
    """A value as JSON, in which tuples and lists are the same; or ``not set``."""
    return json.dumps(settings[name]) if name in settings else "not set"


def missing_images(trial: Trial, whole: Mapping[str, int]) -> list[str]:
    """Tells where a run did not have all images: ``train had 20 of 50,000 images``."""
    return [
        f"{split} had {trial.images.get(split, 0):,} of {count:,} images"
        for split, count in whole.items()
        if trial.images.get(split) != count
    ]


def without(tree: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Returns nested mappings without some names, at any depth."""
    return {
        name: without(value, names) if isinstance(value, Mapping) else value
        for name, value in tree.items()
        if name not in names
    }
