import numpy as np
import pytest

from tests.conftest import blobs
from ucls.clustering.self_training import fit_classifiers
from ucls.progress import SILENT
from ucls.settings.config import Config

SETTINGS = {"self_train.iterations": 60, "self_train.batch_size": 32}


@pytest.mark.parametrize("seed", range(3))
def test_the_chosen_classifier_meets_the_labels_and_the_seed_decides(seed: int) -> None:
    features, labels = blobs(200, seed)
    columns = {"few": slice(0, 2), "all": slice(0, 8)}
    results = [
        fit_classifiers(
            features,
            labels.astype(np.int32),
            columns,
            n_clusters=4,
            config=Config(seed=own).with_values(SETTINGS),
            weights=None,
            reporter=SILENT,
        )
        for own in (seed, seed, seed + 1)
    ]
    chosen = [result.classifiers[result.chosen] for result in results]
    assert results[0].candidates[results[0].chosen].feature_set == "all"
    assert (chosen[0].predict(features)[0] == labels).mean() > 0.95
    np.testing.assert_array_equal(chosen[0].weight, chosen[1].weight)
    assert not np.array_equal(chosen[0].weight, chosen[2].weight)


def test_a_small_doubtful_cluster_is_not_forgotten() -> None:
    features, labels = blobs(200, 0)
    pseudo_labels = labels.astype(np.int32)
    rare = np.flatnonzero(labels == 0)[:8]
    pseudo_labels[rare] = 4
    weights = np.where(pseudo_labels == 4, 0.1, 1.0)
    result = fit_classifiers(
        features,
        pseudo_labels,
        {"all": slice(0, 8)},
        n_clusters=5,
        config=Config().with_values(SETTINGS),
        weights=weights,
        reporter=SILENT,
    )
    assert (result.classifiers[result.chosen].predict(features)[0] == 4).any()
