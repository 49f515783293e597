from typing import Any

import numpy as np

from tests.conftest import TINY, Lines, blobs
from ucls.clustering.combining import Clustering
from ucls.clustering.fitting import fit_settings
from ucls.clustering.in_memory import cluster
from ucls.settings.config import Config
from ucls.types import cut_into


def asked(**values: Any) -> Config:
    return Config(n_clusters=4).with_values({**TINY, **values})


def clustered(config: Config) -> Clustering:
    features = blobs(120, 0)[0]
    return cluster(features, fit_settings(config, features))


def test_the_leaves_are_cut_to_the_clusters_of_the_best_head() -> None:
    found = clustered(asked())
    leaves = found.leaves()
    assert leaves is not None
    voters = list(found.classifier.voters)
    best = voters[int(np.argmin(found.trained.assignments.loss[voters]))]
    own = leaves.head.cut(4)[found.trained.assignments.labels["train"][best]]
    np.testing.assert_array_equal(cut_into(leaves.head.tree, 4)[leaves.of_images], own)
    assert clustered(asked(**{"merge.linkage": "none", "train.scales": [1]})).leaves() is None


def test_collapsed_heads_are_told_and_make_nothing_sure(lines: Lines) -> None:
    features = blobs(120, 0)[0]
    trivial = {"train.objective": "scan", "train.entropy_weight": 0, "train.learning_rate": 1}
    config = fit_settings(asked(**{**trivial, "train.epochs": 20}), features)
    found = cluster(features, config, reporter=lines)
    assert any("WARNING: all" in line and "have collapsed" in line for line in lines.said)
    assert not found.labelled.confidence.any()
    np.testing.assert_allclose(found.labelled.probability, 0.25)
