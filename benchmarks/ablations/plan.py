"""The runs that a study is made of, known before any of them starts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.ablations.settings import Choices, check_choices, fit_to_features, run_config
from benchmarks.ablations.study import Study, Variant
from ucls.cache import settings_key
from ucls.errors import UsageError
from ucls.pipeline import extract_source
from ucls.progress import SILENT, Reporter
from ucls.runs.features import SplitFeatures
from ucls.settings.config import Config
from ucls.sources import Source


@dataclass(frozen=True)
class Places:
    """Where a study reads and writes.

    Attributes:
        runs_dir: of the run folders.
        record: the JSON file.
        cache_dir: of the feature caches; None for ``$UCLS_CACHE`` or the user's.
    """

    runs_dir: Path
    record: Path
    cache_dir: Path | None = None


@dataclass(frozen=True)
class Plan:
    """The runs of a study.

    Attributes:
        study: what to vary.
        source: its images or features, with labels.
        choices: the user's, for all rows.
        seeds: of the runs; all rows are run with one before the next.

    Raises:
        UsageError: if the source has no labels, or the settings are wrong.
    """

    study: Study
    source: Source
    choices: Choices
    seeds: Sequence[int]

    def __post_init__(self) -> None:
        if self.source.n_classes is None:
            raise UsageError(
                f"the tables of the ablations need labels, and {self.source.name} has none: give "
                "--labels folders if its sub-folders are classes, a list of images with a column "
                "'label', or a feature file with an array 'labels'"
            )
        check_choices(self.study, self.choices)

    @property
    def n_clusters(self) -> int:
        """C: what the user wants, or the number of classes."""
        return self.choices.n_clusters or self.source.n_classes or 0

    def config(self, variant: Variant, seed: int) -> Config:
        """The settings of a run."""
        has_images = self.source.kind != "features"
        return run_config(self.study, variant, self.choices, has_images=has_images, seed=seed)

    def key(self, variant: Variant, seed: int) -> str:
        """Digest of a run's images and settings."""
        prints = {split: images.fingerprint for split, images in self.source.splits.items()}
        asked = self.config(variant, seed).model_dump(mode="json", exclude={"device"})
        return settings_key(self.source.classes, self.source.class_map, prints, asked)

    def runs(self) -> Iterator[tuple[Variant, int]]:
        """All runs in order."""
        return ((variant, seed) for seed in self.seeds for variant in self.study.variants)


def extract_for(
    plan: Plan, places: Places, *, reporter: Reporter = SILENT
) -> tuple[Plan, dict[str, str]]:
    """Extracts the features, unless they are cached, and fits the plan to what they are.

    Args:
        plan: with all rows of its study.
        places: where the cache is.
        reporter: shown what happens.

    Returns:
        The plan with the rows that the features allow, and the labels of those left out with the
        reason.

    Raises:
        UclsError: if the features cannot be extracted.
    """
    # All rows have the same backbone, and whichever tokens one reads, all are cached.
    row = plan.config(plan.study.variants[0], plan.seeds[0])
    config = Config(device=row.device, extract=row.extract)
    caches = extract_source(
        plan.source, config=config, cache_dir=places.cache_dir, reporter=reporter
    )
    with SplitFeatures(caches["train"]) as features:
        sets = next(iter(features.specs.values())).feature_sets
    study, left_out = fit_to_features(plan.study, sets)
    return replace(plan, study=study), left_out
