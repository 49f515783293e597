import numpy as np
import pytest

from ucls.runs.image_labels import read_labels
from ucls.runs.labeller import Labeller
from ucls.runs.run import Run


@pytest.mark.parametrize("name", ["shared_run", "shared_photo_run", "shared_two_space_run"])
def test_the_features_of_a_run_get_its_labels(name: str, request: pytest.FixtureRequest) -> None:
    run = Run(request.getfixturevalue(name))
    labeller, labels = Labeller(run), read_labels(run)
    with run.features("train") as cache:
        labelled = labeller.label({kind: cache.read(kind) for kind in labeller.feature_sets})
    rows = labels.rows_of("train")
    np.testing.assert_array_equal(labelled.clusters, labels.found[rows])
    np.testing.assert_allclose(labelled.confidence, labels.confidence[rows], atol=1e-4)
    np.testing.assert_allclose(labelled.probability, labels.probability[rows], atol=1e-4)
    assert labeller.columns == ("path", "cluster", "confidence", "probability")
    assert labeller.numbers == list(range(run.n_clusters))
    assert (labeller.named(0), labeller.name_of(0)) == ((), "")
