"""Head selections as text, such as ``0-4,7``."""

import re
from collections.abc import Iterable
from itertools import pairwise

from ucls.errors import UsageError


def parse_heads(text: str, n_heads: int) -> tuple[int, ...]:
    """Reads a selection of heads.

    Args:
        text: ``all``, or head numbers from 0 and inclusive ranges, such as ``0-4,7``.
        n_heads: number of heads there are.

    Returns:
        The selected heads, rising.

    Raises:
        UsageError: not a selection, a head that does not exist, a range that runs backwards,
            or a head named twice.
    """
    if text.strip() == "all":
        return tuple(range(n_heads))
    selected: list[int] = []
    for part in text.split(","):
        heads = _parse_part(part.strip(), text)
        _check_exists(heads[-1], n_heads)
        selected.extend(heads)
    return _sort(selected)


def format_heads(heads: Iterable[int], n_heads: int) -> str:
    """Writes a selection of heads, as short as possible; :func:`parse_heads` reads it.

    Args:
        heads: head numbers, in any order, none twice.
        n_heads: number of heads there are.

    Returns:
        ``all`` for every head, otherwise such as ``0-4,7``.

    Raises:
        UsageError: no head, a head that does not exist, or a head named twice.
    """
    selected = _sort(list(heads))
    for head in selected:
        _check_exists(head, n_heads)
    if len(selected) == n_heads:
        return "all"
    runs: list[list[int]] = []
    for head in selected:
        if runs and head == runs[-1][-1] + 1:
            runs[-1].append(head)
        else:
            runs.append([head])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _parse_part(part: str, text: str) -> range:
    """Reads ``7`` or ``0-4``."""
    match = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", part)
    if match is None:
        raise UsageError(f"heads must be 'all' or numbers and ranges such as 0-4,7, got {text!r}")
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
