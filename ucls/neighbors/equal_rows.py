"""Images with the very same features, which are searched for once."""

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.tables import CHUNK, AnyFeatures

Ints = npt.NDArray[np.int64]

N_COLUMNS = 8
"""Values that tell most rows apart before whole rows are read."""
FACTORS = np.arange(1, 2 * N_COLUMNS, 2) * -0x61C8864680B583EB


class EqualRows(NamedTuple):
    """The different rows of features [N, D], M in all, and the images that each stands for."""

    firsts: Ints
    """The first image of each row, [M], rising."""
    row_of: Ints
    """Of each image [N]."""
    members: Ints
    """All images, row by row, each row's rising [N]."""
    starts: Ints
    """Where the members of each row start [M]."""
    sizes: Ints
    """How many they are [M]."""


def find_equal_rows(features: AnyFeatures) -> EqualRows | None:
    """The different rows of features [N, D]; None where all are."""
    n_images, n_features = features.shape
    columns = np.linspace(0, n_features - 1, N_COLUMNS).astype(np.int64)
    # Zero has two signs, of which adding zero leaves one.
    few = np.empty((n_images, N_COLUMNS))
    for start in range(0, n_images, CHUNK):
        few[start : start + CHUNK] = features[start : start + CHUNK][:, columns] + 0.0
    _, inverse, counts = np.unique(
        few.view(np.int64) @ FACTORS, return_inverse=True, return_counts=True
    )
    first_of, seen = np.arange(n_images), dict[bytes, int]()
    for image in np.flatnonzero(counts[inverse] > 1).tolist():
        values = (features[image : image + 1] + 0.0).tobytes()
        row = hashlib.blake2b(values, digest_size=16).digest()
        first_of[image] = seen.setdefault(row, image)
    firsts, row_of, sizes = np.unique(first_of, return_inverse=True, return_counts=True)
    if len(firsts) == n_images:
        return None
    members = np.argsort(row_of, kind="stable")
    return EqualRows(firsts, row_of, members, np.cumsum(sizes) - sizes, sizes)
