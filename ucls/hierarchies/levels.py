"""The levels of a hierarchy: which superclass each class has there."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

Chains: TypeAlias = dict[str, tuple[str, ...]]
"""Each class with what it is, from the root to the class itself."""

BREEDS = (
    ("Entity13", 13, "n00001740", 3, 20),
    ("Entity30", 30, "n00001740", 4, 8),
    ("Living17", 17, "n00004258", 5, 4),
    ("Nonliving26", 26, "n00021939", 5, 4),
)
"""Name, superclasses, root, depth, and classes of a superclass at least, as BREEDS has them
(Santurkar et al. 2020)."""


class Level(NamedTuple):
    """A cut through a hierarchy."""

    name: str
    superclasses: dict[str, str]
    """Class to superclass; without those that have none here, as their branch ends above."""

    @property
    def n_superclasses(self) -> int:
        """How many there are."""
        return len(set(self.superclasses.values()))

    @property
    def tells(self) -> bool:
        """Whether it has several superclasses, and one of them several classes."""
        return 1 < self.n_superclasses < len(self.superclasses)


def cut_levels(chains: Mapping[str, tuple[str, ...]]) -> Iterator[Level]:
    """Cuts a hierarchy at every depth, counted from the root, which is 0.

    A class at the depth itself is its own superclass; one whose branch ends above it has none.
    """
    for depth in range(max(map(len, chains.values()), default=0)):
        yield Level(
            f"level {depth}",
            {name: chain[depth] for name, chain in chains.items() if len(chain) > depth},
        )


def breeds_levels(chains: Mapping[str, tuple[str, ...]]) -> Iterator[Level]:
    """The superclasses of BREEDS, where a hierarchy has as many of them.

    BREEDS draws some classes of each at random; here they keep all of theirs.
    """
    for name, n_superclasses, root, depth, least in BREEDS:
        members: dict[str, list[str]] = {}
        for leaf, chain in chains.items():
            if root in chain[:depth] and len(chain) > depth:
                members.setdefault(chain[depth], []).append(leaf)
        large = {node: leaves for node, leaves in members.items() if len(leaves) >= least}
        if len(large) == n_superclasses:
            yield Level(name, {leaf: node for node, leaves in large.items() for leaf in leaves})
