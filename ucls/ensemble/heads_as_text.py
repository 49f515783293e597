"""Which heads take part, as text: a rule such as ``best:16``, or numbers such as ``0-4,7``."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from ucls.errors import UsageError

FORMS = "all, best, best:16, anmi, anmi:16, or numbers and ranges such as 0-4,7"


class Rule(NamedTuple):
    """Heads that are chosen by a figure."""

    name: str
    """``all``, ``best`` (lowest training loss) or ``anmi`` (highest mean NMI to the others)."""
    n_heads: int | None
    """How many it asks for; None: all, or with another name half of them, rounded up."""

    def count(self, n_candidates: int) -> int:
        """How many it takes of so many candidates."""
        if self.n_heads is not None:
            return min(self.n_heads, n_candidates)
        return n_candidates if self.name == "all" else (n_candidates + 1) // 2


def parse_heads(text: str, n_heads: int) -> Rule | tuple[int, ...]:
    """Reads a selection of heads.

    Args:
        text: ``all``; ``best`` or ``anmi``, which ask for half of the heads, rounded up, or for as
            many as they are followed by, such as ``best:16``; or head numbers from 0 and inclusive
            ranges, such as ``0-4,7``.
        n_heads: number of heads there are.

    Returns:
        The rule, or the named heads, rising.

    Raises:
        UsageError: not a selection, more heads than there are, a head that does not exist, a range
            that runs backwards, or a head named twice.
    """
    if match := re.fullmatch(r"\s*(all|best|anmi)\s*", text):
        return Rule(match[1], None)
    if match := re.fullmatch(r"\s*(best|anmi):([0-9]+)\s*", text):
        return _parse_rule(match[1], int(match[2]), n_heads)
    selected: list[int] = []
    for part in text.split(","):
        heads = _parse_part(part.strip(), text)
        _check_exists(heads[-1], n_heads)
        selected.extend(heads)
    return _sort(selected)


def format_heads(heads: Iterable[int]) -> str:
    """Writes head numbers, as short as possible; :func:`parse_heads` reads it.

    Args:
        heads: head numbers from 0, in any order, none twice.

    Returns:
        Such as ``0-4,7``.

    Raises:
        UsageError: no head, or a head named twice.
    """
    runs: list[list[int]] = []
    for head in _sort(list(heads)):
        if runs and head == runs[-1][-1] + 1:
            runs[-1].append(head)
        else:
            runs.append([head])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def canonical_heads(text: str, n_heads: int) -> str:
    """Writes a selection so that the same heads always read alike; arguments as above."""
    parsed = parse_heads(text, n_heads)
    return text.strip() if isinstance(parsed, Rule) else format_heads(parsed)


def _parse_rule(name: str, n_asked: int, n_heads: int) -> Rule:
    """Checks the number behind a rule."""
    if not 1 <= n_asked <= n_heads:
        raise UsageError(
            f"heads {name}:{n_asked} asks for {n_asked} heads, but there are {n_heads}: "
            f"ask for 1 to {n_heads}"
        )
    return Rule(name, n_asked)


def _parse_part(part: str, text: str) -> range:
    """Reads ``7`` or ``0-4``."""
    match = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", part)
    if match is None:
        raise UsageError(f"heads must be {FORMS}, got {text!r}")
    first = int(match[1])
    last = int(match[2] or match[1])
    if last < first:
        raise UsageError(f"a range of heads must rise, got {part}: write {last}-{first}")
    return range(first, last + 1)


def _check_exists(head: int, n_heads: int) -> None:
    """Says so where there is no such head."""
    if not 0 <= head < n_heads:
        raise UsageError(f"heads must be in 0..{n_heads - 1}, got {head}: choose among these")


def _sort(heads: list[int]) -> tuple[int, ...]:
    """Returns the heads rising, or says which one is there twice."""
    if not heads:
        raise UsageError("at least one head must be selected, got none: write 'all' for all")
    selected = sorted(heads)
    for head, following in pairwise(selected):
        if head == following:
            raise UsageError(f"each head must be named once, got {head} twice: drop one")
    return tuple(selected)
