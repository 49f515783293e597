import numpy as np

from ucls.estimators.model import ClusterModel


def test_one_cluster_takes_all() -> None:
    model = ClusterModel.of_one_cluster(3)
    features = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    assert model.predict(features).tolist() == [0] * 5
    np.testing.assert_array_equal(model.shares(features), np.ones((5, 1)))
