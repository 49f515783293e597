"""An open run: its folder, its settings, and which stages are up to date."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from ucls.cache import ConsensusEntry, RunFolder, flatten, read_consensus, settings_key
from ucls.errors import MismatchError, UclsError, UsageError
from ucls.progress import SILENT, Reporter
from ucls.settings.config import Config, EnsembleConfig
from ucls.settings.extraction import cached_name
from ucls.settings.objectives import OBJECTIVES, OPTIONS, unused_settings
from ucls.stages.consensus_settings import used_settings
from ucls.stages.extract import Caches
from ucls.stages.features import SplitFeatures
from ucls.stages.resolve import (
    ExtractedData,
    read_extracted,
    refuse_extraction_settings,
    resolve,
)

STAGE_FILES = {
    "neighbors": ("neighbors.h5",),
    "train": ("heads.safetensors", "train.jsonl", "assignments.h5"),
    "merge": ("merges.h5",),
    "ensemble": ("consensus.h5",),
    "self-train": ("classifier.safetensors", "candidates.safetensors", "labels.csv"),
    "evaluate": ("metrics.json",),
}


class Run:
    """An open run whose features are extracted.

    Args:
        path: the run folder.
        after: the stage that must be done; None for extraction.
        settings: dotted names to values that replace the run's own settings from now on.
        reporter: shown what happens.

    Raises:
        UsageError: if there is no run, its features are not extracted yet, or a setting would
            change what is done already.
        UclsError: if the stage before is not done.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        after: str | None = None,
        settings: Mapping[str, Any] | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        self.folder = RunFolder(Path(path))
        self.reporter = reporter
        if "data" not in self.folder.record:
            raise UsageError(
                f"{path} has no features yet: its extraction did not finish; "
                "run the same `ucls run` or `ucls extract` again"
            )
        self.data = read_extracted(self.folder)
        requested = Config.model_validate(self.folder.record["requested"])
        self.config = resolve(requested, self.data)
        if settings:
            self._change(requested, settings, after=after)
        if after is not None:
            self.require(after)

    def _change(self, requested: Config, settings: Mapping[str, Any], *, after: str | None) -> None:
        """Replaces settings, unless what is done already would have to be done again."""
        refuse_extraction_settings(settings)
        dropped = unheeded(requested, settings)
        requested = requested.with_values({**dict.fromkeys(dropped), **settings})
        done = [] if after is None else self._done_until(after)
        self.config = resolve(requested, self.data)
        redone = [stage for stage in done if not self.is_done(stage)]
        if redone:
            path = self.folder.path
            raise UsageError(
                f"{', '.join(settings)} would change the stage {redone[0]}, which is done; nothing "
                f"was changed: to do it again, give this to ucls {redone[0]} {path}"
            )
        if after is not None:
            self.require(after)
        if dropped:
            self.reporter.say(f"settings without a part from now on: {', '.join(dropped)}")
        with self.folder.lock():
            self.folder.update(requested=requested.model_dump(mode="json"))
            self.folder.write_config(self.config.model_dump(mode="json"))

    def _done_until(self, last: str) -> list[str]:
        """The stages up to a given one that are done."""
        stages = list(STAGE_FILES)
        return [stage for stage in stages[: stages.index(last) + 1] if self.is_done(stage)]

    @classmethod
    def after_extraction(
        cls, folder: RunFolder, data: ExtractedData, *, reporter: Reporter = SILENT
    ) -> Self:
        """Opens a run whose features were just extracted, and writes its settings."""
        folder.update(data=data.model_dump(mode="json"))
        run = cls(folder.path, reporter=reporter)
        reporter.say(f"settings fitted to the data: {run.fitted_settings()}")
        run.folder.write_config(run.config.model_dump(mode="json"))
        return run

    def fitted_settings(self) -> str:
        """The settings that were left open, with what was chosen for them."""
        open_settings = flatten(self.folder.record["requested"])
        chosen = flatten(self.config.model_dump(mode="json"))
        constants = OPTIONS[self.config.train.objective]
        return ", ".join(
            f"{name} {value}"
            for name, value in chosen.items()
            if open_settings[name] is None
            and value is not None
            and constants.get(name.removeprefix("train.")) is None
        )

    @property
    def n_clusters(self) -> int:
        """C."""
        assert self.config.n_clusters is not None
        return self.config.n_clusters

    @property
    def merges(self) -> bool:
        """Whether the heads' clusters are merged before the consensus."""
        return self.config.merge.linkage != "none"

    @property
    def heads_stage(self) -> str:
        """The stage that leaves the heads as the consensus sees them."""
        return "merge" if self.merges else "train"

    @property
    def feature_set(self) -> str:
        """Which cached tokens the heads see."""
        assert self.config.features is not None
        return self.config.features

    @property
    def splits(self) -> list[str]:
        """``train`` and, where there is one, ``val``."""
        return list(self.data.caches)

    @property
    def backbones(self) -> list[str]:
        """The backbones that the features come from, with ``-untrained`` where they are."""
        return [cached_name(config) for config in self.data.extractions.values()]

    def features(self, split: str) -> SplitFeatures:
        """Opens the features of a split.

        Raises:
            UsageError: if a feature cache is gone or damaged.
            MismatchError: if it was replaced by one of other images or settings.
        """
        return SplitFeatures(self.caches[split], classes=self.data.classes)

    @cached_property
    def caches(self) -> Caches:
        """The feature caches, once they are known to be those that were extracted."""
        caches = {
            split: {name: Path(path) for name, path in by_backbone.items()}
            for split, by_backbone in self.data.caches.items()
        }
        paths = [path for by_backbone in caches.values() for path in by_backbone.values()]
        for path in paths:
            if not path.is_file():
                raise UsageError(
                    f"the feature cache {path} is gone; "
                    "run the same `ucls run` or `ucls extract` again to extract it"
                )
        if cache_key(caches) != self.data.cache_key:
            raise MismatchError(
                f"{self.folder.path} was made of other features than those now in "
                f"{' and '.join(map(str, paths))}; "
                "run the same `ucls run` with --overwrite, or another --cache-dir"
            )
        return caches

    def key(self, stage: str) -> str:
        """Digest of all settings and inputs that decide what ``stage`` writes."""
        if stage == "ensemble":
            return self.consensus_key(self.config.ensemble)
        return settings_key(*self._inputs(stage))

    def _inputs(self, stage: str) -> tuple[Any, ...]:
        """The settings of a stage, and the keys of what it reads."""
        config, sections = self.config, self.config.model_dump(mode="json")
        if stage == "extract":
            return (self.data.cache_key, self.data.classes)
        if stage == "neighbors":
            seed = config.seed if config.neighbors.cap_keeps == "sample" else None
            settings = (sections["neighbors"], config.features, config.n_clusters, seed)
            return (*settings, self.key("extract"))
        if stage == "train":
            used = {name: value for name, value in sections["train"].items() if value is not None}
            n_views = self.data.n_views if config.train.views in ("augmented", "both") else 1
            return (used, n_views, config.seed, self.key("neighbors"))
        if stage == "merge":
            return (sections["merge"], config.n_clusters, self.key("train"))
        if stage == "self-train":
            return (sections["self_train"], config.seed, self.chosen_consensus().key)
        consensuses = [
            (entry.name, entry.key, entry.best_of, sorted(entry.labels))
            for entry in self.consensuses().values()
        ]
        self_training = self.key("self-train") if self.is_done("self-train") else None
        later_keys = (sorted(consensuses), self.chosen_consensus().name, self_training)
        return (sections["evaluate"], config.seed, self.data.labels_key, *later_keys)

    def consensus_key(self, config: EnsembleConfig) -> str:
        """Digest of a consensus's settings, led by that of the heads it is made of."""
        return f"{self.key(self.heads_stage)}-{settings_key(used_settings(config))}"

    def consensuses(self) -> dict[str, ConsensusEntry]:
        """Every consensus of the heads as they are now, by name."""
        path = self.folder.file("consensus.h5")
        if not path.is_file():
            return {}
        entries, _ = read_consensus(path)
        return {
            name: entry
            for name, entry in entries.items()
            if entry.key.startswith(f"{self.key(self.heads_stage)}-")
        }

    def find_consensus(self, config: EnsembleConfig) -> ConsensusEntry | None:
        """The consensus with these settings; for the method ``all`` the one that was kept."""
        key = self.consensus_key(config)
        entries = self.consensuses().values()
        return next((entry for entry in entries if key in (entry.key, *entry.best_of)), None)

    def chosen_name(self) -> str | None:
        """The name of the consensus that self-training uses, if there is one."""
        entries = self.consensuses()
        if not entries:
            return None
        _, chosen = read_consensus(self.folder.file("consensus.h5"))
        return chosen if chosen in entries else None

    def chosen_consensus(self) -> ConsensusEntry:
        """The consensus that self-training uses.

        Raises:
            UclsError: if there is none of the heads as they are now.
        """
        entries, chosen = self.consensuses(), self.chosen_name()
        if chosen is not None:
            return entries[chosen]
        folder = self.folder.path
        missing = "chosen consensus" if entries else "consensus of its heads"
        raise UclsError(f"{folder} has no {missing}; run first: ucls ensemble {folder}")

    def is_done(self, stage: str) -> bool:
        """Whether a stage was finished with the current settings and its files are there."""
        if stage == "merge" and not (self.merges and self.is_done("train")):
            return self.is_done("train")
        files_there = all(self.folder.file(name).is_file() for name in STAGE_FILES[stage])
        if stage in ("ensemble", "self-train", "evaluate") and self.chosen_name() is None:
            return False
        if stage == "ensemble" and not self._has_own_consensus():
            return False
        return files_there and self.folder.key_of(stage) == self.key(stage)

    def _has_own_consensus(self) -> bool:
        own = self.find_consensus(self.config.ensemble)
        return own is not None and "train" in own.labels

    def require(self, stage: str) -> None:
        """Stops unless ``stage`` is up to date.

        Raises:
            UclsError: naming the command to run first.
        """
        if self.is_done(stage):
            return
        if stage == "merge" and not (self.merges and self.is_done("train")):
            stage = "train"
        if self.folder.key_of(stage) is None:
            state = "is not done"
        elif self.folder.key_of(stage) == self.key(stage):
            state = "has lost a file"
        elif stage == "self-train":
            chosen = self.chosen_name() or "none"
            state = f"was done with other settings, or not on the chosen consensus, {chosen}"
        else:
            state = "has other settings"
        raise UclsError(
            f"stage {stage} of {self.folder.path} {state}; "
            f"run first: ucls {stage} {self.folder.path}"
        )

    @contextmanager
    def stage(self, name: str, *, overwrite: bool = False) -> Iterator[bool]:
        """Surrounds the work of a stage; yields whether there is any.

        Locks the folder, and records status, time and memory.
        """
        if self.is_done(name) and not overwrite:
            self.reporter.say(f"{name}: done before with these settings, skipped")
            yield False
            return
        with self.folder.lock(), self.folder.stage(name, self.key(name)):
            yield True


def cache_key(caches: Caches) -> str:
    """Digest of what identifies the feature caches of a run."""
    specs: dict[str, dict[str, Any]] = {}
    for split, by_backbone in caches.items():
        with SplitFeatures(by_backbone) as features:
            # More views do not change the plain one.
            plain = {name: replace(spec, n_views=1) for name, spec in features.specs.items()}
            specs[split] = {name: asdict(spec) for name, spec in plain.items()}
    return settings_key(specs)


def unheeded(requested: Config, settings: Mapping[str, Any]) -> list[str]:
    """Earlier settings that have no part any more once others change.

    Args:
        requested: what was asked for so far.
        settings: dotted names to values that replace some of it.

    Returns:
        Dotted names: what another objective does not heed, and what another prior does not.
    """
    wanted = settings.get("train.objective", requested.train.objective)
    objective = next((name for name in OBJECTIVES if name == wanted), requested.train.objective)
    names = list(unused_settings(objective, requested.train.model_dump()))
    asked = settings.get("train.prior", requested.train.prior)
    prior = asked or OPTIONS[objective].get("prior")
    if requested.train.prior_strength is not None and prior != "soft":
        names.append("prior_strength")
    if requested.train.sinkhorn_iterations is not None and prior == "none":
        names.append("sinkhorn_iterations")
    return [f"train.{name}" for name in dict.fromkeys(names) if f"train.{name}" not in settings]
