from pathlib import Path

import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.runs.apart_clusters import clusters_apart, clusters_of
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run


def test_most_runs_are_apart_from_none(shared_run: Path) -> None:
    assert clusters_apart(Run(shared_run)).shape == (0, 120)
    assert not (shared_run / "apart.safetensors").exists()


def test_clusters_are_those_of_the_images_in_their_order(shared_run: Path) -> None:
    labels = read_labels(Run(shared_run))
    rows = labels.rows_of("train")[::-1]
    (found,) = clusters_of([str(shared_run)], [labels.paths[row] for row in rows])
    assert found.dtype == np.int32
    assert np.array_equal(found, labels.found[rows])
    with pytest.raises(UsageError, match="has no training image elsewhere"):
        clusters_of([str(shared_run)], ["elsewhere"])
