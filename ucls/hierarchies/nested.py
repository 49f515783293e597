"""Hierarchies as nested JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ucls.errors import UsageError
from ucls.hierarchies.levels import Chains
from ucls.hierarchies.text import read_text

EXPECTED = (
    'expected objects of names to what they hold, down to lists of classes, as in {"animal": '
    '{"dog": ["beagle", "pug"]}}, or objects of a name and its children'
)


def read_nested(path: Path) -> Chains:
    """Reads a tree: objects by name, or of ``name`` and ``children``; lists; texts as classes.

    Returns:
        Each class with what is above it. What is above is told by its whole path, so that one name
        may stand in several branches.

    Raises:
        UsageError: if it is no such tree, or a class stands at two places.
    """
    try:
        tree = json.loads(read_text(path))
    except ValueError as error:
        raise UsageError(f"{path} is no JSON ({error}): {EXPECTED}") from error
    chains: Chains = {}
    for place in _places(tree, (), path):
        *above, name = place
        chain = (*("/".join(place[: i + 1]) for i in range(len(above))), name)
        if chains.setdefault(name, chain) != chain:
            raise UsageError(
                f"{path} has {name} at two places, {'/'.join(above) or 'the root'} and "
                f"{chains[name][-2] if len(chains[name]) > 1 else 'the root'}: leave one out"
            )
    return chains


def _places(tree: Any, above: tuple[str, ...], path: Path) -> Iterator[tuple[str, ...]]:
    """Each class, with the names above it first."""
    if isinstance(tree, list):
        for part in tree:
            yield from _places(part, above, path)
    elif isinstance(tree, str | int):
        yield (*above, str(tree))
    elif isinstance(tree, dict) and isinstance(tree.get("name"), str):
        own = (*above, tree["name"])
        children = tree.get("children")
        yield from _places(children, own, path) if children else (own,)
    elif isinstance(tree, dict):
        for name, part in tree.items():
            own = (*above, name)
            yield from _places(part, own, path) if part else (own,)
    else:
        raise UsageError(f"{path} holds {tree!r} under {'/'.join(above) or 'the root'}: {EXPECTED}")
