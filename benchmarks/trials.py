"""The record of one run: what was asked for, on what it ran, and what came out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, Field

from benchmarks.records import Record


@dataclass(frozen=True, kw_only=True)
class Trial(Record):
    """What is kept of one run.

    Attributes:
        settings: all that was asked for, by dotted name; with ``overrides`` of the user.
        images: how many each split had.
        resolved: all settings as they were fitted to the data, by dotted name.
        stages: ``seconds`` and ``peak_memory_mb`` of each.
        figures: what ``metrics.json`` holds, without long lists; scores are in 0..1.
        row: of the ablation that it belongs to.
        neighbors: figures of its neighbours, of ablations.
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
    neighbors: dict[str, Any] | None = None

    @property
    def seconds(self) -> float:
        """What all stages took together."""
        return sum(stage["seconds"] for stage in self.stages.values())


def from_folder(folder: Path) -> dict[str, Any]:
    """What the folder of an evaluated run tells, by the fields of :class:`Trial`."""
    from ucls.cache import RunFolder, flatten, read_json

    run, figures = RunFolder(folder), read_json(folder / "metrics.json")
    splits = {split: figures[split] for split in ("train", "val") if figures[split]}
    resolved = flatten(run.read_config())
    return {
        "dataset": figures["dataset"],
        "objective": resolved["train.objective"],
        "seed": figures["seed"],
        "images": {split: sum(row["kmeans"]["cluster_sizes"]) for split, row in splits.items()},
        "device": run.record["data"]["device"],
        "versions": run.record["versions"],
        "resolved": resolved,
        "stages": {
            name: {key: entry[key] for key in ("seconds", "peak_memory_mb") if key in entry}
            for name, entry in run.record["stages"].items()
        },
        "figures": _short(figures),
    }


def describe_machines(trials: Sequence[Trial]) -> list[str]:
    """What runs were made on, a line for each machine."""
    found = {}
    for trial in trials:
        facts, versions = trial.machine, trial.versions
        gpu = [facts["gpu"]] if trial.device != "cpu" else []
        packages = [f"{name} {versions[name]}" for name in ("torch", "ucls")]
        found[", ".join([*gpu, facts["processor"], f"{facts['cores']} cores", *packages])] = True
    return list(found)


def departures(trial: Trial, settings: Mapping[str, Any], images: Mapping[str, int]) -> list[str]:
    """How a run differs from what is asked for: ``train.epochs = 1 instead of 400``."""
    counts = [
        f"{split} had {trial.images.get(split, 0):,} of {count:,} images"
        for split, count in images.items()
        if trial.images.get(split) != count
    ]
    # As JSON, in which tuples and lists are the same.
    there, here = (
        {name: json.dumps(value) for name, value in one.items()}
        for one in (trial.settings, settings)
    )
    changed = [
        f"{name} = {there.get(name, 'the default')} instead of {here.get(name, 'the default')}"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
    return counts + changed


def _short(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings without long lists that no table shows."""
    return {
        name: _short(value) if isinstance(value, Mapping) else value
        for name, value in tree.items()
        if name not in ("cluster_sizes", "agreement")
    }
