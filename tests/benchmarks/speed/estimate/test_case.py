from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.speed.estimate.case import IMAGENET_CASES, Case
from benchmarks.speed.size import Size
from benchmarks.speed.training import (
    BOTTLENECK_DIM,
    random_graph,
    random_training,
    ucls_config,
)
from ucls.cache import Assignments, write_assignments, write_graph, write_tensors
from ucls.stages.train import to_numpy
from ucls.training import HeadTrainer

SMALL = Case("small", Size(50_000, 7, n_heads=3, n_features=32), k=10)


def sizes(arrays):
    return {array.what: array.n_bytes for array in arrays}


def test_the_graph_is_as_large_as_a_real_one(tmp_path: Path):
    path = tmp_path / "neighbors.h5"
    write_graph(path, random_graph(50_000, k=10))
    assert SMALL.graph_bytes(10) == pytest.approx(path.stat().st_size, rel=0.02)


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
    assert sizes(SMALL.on_disk())["assignments.h5"] == pytest.approx(path.stat().st_size, rel=0.02)


def test_heads_and_checkpoint_are_as_large_as_real_ones(tmp_path: Path):
    size = replace(SMALL.size, n_images=512)
    config = ucls_config(size, precision="float32", epochs=1, batch_size=256)
    trainer = random_training(size).trainer(HeadTrainer, config, where=torch.device("cpu"))
    trainer.train_epoch()
    found = sizes(SMALL.on_disk())
    for name, state in (("heads", trainer.trained_state()), ("checkpoint", trainer.state())):
        path = tmp_path / f"{name}.safetensors"
        write_tensors(path, to_numpy(state), {})
        assert found[path.name] == pytest.approx(path.stat().st_size, rel=0.01)
    trained = trainer.objective.weights() + trainer.objective.biases()
    assert SMALL.n_weights == sum(parameter.numel() for parameter in trained)


def test_features_of_imagenet_in_memory_and_on_disk():
    assert sizes(IMAGENET_CASES[0].on_disk())["features"] == 2 * 5 * 1024 * 1_281_167
    found = sizes(IMAGENET_CASES[0].in_memory())
    assert found["neighbors: features"] == 2 * 2048 * 1_281_167
    assert found["train: features"] == 4 * 2048 * 1_281_167


def test_merged_heads_are_larger():
    merged = replace(SMALL, scale=3)
    assert merged.merges
    assert merged.n_weights - SMALL.n_weights == 3 * (BOTTLENECK_DIM + 1) * 14


def test_the_cap_is_never_below_k():
    assert SMALL.cap == 50_000 // 7
    assert replace(SMALL, k=10_000).cap == 10_000
