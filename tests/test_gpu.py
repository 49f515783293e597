import os

import numpy as np
import pytest
import torch

from ucls.config import SelfTrainConfig, TrainConfig
from ucls.metrics import clustering_accuracy
from ucls.neighbors import build_neighbors
from ucls.self_training import self_train
from ucls.training import HeadTrainer

pytestmark = pytest.mark.gpu

# UCLS_TEST_DEVICE=cpu runs the same checks where there is no GPU.
DEVICE = torch.device(os.environ.get("UCLS_TEST_DEVICE", "cuda"))
RNG = np.random.default_rng(0)
LABELS = (np.arange(400) % 4).astype(np.int32)
FEATURES = (np.eye(16)[LABELS] + 0.15 * RNG.normal(size=(400, 16))).astype(np.float32)


def new_trainer(precision: str) -> HeadTrainer:
    config = TrainConfig.model_validate({
        "n_heads": 4, "hidden_dim": 32, "bottleneck_dim": 16, "epochs": 30, "warmup_epochs": 3,
        "batch_size": 40, "learning_rate": 0.05, "teacher_momentum": 0.9, "precision": precision,
    })  # fmt: skip
    graph = build_neighbors(FEATURES, k=5, threshold=1.0)
    return HeadTrainer(FEATURES, graph, config, n_clusters=4, seed=0, device=DEVICE)


def test_search_on_the_gpu_equals_faiss() -> None:
    settings = {"k": 5, "threshold": 0.5, "cap": 80}
    faiss = build_neighbors(FEATURES, backend="faiss", **settings)
    torch_graph = build_neighbors(FEATURES, backend="torch", device=str(DEVICE), **settings)
    np.testing.assert_array_equal(faiss.indptr, torch_graph.indptr)
    np.testing.assert_allclose(faiss.similarity, torch_graph.similarity, atol=2e-3)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_on_the_gpu_finds_blobs_and_resumes(precision: str) -> None:
    trainer = new_trainer(precision)
    for _ in range(15):
        trainer.train_epoch()
    resumed = new_trainer(precision)
    resumed.load_state({name: value.cpu() for name, value in trainer.state().items()})
    for _ in range(15):
        trainer.train_epoch()
        resumed.train_epoch()
    labels = trainer.predict(FEATURES).labels
    assert np.median([clustering_accuracy(LABELS, head) for head in labels]) > 0.95
    assert (labels == resumed.predict(FEATURES).labels).mean() > 0.99


def test_self_training_on_the_gpu_learns_its_labels() -> None:
    config = SelfTrainConfig(iterations=100, batch_size=64)
    columns = {"cls": slice(0, 16)}
    result = self_train(FEATURES, LABELS, columns, n_clusters=4, config=config, device=DEVICE)
    predicted, _ = result.classifiers[result.chosen].predict(FEATURES)
    assert (predicted == LABELS).mean() > 0.98
