"""An open run: its folder, its settings and its features."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ucls.cache import FeatureCache, RunFolder, read_n_left, settings_key
from ucls.cache import run_files as files
from ucls.errors import MismatchError, UclsError, UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.consensuses import Consensuses
from ucls.runs.features import Caches, SplitFeatures
from ucls.runs.freshness import Freshness
from ucls.runs.resolve import read_extracted, resolve
from ucls.settings.config import Config, read_config, required
from ucls.settings.extraction import cached_name


class Run:
    """An open run whose features are extracted.

    Args:
        path: the run folder.
        reporter: shown what happens.

    Attributes:
        folder: of the run.
        data: what the extraction found out.
        requested: the settings that were asked for.
        config: these settings, fitted to the data.
        freshness: which stages are up to date.
        consensuses: of the heads.

    Raises:
        UsageError: if there is no run, or its features are not extracted yet.
    """

    def __init__(self, path: str | Path, *, reporter: Reporter = SILENT) -> None:
        self.folder = RunFolder(Path(path))
        self.reporter = reporter
        if "data" not in self.folder.record:
            raise UsageError(
                f"{path} has no features yet: its extraction did not finish; "
                "run the same `ucls run` or `ucls extract` again"
            )
        self.data = read_extracted(self.folder)
        self.ask_for(read_config(self.folder.record["requested"]))
        self.freshness: Freshness = Freshness(self)
        self.consensuses: Consensuses = Consensuses(self)

    def ask_for(self, requested: Config) -> None:
        """Takes other settings; :meth:`write_settings` makes them last.

        Raises:
            UsageError: if they do not fit the data.
        """
        self.requested, self.config = requested, resolve(requested, self.data)

    def write_settings(self) -> None:
        """Writes what was asked for to ``run.json``, and the fitted settings to ``config.toml``."""
        self.folder.update(requested=self.requested.model_dump(mode="json"))
        self.folder.write_config(self.config.model_dump(mode="json"))

    def section(self, name: str) -> dict[str, Any]:
        """A section of the settings, as JSON can hold it."""
        section: dict[str, Any] = self.config.model_dump(mode="json")[name]
        return section

    @property
    def n_clusters(self) -> int:
        """C: those wanted, or those that are left where small ones have joined others."""
        path = self.folder.file(files.MERGES)
        if self.config.merge.min_cluster_size and self.merges and path.is_file():
            return read_n_left(path) or self.n_wanted
        return self.n_wanted

    @property
    def n_wanted(self) -> int:
        """The clusters that were asked for."""
        return required(self.config.n_clusters)

    @property
    def merges(self) -> bool:
        """Whether the heads' clusters are merged before the consensus."""
        return self.config.merge.linkage != "none"

    @property
    def feature_set(self) -> str:
        """Which cached tokens the heads see."""
        return required(self.config.features)

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

    def inputs(self) -> Iterator[Path]:
        """The files that it was made of: weights, feature caches, lists, feature files, images.

        Images are told by the feature caches, where these are still there.
        """
        for config in self.data.extractions.values():
            yield from map(Path, config.weights)
        for split, by_backbone in self.data.caches.items():
            name = self.folder.record["source"].get("source" if split == "train" else split)
            source = Path(name or self.folder.path)
            folder = source if source.is_dir() else source.parent
            paths = [Path(path) for path in by_backbone.values()]
            yield from (source, *paths)
            with suppress(UclsError), FeatureCache(paths[0]) as cache:
                skipped = (image for image, _ in cache.skipped)
                yield from (folder / image for image in (*cache.paths(), *skipped))

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


def cache_key(caches: Caches) -> str:
    """Digest of what identifies the feature caches of a run."""
    specs: dict[str, dict[str, Any]] = {}
    for split, by_backbone in caches.items():
        with SplitFeatures(by_backbone) as features:
            # More views do not change the plain one.
            plain = {name: replace(spec, n_views=1) for name, spec in features.specs.items()}
            specs[split] = {name: asdict(spec) for name, spec in plain.items()}
    return settings_key(specs)
