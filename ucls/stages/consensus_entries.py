"""The consensuses of a run, side by side in ``consensus.h5``."""

from collections.abc import Sequence
from dataclasses import replace

from ucls.cache import ConsensusEntry, write_consensus
from ucls.stages.consensus_settings import entry_name
from ucls.stages.run import Run


def add_entries(run: Run, made: Sequence[ConsensusEntry], *, chosen_key: str | None) -> None:
    """Writes entries beside those that are there, all at once.

    They replace those with the same settings. Names are given anew, as they tell what differs from
    the run's own settings of today. Entries of heads that were trained anew since are left out.

    Args:
        run: the run.
        made: the entries.
        chosen_key: key of the entry to choose; None leaves the choice where it is.
    """
    there, chosen = run.consensuses(), run.chosen_name()
    if chosen_key is None and chosen is not None:
        chosen_key = there[chosen].key
    keys = {entry.key for entry in made}
    best_of = {key for entry in made for key in entry.best_of}
    others = [
        replace(entry, best_of=tuple(key for key in entry.best_of if key not in best_of))
        for entry in there.values()
        if entry.key not in keys
    ]
    by_name: dict[str, ConsensusEntry] = {}
    for entry in (*made, *others):
        name = name_of(run, entry)
        while name in by_name:
            name += "[older]"
        by_name[name] = entry
    entries = [replace(entry, name=name) for name, entry in by_name.items()]
    choice = next((entry.name for entry in entries if entry.key == chosen_key), None)
    write_consensus(run.folder.file("consensus.h5"), entries, chosen=choice)


def name_of(run: Run, entry: ConsensusEntry) -> str:
    """What an entry is called beside the run's own settings; old ones keep their names."""
    if entry.settings is None:
        return entry.name
    return entry_name(entry.settings, run.config.ensemble)
