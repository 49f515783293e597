"""Clusters that a classifier has forgotten, brought back by their bias."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ucls.training.linear import CHUNK, Features, LinearClassifier, Table
from ucls.types import Labels

Margins = npt.NDArray[np.float32]
MOST_ROUNDS = 50
TIE = np.float32(1e-4)
"""Above which rounding does not decide."""
FORGOTTEN_BELOW = 0.1
"""Share of the images of a cluster that a classifier must give it."""


def fill_forgotten(
    classifier: LinearClassifier,
    tokens: Features | Table,
    pseudo_labels: Labels,
    *,
    columns: slice = slice(None),
) -> LinearClassifier:
    """Raises the bias of clusters that get next to none of the images, until half of theirs are.

    A small cluster with doubtful pseudo-labels costs little to give up; who asked for so many
    clusters wants to see it.

    Args:
        classifier: that may have forgotten some.
        tokens: what it was trained on, [N, W].
        pseudo_labels: what it shall say of these, [N]; -1 is left out.
        columns: of the tokens, that it takes.
    """
    n_clusters = len(classifier.bias)
    wanted = np.bincount(pseudo_labels + 1, minlength=n_clusters + 1)[1:]
    for _ in range(MOST_ROUNDS):
        found = np.bincount(classifier.predict(tokens, columns)[0], minlength=n_clusters)
        forgotten = np.flatnonzero(found < FORGOTTEN_BELOW * wanted)
        if not len(forgotten):
            break
        # The least first; it may take images of others, which are looked at again.
        cluster = forgotten[found[forgotten].argmin()]
        behind = [
            _behind(classifier, tokens[start : start + CHUNK][:, columns], cluster)
            for start in range(0, len(tokens), CHUNK)
        ]
        n_filled = max(1, int(wanted[cluster]) // 2)
        least = np.partition(np.concatenate(behind), n_filled - 1)[n_filled - 1]
        bias = classifier.bias.copy()
        bias[cluster] += np.nextafter(least, np.float32(np.inf)) + TIE
        classifier = replace(classifier, bias=bias)
    return classifier


def _behind(classifier: LinearClassifier, rows: Features, cluster: int) -> Margins:
    """How far a cluster lies behind the likeliest one, [n]."""
    logits = rows.astype(np.float32) * np.float32(classifier.scale) @ classifier.weight
    logits += classifier.bias
    behind: Margins = logits.max(axis=1) - logits[:, cluster]
    return behind
