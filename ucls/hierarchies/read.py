"""From any file of a hierarchy to the levels of some classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ucls.errors import UsageError
from ucls.hierarchies.columns import read_columns
from ucls.hierarchies.levels import Level, breeds_levels, cut_levels
from ucls.hierarchies.nested import read_nested
from ucls.hierarchies.wordnet import EDGES, read_chains, read_ids
from ucls.wording import count


def read_levels(path: str | Path, class_names: Sequence[str]) -> list[Level]:
    """Reads the superclasses that classes have at each level of a hierarchy.

    Args:
        path: a CSV or TSV of ``class`` and a column for each level; a nested tree as JSON; or a
            folder with ``class_hierarchy.txt`` (parent and child a line), and, if names or numbers
            are to be understood in place of ids, ``node_names.txt`` and
            ``dataset_class_info.json``.
        class_names: of the labels.

    Returns:
        The levels that tell something of these classes: several superclasses, one of which has
        several classes. By ``class_names``, as they are given.

    Raises:
        UsageError: if the file is none of these, a class is not in it, or no level tells anything.
    """
    path = Path(path).expanduser()
    if path.is_dir() or path.name == EDGES:
        levels = _of_wordnet(path, class_names)
    elif path.suffix.lower() == ".json":
        chains = read_nested(path)
        names = _known(path, class_names, dict.fromkeys(chains, ""))
        levels = list(cut_levels({name: chains[name] for name in names}))
    else:
        known, columns = read_columns(path)
        names = _known(path, class_names, dict.fromkeys(known, ""))
        levels = [
            Level(level.name, {n: s for n, s in level.superclasses.items() if n in names})
            for level in columns
        ]
    telling = [level for level in levels if level.tells]
    if not telling:
        raise UsageError(
            f"{path} has no level with several superclasses of which one has several of the "
            f"{count(len(class_names), 'label')}: give a hierarchy that divides these"
        )
    return telling


def _of_wordnet(path: Path, class_names: Sequence[str]) -> list[Level]:
    folder = path if path.is_dir() else path.parent
    chains, ids = read_chains(folder / EDGES), read_ids(folder)
    # BREEDS lists all classes of ImageNet, but its tree leaves 110 of them out.
    names = _known(path, class_names, {**ids, **{node: node for node in chains}})
    own = {name: chains[node] for name, node in names.items() if node in chains}
    return [*cut_levels(own), *breeds_levels(own)]


def _known(path: Path, class_names: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """What each class is known as.

    Raises:
        UsageError: naming one that is not known.
    """
    missing = [name for name in class_names if name not in known]
    if missing:
        raise UsageError(
            f"{path} lacks {count(len(missing), 'label')} of the run, such as {missing[0]!r}: "
            "expected each label there by its name (in a table with an empty cell, to leave it out)"
        )
    return {name: known[name] for name in class_names}
