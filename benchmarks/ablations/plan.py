"""The runs that a study is made of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.ablations.study import Settings, Study, Variant
from benchmarks.jobs import Job
from ucls.cache import flatten, read_graph, read_json, settings_key
from ucls.config import Config
from ucls.errors import UclsError, UsageError
from ucls.metrics.scores import neighbor_statistics
from ucls.neighbors.build import THRESHOLD_OFF
from ucls.pipeline import extract_source
from ucls.progress import SILENT, Reporter
from ucls.runs.features import SplitFeatures
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.settings.given import known_objective
from ucls.settings.objectives import objective_names, unused_settings
from ucls.settings.presets import preset as preset_values
from ucls.sources import Source

# What no table of the ablations shows is not measured at length.
UNTIMED: Settings = {"evaluate.kmeans_restarts": 1, "evaluate.upper_bounds": False}


@dataclass(frozen=True)
class Plan:
    """The runs of a study on a labelled source.

    ``given`` are the user's settings, ``preset`` names the thesis's, without which ours are fitted
    to the data. Wrong settings are a UsageError.
    """

    study: Study
    source: Source
    seeds: Sequence[int]
    given: Settings = field(default_factory=dict)
    preset: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        variants = self.study.variants
        if self.source.n_classes is None:
            raise UsageError(
                f"the tables of the ablations need labels, and {self.source.name} has none: give "
                "--labels folders if its sub-folders are classes, a list of images with a column "
                "'label', or a feature file with an array 'labels'"
            )
        if clash := [name for name in self.given if all(name in row.settings for row in variants)]:
            raise UsageError(
                f"{', '.join(clash)} is what the rows of {self.study.name} vary, so it cannot be "
                "set for all of them: leave it out, or give --values where they are values"
            )
        for variant in variants:
            try:
                self.config(variant, seed=0)
            except UclsError as error:
                raise UsageError(f"{self.study.name}, {variant.key}: {error}") from error

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.study.name}-{self.source.name}"

    def config(self, variant: Variant, seed: int) -> Config:
        """The settings of a run; later ones win: shared, the preset's, the user's, the row's."""
        objective = known_objective({**self.given, **variant.settings})
        of_rows = {known_objective({**self.given, **row.settings}) for row in self.study.variants}
        values = {
            **UNTIMED,
            **_heeded(self.study.shared, objective, objective_names()),
            **self._thesis_settings(objective),
            **_heeded(self.given, objective, of_rows),
            **variant.settings,
        }
        return Config(seed=seed, device=self.device).with_values(values)

    def jobs(self, runs_dir: Path, out: Path) -> list[Job]:
        """All rows with one seed before the next, ``STUDY-SOURCE/ROW-seedS`` below both folders."""
        source = self.source
        images = {split: source.count_images(split) for split in source.splits}
        prints = {split: images.fingerprint for split, images in source.splits.items()}
        content = settings_key(source.classes, source.class_map, prints)
        jobs = []
        for seed in self.seeds:
            for variant in self.study.variants:
                config, name = self.config(variant, seed), f"{variant.key}-seed{seed}"
                asked = config.model_dump(mode="json", exclude={"device"})
                job = Job(
                    name=variant.key,
                    config=config,
                    settings={**flatten(asked), "images": content},
                    images=images,
                    folder=runs_dir / self.name / name,
                    record=out / self.name / f"{name}.json",
                    overrides=self.given,
                    facts=partial(row_facts, variant.key),
                )
                jobs.append(job)
        return jobs

    def fit_to_features(self, cache_dir: Path | None, reporter: Reporter = SILENT) -> "Plan":
        """Extracts the features; where they have no patch tokens, rows do without these."""
        # All rows have the same backbone, and whichever tokens one reads, all are cached.
        row = self.config(self.study.variants[0], self.seeds[0])
        config = Config(device=row.device, extract=row.extract)
        caches = extract_source(self.source, config=config, cache_dir=cache_dir, reporter=reporter)
        with SplitFeatures(caches["train"]) as features:
            if "cls+patch" in next(iter(features.specs.values())).feature_sets:
                return self
        return replace(self, study=self.study.without_patches())

    def _thesis_settings(self, objective: str) -> dict[str, Any]:
        """The preset as the study used it, without what the source tells or the study shares."""
        if self.preset is None:
            return {}
        from_images = ("extract.",) if self.source.kind == "features" else ()
        left_out = ("n_clusters", "features", "train.n_smoothing", *from_images)
        values = {**preset_values(self.preset, objective=objective), **self.study.thesis}
        return {name: value for name, value in values.items() if not name.startswith(left_out)}


def _heeded(values: Settings, objective: str, objectives: Collection[str]) -> dict[str, Any]:
    """Leaves out what one of several objectives heeds, and this one does not."""
    names = {key: key.removeprefix("train.") for key in values if key.startswith("train.")}
    unused = unused_settings(objective, dict.fromkeys(names.values(), True))
    return {
        key: value
        for key, value in values.items()
        if not set(unused.get(names.get(key, ""), ())) & set(objectives)
    }


def row_facts(row: str, folder: Path) -> dict[str, Any]:
    """The row, and its run's neighbours; accuracy above the threshold is that of table 6.16."""
    graph, labels = read_graph(folder / "neighbors.h5"), known_labels(Run(folder))["train"]
    train = read_json(folder / "metrics.json")["train"]
    threshold = THRESHOLD_OFF if graph.threshold is None else graph.threshold
    above = neighbor_statistics(graph, labels, [threshold])[0].accuracy
    neighbors = {
        "threshold": threshold,
        "capped": graph.n_capped / (len(graph.indptr) - 1),
        "mean_count": train["neighbors.mean_count"],
        "accuracy": train["neighbors.accuracy"],
        "accuracy_above": above if threshold < THRESHOLD_OFF else None,
    }
    return {"row": row, "neighbors": neighbors}
