"""What speaks against the clusters of a run once there are new images."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UclsError
from ucls.metrics.novelty import nearest_similarity, share_far
from ucls.runs.image_labels import ImageLabels
from ucls.runs.preparation import read_preparation
from ucls.runs.run import Run

MOST_COMPARED = 2000
"""Training images by which is told how alike images of the run are."""
ROWS_AT_ONCE = 4096


def misfit(
    run: Run,
    labels: ImageLabels,
    *,
    probability: NDArray[np.floating],
    features: Sequence[NDArray[np.floating]],
) -> str:
    """Says in a sentence why the clusters do not fit new images; empty if nothing says so.

    New images are compared with the training images by two scores that need no labels: how alike
    they are to the most similar training image, and how probable their cluster is.

    Args:
        run: whose clusters they are.
        labels: of its own images.
        probability: of each new image's cluster, [n].
        features: of the new images, [B, D] by [B, D].
    """
    if not len(probability):
        return ""
    share = _share_unlike(run, np.concatenate(features))
    if share is not None:
        return (
            f"{share:.0%} of the new images are less like any training image than 95% of these are "
            "like another"
        )
    share = share_far(probability, labels.probability[labels.rows_of("train")])
    if share is not None:
        return (
            f"the clusters of {share:.0%} of the new images are less probable than those of 95% of "
            "the training images"
        )
    return ""


def _share_unlike(run: Run, features: NDArray[np.floating]) -> float | None:
    from ucls.preparation.signs import sample_rows

    preparation = read_preparation(run)
    try:
        with run.features("train") as cache:
            n_images = len(cache)

            def known() -> Iterator[NDArray[np.floating]]:
                for start in range(0, n_images, ROWS_AT_ONCE):
                    rows = np.arange(start, min(start + ROWS_AT_ONCE, n_images))
                    yield preparation.of_array(cache.read(run.feature_set, rows=rows))

            own = sample_rows(n_images, MOST_COMPARED).numpy()
            sample = preparation.of_array(cache.read(run.feature_set, rows=own))
            of_known = nearest_similarity(sample, known(), own)
            of_new = nearest_similarity(preparation.of_array(features.copy()), known())
    except UclsError:  # the cache was removed, or is of other images by now
        return None
    return share_far(of_new, of_known)
