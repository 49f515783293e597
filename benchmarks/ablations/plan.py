"""The runs that a study is made of, and what they came to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.ablations.settings import Choices, check_choices, run_config
from benchmarks.ablations.source import SIMULATED, how_simulated
from benchmarks.ablations.study import Study, Variant
from benchmarks.jobs import Job, Outcome
from benchmarks.published import Ablation, load_published
from benchmarks.trials import Trial
from ucls.cache import flatten, read_graph, read_json, settings_key
from ucls.config import Config
from ucls.metrics import neighbor_statistics
from ucls.neighbors import THRESHOLD_OFF
from ucls.pipeline import extract_source
from ucls.progress import SILENT, Reporter
from ucls.sources import Source
from ucls.stages.features import SplitFeatures
from ucls.stages.labels import known_labels
from ucls.stages.run import Run

PATCHES_MISSING = (
    "the features of this source are one vector per image, without patch tokens, so there is "
    "nothing to add to `cls`"
)


@dataclass(frozen=True)
class Plan:
    """The runs of a study on a labelled source; all rows are run with one seed before the next.

    ``left_out`` holds the labels of rows that this source cannot have, with the reason.

    Raises:
        UsageError: if the settings are wrong.
    """

    study: Study
    source: Source
    choices: Choices
    seeds: Sequence[int]
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choices(self.study, self.choices)

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.study.name}-{self.source.name}"

    def config(self, variant: Variant, seed: int) -> Config:
        """The settings of a run."""
        has_images = self.source.kind != "features"
        return run_config(self.study, variant, self.choices, has_images=has_images, seed=seed)

    def jobs(self, *, runs_dir: Path, out: Path, overwrite: bool) -> Iterator[Job]:
        """All runs in order; folders and records are ``STUDY-SOURCE/ROW-seedS`` below both."""
        source = self.source
        prints = {split: images.fingerprint for split, images in source.splits.items()}
        job = partial(
            Job,
            dataset=source.name,
            images={split: source.count_images(split) for split in source.splits},
            content=settings_key(source.classes, source.class_map, prints),
            overrides=dict(self.choices.given),
            facts=neighbor_figures,
            overwrite=overwrite,
        )
        for seed in self.seeds:
            for variant in self.study.variants:
                config, name = self.config(variant, seed), f"{variant.key}-seed{seed}"
                yield job(
                    config=config,
                    settings=flatten(config.model_dump(mode="json", exclude={"device"})),
                    folder=runs_dir / self.name / name,
                    record=out / self.name / f"{name}.json",
                    row=variant.key,
                )


@dataclass(frozen=True)
class Results:
    """What the runs of a plan came to."""

    plan: Plan
    outcomes: Sequence[Outcome]

    @property
    def trials(self) -> list[Trial]:
        """The runs with figures."""
        return [outcome.trial for outcome in self.outcomes if outcome.trial is not None]

    @property
    def title(self) -> str:
        """The source, and that it is made up where it is."""
        name = self.plan.source.name
        is_simulated = how_simulated(self.plan.source) is not None
        return f"{name} (simulated)" if is_simulated and name != SIMULATED else name

    @property
    def split(self) -> str:
        """``val`` where its images are labelled, as in the thesis; else ``train``."""
        val = self.trials[0].figures["val"]
        return "val" if val is not None and "acc" in val["best_head"] else "train"

    @property
    def published(self) -> Ablation | None:
        """The thesis's table, if it is of these images."""
        table, source = load_published().ablations[self.plan.study.published], self.plan.source
        return table if source.kind == "dataset" and source.name in table.datasets else None


def fit_to_features(plan: Plan, cache_dir: Path | None, *, reporter: Reporter = SILENT) -> Plan:
    """Extracts the features, unless they are cached, and fits the plan to what they are.

    Without patch tokens, rows about them are left out and others read ``cls`` alone.

    Raises:
        UclsError: if the features cannot be extracted.
    """
    # All rows have the same backbone, and whichever tokens one reads, all are cached.
    row = plan.config(plan.study.variants[0], plan.seeds[0])
    config = Config(device=row.device, extract=row.extract)
    caches = extract_source(plan.source, config=config, cache_dir=cache_dir, reporter=reporter)
    with SplitFeatures(caches["train"]) as features:
        if "cls+patch" in next(iter(features.specs.values())).feature_sets:
            return plan
    variants = plan.study.variants
    kept = tuple(
        replace(row, settings={**row.settings, "features": "cls"})
        if "features" in row.settings
        else row
        for row in variants
        if not row.needs_patches
    )
    left_out = {row.label: PATCHES_MISSING for row in variants if row.needs_patches}
    study = plan.study if plan.study.setting else replace(plan.study, rows=kept, adds_up=False)
    return replace(plan, study=study, left_out=left_out)


def neighbor_figures(folder: Path) -> dict[str, Any]:
    """The neighbours that a run was trained with, as :class:`Trial` keeps them.

    Args:
        folder: of an evaluated run with labels.

    Returns:
        ``k``, ``threshold`` (1: k nearest alone), ``cap`` (None: none), ``capped`` (share of the
        images whose set was cut), ``mean_count``, ``accuracy`` (share of all pairs that are of one
        class) and ``accuracy_above`` (of the pairs above the threshold alone, as in thesis table
        6.16; None without any).
    """
    graph, labels = read_graph(folder / "neighbors.h5"), known_labels(Run(folder))["train"]
    train = read_json(folder / "metrics.json")["train"]
    threshold = THRESHOLD_OFF if graph.threshold is None else graph.threshold
    above = neighbor_statistics(graph, labels, [threshold])[0].accuracy
    figures = {
        "k": graph.k,
        "threshold": threshold,
        "cap": graph.cap,
        "capped": graph.n_capped / (len(graph.indptr) - 1),
        "mean_count": train["neighbors.mean_count"],
        "accuracy": train["neighbors.accuracy"],
        "accuracy_above": above if threshold < THRESHOLD_OFF else None,
    }
    return {"neighbors": figures}
