"""What every method has found so far, kept in a run folder."""

from collections.abc import Mapping

from ucls.cache import read_json, read_tensors, settings_key, write_json, write_tensors
from ucls.cache import run_files as files
from ucls.peers.methods import Found
from ucls.runs.run import Run

SCHEMA = 1


class BenchRecord:
    """Labels and seconds by method; a file for each of the two.

    Args:
        run: with features.
        overwrite: forget what is there. What was found with other settings or in other features is
            forgotten anyway.

    Raises:
        UsageError: if a file is damaged.
    """

    def __init__(self, run: Run, *, overwrite: bool = False) -> None:
        self._seconds, self._labels = map(run.folder.file, (files.BENCH, files.BENCH_LABELS))
        self._key = settings_key(run.requested.model_dump(mode="json"), run.data.cache_key)
        self._found = {} if overwrite else self._read()

    @property
    def found(self) -> Mapping[str, Found]:
        """What is done."""
        return self._found

    def add(self, method: str, found: Found) -> None:
        """Keeps what a method found.

        Raises:
            UclsError: if the disk does not take it.
        """
        self._found[method] = found
        labels = {name: one.labels for name, one in self._found.items()}
        seconds = {name: round(one.seconds, 3) for name, one in self._found.items()}
        write_tensors(self._labels, labels, {})
        # Last, as a method counts as done once it is in here.
        write_json(self._seconds, {"schema": SCHEMA, "key": self._key, "seconds": seconds})

    def _read(self) -> dict[str, Found]:
        if not self._seconds.is_file():
            return {}
        kept = read_json(self._seconds, remedy="remove it, then run the same command again")
        if (kept.get("schema"), kept.get("key")) != (SCHEMA, self._key):
            return {}
        labels, _ = read_tensors(self._labels)
        return {name: Found(labels[name], seconds) for name, seconds in kept["seconds"].items()}
