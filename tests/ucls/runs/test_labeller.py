import numpy as np
import pytest

from tests.conftest import classified
from ucls.runs.labeller import Labeller
from ucls.runs.run import Run


@pytest.mark.parametrize("name", ["shared_run", "shared_photo_run", "shared_two_space_run"])
def test_the_features_of_a_run_get_the_labels_of_its_classifier(
    name: str, request: pytest.FixtureRequest
) -> None:
    run = Run(request.getfixturevalue(name))
    labeller, expected = Labeller(run), classified(run.folder.path)
    with run.features("train") as cache:
        labelled = labeller.label({kind: cache.read(kind) for kind in labeller.feature_sets})
    np.testing.assert_array_equal(labelled.clusters, expected.clusters)
    np.testing.assert_allclose(labelled.confidence, expected.confidence, atol=1e-4)
    np.testing.assert_allclose(labelled.probability, expected.probability, atol=1e-4)
    assert labeller.columns == ("path", "cluster", "confidence", "probability")
    assert labeller.numbers == list(range(run.n_clusters))
    assert (labeller.named(0), labeller.name_of(0)) == ((), "")
