"""Hierarchies as BREEDS and ImageNet ship them: a line of parent and child, and their names."""

import json
from collections import deque
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from ucls.errors import UsageError
from ucls.hierarchies.levels import Chains
from ucls.hierarchies.text import read_text

EDGES, NAMES, CLASSES = "class_hierarchy.txt", "node_names.txt", "dataset_class_info.json"


def read_chains(path: Path) -> Chains:
    """Reads ``parent child`` lines; each node with the nodes above it, from its root.

    WordNet gives some nodes several parents. Here each has one: that on a shortest way to a root,
    and of several such the first in the file.

    Raises:
        UsageError: if a line is no pair, or nodes are above one another in a circle.
    """
    children: dict[str, list[str]] = {}
    parents: dict[str, list[str]] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        pair = line.split()
        if not pair:
            continue
        if len(pair) != 2:
            raise UsageError(
                f"{path} has {len(pair)} words in line {number}: expected a parent and its child, "
                f"such as 'n00001740 n00021939', got {line[:80]!r}"
            )
        parent, child = pair
        children.setdefault(parent, []).append(child)
        parents.setdefault(child, []).append(parent)
    try:
        tuple(TopologicalSorter(parents).static_order())
    except CycleError as error:
        raise UsageError(
            f"{path} goes in a circle: {' > '.join(error.args[1])}; take one of these lines out"
        ) from None
    return _from_roots(children, parents)


def _from_roots(children: dict[str, list[str]], parents: dict[str, list[str]]) -> Chains:
    chains: Chains = {node: (node,) for node in children if node not in parents}
    queue = deque(chains)
    while queue:
        node = queue.popleft()
        for child in children.get(node, ()):
            if child not in chains:
                chains[child] = (*chains[node], child)
                queue.append(child)
    return chains


def read_ids(folder: Path) -> dict[str, str]:
    """The id of each class that is listed, by its id, its number and its name.

    Listed in ``dataset_class_info.json`` [[number, id, name], ...] and ``node_names.txt`` (id, tab,
    name), as far as they are there. A name of several ids, such as crane, is left out.
    """
    found: dict[str, set[str]] = {}
    if (folder / CLASSES).is_file():
        for number, node, name in _class_info(folder / CLASSES):
            for alias in (node, str(number), name):
                found.setdefault(alias, set()).add(node)
    if (folder / NAMES).is_file():
        for line in read_text(folder / NAMES).splitlines():
            node, tab, name = line.partition("\t")
            if not tab:
                raise UsageError(
                    f"{folder / NAMES} has a line without a tab: expected an id, a tab and a name, "
                    f"got {line[:80]!r}"
                )
            found.setdefault(name.strip(), set()).add(node)
    return {alias: next(iter(nodes)) for alias, nodes in found.items() if len(nodes) == 1}


def _class_info(path: Path) -> list[tuple[int, str, str]]:
    try:
        rows = json.loads(read_text(path))
        return [(int(number), str(node), str(name)) for number, node, name in rows]
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"{path} is no list of [number, id, name] as JSON ({error}): take the file of BREEDS, "
            "or leave it out"
        ) from error
