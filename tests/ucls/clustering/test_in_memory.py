from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import TINY, Lines, blobs
from ucls import pipeline
from ucls.cache import read_assignments, read_merges, read_tensors
from ucls.clustering.fitting import fit_settings
from ucls.clustering.in_memory import Clustering, cluster
from ucls.corrections.subtrees import Leaves
from ucls.errors import UsageError
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.sources import load_source
from ucls.types import cut_into

VARIANTS: list[dict[str, Any]] = [
    {},
    {"seed": 3, "effort": "quick", "train.n_heads": None},
    {"merge.linkage": "none", "train.scales": [1], "ensemble.weights": "loss"},
    {"merge.linkage": "average", "ensemble.weights": "agreement", "ensemble.heads": "best"},
    {"self_train.inputs": "tokens", "neighbors.prepare": "center", "ensemble.method": "all"},
    {"train.n_heads": 4, "train.heads_at_once": 2, "train.early_stopping": True},
]


def asked(**values: Any) -> Config:
    return Config(n_clusters=4).with_values({**TINY, **values})


def clustered(config: Config, seed: int = 0) -> Clustering:
    features = blobs(120, seed)[0]
    return cluster(features, fit_settings(config, features))


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_it_finds_what_a_run_finds(sources: Path, tmp_path: Path, variant: dict[str, Any]) -> None:
    config = asked(**variant)
    source = load_source(str(sources / "blobs.npz"))
    run = Run(pipeline.run(source, out=tmp_path / "run", config=config).path)
    found, expected = clustered(config), read_labels(run)
    np.testing.assert_array_equal(found.labelled.clusters, expected.clusters)
    np.testing.assert_allclose(found.labelled.confidence, expected.confidence, atol=6e-5)
    np.testing.assert_allclose(found.labelled.probability, expected.probability, atol=6e-5)
    assert found.consensus.anmi == run.consensuses.chosen().anmi["train"]
    heads = read_assignments(run.folder.file("assignments.h5"))
    np.testing.assert_array_equal(found.trained.assignments.labels["train"], heads.labels["train"])
    tensors, metadata = read_tensors(run.folder.file("heads.safetensors"))
    assert found.trained.metadata == metadata
    assert found.trained.tensors.keys() == tensors.keys()
    assert run.merges == (found.merged is not None)
    if found.merged is not None:
        merged = read_merges(run.folder.file("merges.h5"))
        assert found.merged.linkage == merged.linkage
        leaves, of_run = found.leaves(), Leaves.of(run)
        assert leaves is not None
        assert of_run is not None
        np.testing.assert_array_equal(leaves.head.tree, of_run.head.tree)


@pytest.mark.parametrize("seed", range(2))
def test_blobs_are_found_and_the_seed_decides(seed: int) -> None:
    config = asked(**{"seed": seed, "train.epochs": 30})
    found, labels = clustered(config, seed), blobs(120, seed)[1]
    pairs = {*zip(found.labelled.clusters.tolist(), labels.tolist(), strict=True)}
    assert len(pairs) == 4
    again, other = clustered(config, seed), clustered(asked(seed=seed + 9), seed)
    np.testing.assert_array_equal(again.classifier.linear.weight, found.classifier.linear.weight)
    assert not np.array_equal(other.classifier.linear.weight, found.classifier.linear.weight)


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


def test_runs_to_be_apart_from_are_refused() -> None:
    with pytest.raises(UsageError, match=r"neighbors\.apart_from is for runs: leave it out here"):
        clustered(asked(**{"neighbors.apart_from": ["runs/a"]}))
