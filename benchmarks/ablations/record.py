"""The JSON record of a study: what was run, on what, and what came out."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from ucls.cache import read_json, write_json
from ucls.errors import UsageError

SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """One run.

    Attributes:
        variant: key of its row.
        seed: of the run.
        key: digest of its images and of the settings that were asked for.
        folder: of the run.
        machine: what it ran on, in a line.
        figures: from :func:`benchmarks.ablations.figures.run_figures`; None if it failed.
        seconds: wall time of each stage.
        shared: stages whose result another run of the study made.
        error: what went wrong; None if nothing did.
    """

    variant: str
    seed: int
    key: str
    folder: str
    machine: str
    figures: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    shared: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass
class Record:
    """A study on one source.

    Attributes:
        study: its name.
        source: ``name``, ``kind``, the ``arguments`` that open it, and ``n_images``.
        simulated: what made-up features were made with; None for real ones.
        n_clusters: C.
        asked: the user's settings, the preset and the threshold.
        rows: key and label of each row, in order.
        left_out: labels of rows that this source cannot have, with the reason.
        command: what made the record.
        machine: facts of the machine that the last call ran on.
        extract_seconds: what the features took, next to nothing where they were cached.
        settings: for each row all settings as they were fitted to the data, by dotted name.
        entries: the runs.
    """

    study: str
    source: dict[str, Any]
    simulated: dict[str, Any] | None
    n_clusters: int
    asked: dict[str, Any]
    rows: dict[str, str]
    left_out: dict[str, str]
    command: str
    machine: dict[str, Any]
    extract_seconds: float = 0.0
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a record.

        Raises:
            UsageError: if the file is not one.
        """
        try:
            content = read_json(path)
            schema = content.pop("schema")
            entries = [Entry(**entry) for entry in content.pop("entries")]
            record = cls(**content, entries=entries)
        except (KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path} is no record of an ablation: remove it, or choose another --out"
            ) from error
        if schema != SCHEMA:
            raise UsageError(
                f"{path} is a record of schema {schema}, and {SCHEMA} was expected: run the study "
                "without --skip-existing to replace it"
            )
        return record

    def write(self, path: Path) -> None:
        """Writes the record as a whole."""
        write_json(path, {"schema": SCHEMA, **asdict(self)})

    @property
    def title(self) -> str:
        """The source, and that it is made up where it is."""
        name = str(self.source["name"])
        return f"{name} (simulated)" if self.simulated and name != "simulated" else name

    @property
    def finished(self) -> list[Entry]:
        """The runs with figures."""
        return [entry for entry in self.entries if entry.figures is not None]

    @property
    def folders(self) -> list[str]:
        """The run folders of the runs with figures."""
        return [entry.folder for entry in self.finished]

    @property
    def split(self) -> str:
        """What the scores are measured on: ``train`` or ``val``."""
        return str(self._first["split"])

    @property
    def backbones(self) -> list[str]:
        """Where the features come from, with ``-untrained`` where the weights are random."""
        return list(self._first["backbones"])

    @property
    def _first(self) -> dict[str, Any]:
        return next(entry.figures for entry in self.finished if entry.figures is not None)
