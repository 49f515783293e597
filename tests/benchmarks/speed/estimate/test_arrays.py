from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.speed.estimate.arrays import graph_bytes, in_memory, n_weights, on_disk
from benchmarks.speed.estimate.cases import IMAGENET, IMAGENET_CASES, Case
from benchmarks.speed.growth.works import BOTTLENECK_DIM, HIDDEN_DIM
from benchmarks.speed.training import ucls_config
from benchmarks.step_products import Size as StepSize
from benchmarks.training_step import random_graph
from ucls.cache import Assignments, write_assignments, write_graph, write_tensors
from ucls.stages.train import to_numpy
from ucls.training.trainer import HeadTrainer

SMALL = Case(
    "small", IMAGENET._replace(n_images=50_000, n_clusters=7, n_heads=3, n_features=32), k=10
)


def sizes(arrays):
    return {array.what: array.n_bytes for array in arrays}


def test_the_graph_is_as_large_as_a_real_one(tmp_path: Path):
    path = tmp_path / "neighbors.h5"
    write_graph(path, random_graph(50_000, k=10))
    assert graph_bytes(SMALL, 10) == pytest.approx(path.stat().st_size, rel=0.02)


def test_assignments_are_as_large_as_real_ones(tmp_path: Path):
    path = tmp_path / "assignments.h5"
    labels = np.zeros((3, 50_000), dtype=np.int32)
    write_assignments(
        path,
        Assignments(
            {"train": labels}, {"train": labels.astype(np.float16)},
            np.zeros(3, dtype=np.float32), 7, np.full(3, 7, dtype=np.int32),
        ),
    )  # fmt: skip
    assert sizes(on_disk(SMALL))["assignments.h5"] == pytest.approx(path.stat().st_size, rel=0.02)


def test_heads_and_checkpoint_are_as_large_as_real_ones(tmp_path: Path):
    config = ucls_config(
        StepSize(3, 32, 7, 256, HIDDEN_DIM, BOTTLENECK_DIM),
        precision="float32", epochs=1, n_images=512,
    )  # fmt: skip
    features = np.random.default_rng(0).standard_normal((512, 32), dtype=np.float32)
    trainer = HeadTrainer(
        features, random_graph(512), config, n_clusters=7, seed=0, device=torch.device("cpu")
    )
    trainer.train_epoch()
    found = sizes(on_disk(SMALL))
    for name, state in (("heads", trainer.trained_state()), ("checkpoint", trainer.state())):
        path = tmp_path / f"{name}.safetensors"
        write_tensors(path, to_numpy(state), {})
        assert found[path.name] == pytest.approx(path.stat().st_size, rel=0.01)
    n_trained = sum(p.numel() for p in trainer.objective.weights() + trainer.objective.biases())
    assert n_weights(SMALL) == n_trained


def test_features_of_imagenet_in_memory_and_on_disk():
    assert sizes(on_disk(IMAGENET_CASES[0]))["features"] == 2 * 5 * 1024 * 1_281_167
    found = sizes(in_memory(IMAGENET_CASES[0]))
    assert found["neighbors: features"] == 2 * 2048 * 1_281_167
    assert found["train: features"] == 4 * 2048 * 1_281_167


def test_merged_heads_are_larger():
    merged = replace(SMALL, scale=3)
    assert n_weights(merged) - n_weights(SMALL) == 3 * (BOTTLENECK_DIM + 1) * 14


def test_the_cap_is_never_below_k():
    assert SMALL.cap == 50_000 // 7
    assert replace(SMALL, k=10_000).cap == 10_000
