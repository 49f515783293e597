"""The consensuses of a run, side by side in ``consensus.h5``."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ucls.cache import ConsensusEntry, read_consensus, settings_key, write_consensus
from ucls.cache import run_files as files
from ucls.errors import UclsError
from ucls.runs.consensus_settings import entry_name, used_settings

if TYPE_CHECKING:
    from ucls.runs.run import Run
    from ucls.settings.config import EnsembleConfig

Content = tuple[dict[str, ConsensusEntry], str | None]
Version = tuple[int, int, int]


class Consensuses:
    """Those of the heads as they are now; the file is read once for each change of it.

    Args:
        run: whose they are.
    """

    def __init__(self, run: "Run") -> None:
        self._run, self._path = run, run.folder.file(files.CONSENSUS)
        self._version: Version | None = None
        self._content: Content = ({}, None)

    def key(self, config: "EnsembleConfig") -> str:
        """Digest of a consensus's settings, led by that of the heads it is made of."""
        return f"{self._run.freshness.key('merge')}-{settings_key(used_settings(config))}"

    def entries(self) -> dict[str, ConsensusEntry]:
        """Every consensus, by name.

        Raises:
            UsageError: if the file is damaged.
        """
        entries, _ = self._read()
        heads = f"{self._run.freshness.key('merge')}-" if entries else ""
        return {name: entry for name, entry in entries.items() if entry.key.startswith(heads)}

    def find(self, config: "EnsembleConfig") -> ConsensusEntry | None:
        """The consensus with these settings; for the method ``all`` the one that was kept."""
        key = self.key(config)
        entries = self.entries().values()
        return next((entry for entry in entries if key in (entry.key, *entry.best_of)), None)

    def has_own(self) -> bool:
        """Whether the one with the run's own settings is there, of the training images."""
        own = self.find(self._run.config.ensemble)
        return own is not None and "train" in own.labels

    def chosen_name(self) -> str | None:
        """The name of the one that self-training uses, if there is one."""
        _, chosen = self._read()
        return chosen if chosen in self.entries() else None

    def chosen(self) -> ConsensusEntry:
        """The one that self-training uses.

        Raises:
            UclsError: if there is none.
        """
        entries, chosen = self.entries(), self.chosen_name()
        if chosen is not None:
            return entries[chosen]
        folder = self._run.folder.path
        missing = "chosen consensus" if entries else "consensus of its heads"
        raise UclsError(f"{folder} has no {missing}; run first: ucls ensemble {folder}")

    def add(self, made: Sequence[ConsensusEntry], *, chosen_key: str | None) -> None:
        """Writes entries beside those that are there, all at once.

        They replace those with the same settings. Names are given anew, as they tell what differs
        from the run's own settings of today. Entries of heads that were trained anew since are
        left out.

        Args:
            made: the entries.
            chosen_key: key of the entry to choose; None leaves the choice where it is.
        """
        kept, chosen = self.entries(), self.chosen_name()
        if chosen_key is None and chosen is not None:
            chosen_key = kept[chosen].key
        keys = {entry.key for entry in made}
        best_of = {key for entry in made for key in entry.best_of}
        others = [
            replace(entry, best_of=tuple(key for key in entry.best_of if key not in best_of))
            for entry in kept.values()
            if entry.key not in keys
        ]
        by_name: dict[str, ConsensusEntry] = {}
        for entry in (*made, *others):
            name = self.name_of(entry)
            while name in by_name:
                name += "[older]"
            by_name[name] = entry
        entries = [replace(entry, name=name) for name, entry in by_name.items()]
        choice = next((entry.name for entry in entries if entry.key == chosen_key), None)
        write_consensus(self._path, entries, chosen=choice)

    def name_of(self, entry: ConsensusEntry) -> str:
        """What an entry is called beside the run's own settings; old ones keep their names."""
        if entry.settings is None:
            return entry.name
        return entry_name(entry.settings, self._run.config.ensemble)

    def forget(self) -> None:
        """Removes what was made of heads that are about to change."""
        for name in (files.CONSENSUS, *files.CUTS):
            for stale in self._run.folder.path.glob(name):
                stale.unlink()

    def _read(self) -> Content:
        """What the file holds, read anew where another file has taken its place."""
        version = self._file_version()
        if version is None:
            return {}, None
        if version != self._version:
            self._content = read_consensus(self._path)
            self._version = version
        return self._content

    def _file_version(self) -> Version | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
