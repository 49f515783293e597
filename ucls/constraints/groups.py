"""Images that belong together or apart, closed to groups.

Shapes: N images, L labels, G groups.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.errors import UsageError
from ucls.types import Labels, renumber

Pairs = npt.NDArray[np.int64]
"""Rows of images, [P, 2]."""
MOST_NAMED = 5
"""Images that a contradiction names of those that link two."""


class Constraints(NamedTuple):
    """Which of N images belong into one cluster, and which into different ones."""

    group_of: Labels
    """The group of each image, int32 [N]; -1 where nothing is known. A group belongs together; the
    first L are those of the labels, which belong apart from one another."""
    apart: Pairs
    """Further groups that belong apart, int64 [P, 2]."""
    n_labels: int
    """L."""

    @property
    def n_groups(self) -> int:
        """G."""
        return max(int(self.group_of.max(initial=-1)) + 1, self.n_labels)

    def first(self, n_images: int) -> "Constraints":
        """The same of the first images alone."""
        return self._replace(group_of=self.group_of[:n_images])


def close(
    labels: Labels,
    must: Pairs,
    cannot: Pairs,
    *,
    n_labels: int,
    name_of: Callable[[int], str] = "image {}".format,
) -> Constraints:
    """Groups images that share a label or are linked, also by others.

    Args:
        labels: int32 [N], in 0..L-1; -1 where none is known.
        must: images that belong together.
        cannot: images that belong apart.
        n_labels: L.
        name_of: what errors call an image.

    Raises:
        UsageError: if two labels, or images that belong apart, are linked; it names the images.

    Example:
        >>> import numpy as np
        >>> from ucls.constraints.groups import close
        >>> labels = np.array([0, 1, -1, -1, -1, -1], np.int32)
        >>> known = close(labels, np.array([[0, 2], [3, 4]]), np.array([[4, 5]]), n_labels=2)
        >>> known.group_of.tolist(), known.apart.tolist()
        ([0, 1, 0, 2, 2, 3], [[2, 3]])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_images, labelled = len(labels), np.flatnonzero(labels >= 0)
    first = np.concatenate([must[:, 0], labelled])
    second = np.concatenate([must[:, 1], n_images + labels[labelled]])
    size = n_images + n_labels
    links = coo_array((np.ones(len(first), np.int8), (first, second)), (size, size))
    part_of = connected_components(links, directed=False)[1].astype(np.int64)
    of_labels = part_of[n_images:]
    _check_labels(labels, of_labels, links, name_of)
    _check_apart(cannot, part_of[:n_images], links, name_of)
    seen = np.unique(np.concatenate([labelled, must.ravel(), cannot.ravel()]))
    others = np.setdiff1d(part_of[seen], of_labels)
    numbers = np.full(size, -1, dtype=np.int32)
    numbers[np.concatenate([of_labels, others])] = np.arange(n_labels + len(others))
    group_of = np.full(n_images, -1, dtype=np.int32)
    group_of[seen] = renumber(part_of[seen], numbers)
    apart = np.unique(np.sort(group_of[cannot].astype(np.int64), axis=1), axis=0)
    is_told = (apart < n_labels).all(axis=1)
    return Constraints(group_of, apart[~is_told], n_labels)


def _check_labels(
    labels: Labels, of_labels: Pairs, links: Any, name_of: Callable[[int], str]
) -> None:
    first = np.unique(of_labels, return_index=True)[1]
    if len(first) == len(of_labels):
        return
    other = int(np.setdiff1d(np.arange(len(of_labels)), first)[0])
    label = int(np.flatnonzero(of_labels == of_labels[other])[0])
    path = _path(links, len(labels) + label, len(labels) + other)[1:-1]
    # A way from label to label may lead over further ones.
    images = [node for node in path if node < len(labels)]
    raise UsageError(
        f"{name_of(images[0])} and {name_of(images[-1])} have different labels, but are linked"
        f"{_through(images, name_of)}: leave out a link or a label"
    )


def _check_apart(cannot: Pairs, part_of: Pairs, links: Any, name_of: Callable[[int], str]) -> None:
    wrong = np.flatnonzero(part_of[cannot[:, 0]] == part_of[cannot[:, 1]])
    if not len(wrong):
        return
    one, two = map(int, cannot[wrong[0]])
    images = [node for node in _path(links, one, two) if node < len(part_of)]
    raise UsageError(
        f"{name_of(one)} and {name_of(two)} cannot be in one cluster, but must-links or a label "
        f"put them there{_through(images, name_of)}: leave one of these out"
    )


def _path(links: Any, one: int, two: int) -> list[int]:
    """The shortest way over links from one node to another, both included."""
    from scipy.sparse.csgraph import breadth_first_order

    before = breadth_first_order(links, one, directed=False)[1]
    path = [two]
    while path[-1] != one:
        path.append(int(before[path[-1]]))
    return path[::-1]


def _through(path: list[int], name_of: Callable[[int], str]) -> str:
    """Names the images between the ends of a way."""
    between = path[1:-1]
    names = ", ".join(name_of(node) for node in between[:MOST_NAMED])
    more = ", ..." if len(between) > MOST_NAMED else ""
    return f" through {names}{more}" if names else ""
