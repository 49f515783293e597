from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import TINY, blobs
from ucls import pipeline
from ucls.cache import read_assignments, read_merges, read_tensors
from ucls.clustering.combining import Clustering
from ucls.clustering.fitting import fit_settings
from ucls.clustering.in_memory import cluster
from ucls.constraints.groups import Constraints, close
from ucls.corrections.subtrees import Leaves
from ucls.errors import UsageError
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.sources import load_source

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


def clustered(config: Config, seed: int = 0, known: Constraints | None = None) -> Clustering:
    features = blobs(120, seed)[0]
    return cluster(features, fit_settings(config, features), known=known)


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


@pytest.mark.slow
@pytest.mark.parametrize("size", [10, 56])
def test_so_it_does_of_bursts(size: int, tmp_path: Path) -> None:
    features = np.repeat(blobs(1120 // size, 0)[0], size, axis=0)
    features += 1e-3 * np.random.default_rng(0).normal(size=features.shape).astype(np.float32)
    run = Run(pipeline.run(features, out=tmp_path / "run", config=asked()).path)
    found = cluster(features, fit_settings(asked(), features))
    np.testing.assert_array_equal(found.labelled.clusters, read_labels(run).clusters)


KNOWN = """path,label,path_a,path_b,link
0,a
5,a
9,b
,,3,4,must
,,4,20,must
,,30,31,cannot
,,9,40,must
"""
KNOWN_VARIANTS: list[dict[str, Any]] = [
    {},
    {"ensemble.method": "all", "self_train.outliers": 0.3},
    {"merge.linkage": "none", "train.scales": [1], "self_train.inputs": "tokens"},
    {"merge.min_cluster_size": 40},
]


@pytest.mark.slow
@pytest.mark.parametrize("variant", KNOWN_VARIANTS, ids=str)
def test_it_respects_what_is_known_as_a_run_does(
    sources: Path, tmp_path: Path, variant: dict[str, Any]
) -> None:
    (tmp_path / "known.csv").write_text(KNOWN, encoding="utf-8")
    source = load_source(str(sources / "blobs.npz"))
    config = asked(**variant, **{"merge.known": str(tmp_path / "known.csv")})
    run = Run(pipeline.run(source, out=tmp_path / "run", config=config).path)
    labels = np.full(120, -1, np.int32)
    labels[[0, 5, 9]] = 0, 0, 1
    must, cannot = np.array([(3, 4), (4, 20), (9, 40)]), np.array([(30, 31)])
    known = close(labels, must, cannot, n_labels=2)
    found, expected = clustered(asked(**variant), known=known), read_labels(run)
    np.testing.assert_array_equal(found.labelled.clusters, expected.clusters)
    np.testing.assert_allclose(found.labelled.confidence, expected.confidence, atol=6e-5)
    np.testing.assert_allclose(found.labelled.probability, expected.probability, atol=6e-5)
    assert found.consensus.anmi == run.consensuses.chosen().anmi["train"]
    assert found.of_labels is not None
    names = {name: cluster for cluster, name in expected.names.items()}
    assert found.of_labels.tolist() == [names["a"], names["b"]]
    assert (found.labelled.clusters != clustered(asked(**variant)).labelled.clusters).any()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_blobs_are_found_and_the_seed_decides(seed: int) -> None:
    config = asked(**{"seed": seed, "train.epochs": 30})
    found, labels = clustered(config, seed), blobs(120, seed)[1]
    pairs = {*zip(found.labelled.clusters.tolist(), labels.tolist(), strict=True)}
    assert len(pairs) == 4
    again, other = clustered(config, seed), clustered(asked(seed=seed + 9), seed)
    np.testing.assert_array_equal(again.classifier.linear.weight, found.classifier.linear.weight)
    assert not np.array_equal(other.classifier.linear.weight, found.classifier.linear.weight)


def test_runs_to_be_apart_from_are_refused() -> None:
    with pytest.raises(UsageError, match=r"neighbors\.apart_from is for runs: leave it out here"):
        clustered(asked(**{"neighbors.apart_from": ["runs/a"]}))
