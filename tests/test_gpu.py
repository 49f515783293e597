import os

import numpy as np
import pytest
import torch

from ucls.backbones.build import build_backbone
from ucls.backbones.normalized_cut import cut_patches
from ucls.extraction.batch_size import fitting_batch_size
from ucls.extraction.tokens import extract_tokens
from ucls.metrics.baselines import kmeans
from ucls.metrics.scores import clustering_accuracy
from ucls.neighbors.build import build_neighbors
from ucls.settings.config import Config, SelfTrainConfig
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.settings.objectives import RECORDS, objective_names, special_settings
from ucls.sources import load_source
from ucls.training.linear import self_train
from ucls.training.trainer import HeadTrainer

pytestmark = pytest.mark.gpu

# UCLS_TEST_DEVICE=cpu runs the same checks where there is no GPU.
DEVICE = torch.device(os.environ.get("UCLS_TEST_DEVICE", "cuda"))
RNG = np.random.default_rng(0)
LABELS = (np.arange(400) % 4).astype(np.int32)
FEATURES = (np.eye(16)[LABELS] + 0.15 * RNG.normal(size=(400, 16))).astype(np.float32)


def new_trainer(precision: str, objective: str = "ucls") -> HeadTrainer:
    settings = {
        "n_heads": 4, "scales": (1,), "hidden_dim": 32, "bottleneck_dim": 16, "epochs": 30,
        "warmup_epochs": 3, "batch_size": 40, "learning_rate": 0.05, "teacher_momentum": 0.9,
        "precision": precision, "batch_norm": True,
    }  # fmt: skip
    heeded = {
        name: value
        for name, value in settings.items()
        if name not in special_settings() or name in RECORDS[objective].options
    }
    facts = DataFacts(
        n_images=400,
        n_features=16,
        n_clusters=4,
        backbone="features",
        device="cuda" if DEVICE.type == "cuda" else "cpu",
        fast_precision="bfloat16",
    )
    config = Config.model_validate({"train": {"objective": objective, **heeded}})
    return HeadTrainer.on(
        FEATURES,
        build_neighbors(FEATURES, k=5, threshold=1.0),
        autoconfigure(config, facts).train,
        n_clusters=4,
        seed=0,
        device=DEVICE,
    )


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


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_compiled_training_on_the_gpu_is_an_eager_one(precision: str) -> None:
    eager, compiled = new_trainer(precision), new_trainer(precision)
    compiled.train_mode(True)
    rows = torch.arange(40, device=DEVICE)
    compiled.losses.compile(compiled.draw(rows, 0, torch.Generator(DEVICE)))
    assert compiled.losses.is_compiled
    for _ in range(15):
        expected, record = eager.train_epoch(), compiled.train_epoch()
    np.testing.assert_allclose(record.head_losses, expected.head_losses, rtol=0.05, atol=0.02)
    labels = compiled.predict(FEATURES).labels
    assert (labels == eager.predict(FEATURES).labels).mean() > 0.98


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("objective", objective_names())
def test_every_objective_trains_and_resumes_on_the_gpu(objective: str, precision: str) -> None:
    trainer = new_trainer(precision, objective)
    for _ in range(3):
        record = trainer.train_epoch()
    assert np.isfinite(record.head_losses).all()
    assert all(value.device.type == DEVICE.type for value in trainer.trained_state().values())
    resumed = new_trainer(precision, objective)
    resumed.load_state({name: value.cpu() for name, value in trainer.state().items()})
    expected, record = trainer.train_epoch(), resumed.train_epoch()
    np.testing.assert_allclose(record.head_losses, expected.head_losses, rtol=0.02, atol=1e-3)
    assert (trainer.predict(FEATURES).labels == resumed.predict(FEATURES).labels).mean() > 0.98


def test_self_training_on_the_gpu_learns_its_labels() -> None:
    config = SelfTrainConfig(iterations=100, batch_size=64)
    columns = {"cls": slice(0, 16)}
    result = self_train(FEATURES, LABELS, columns, n_clusters=4, config=config, device=DEVICE)
    predicted, _ = result.classifiers[result.chosen].predict(FEATURES)
    assert (predicted == LABELS).mean() > 0.98


def test_kmeans_on_the_gpu_finds_the_clusters_of_the_cpu() -> None:
    found, expected = (
        kmeans({"train": FEATURES}, n_clusters=4, restarts=2, device=device)["train"]
        for device in (DEVICE, None)
    )
    assert clustering_accuracy(expected, found) == 1.0


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 2e-3), ("float16", 2e-2), ("bfloat16", 1e-1)]
)
def test_tokens_of_the_gpu_are_those_of_the_cpu(precision: str, tolerance: float) -> None:
    images = load_source("digits").splits["val"]
    options = {"image_size": 32, "weights": "random"}
    expected = build_backbone("test_vit", **options)
    backbone = build_backbone("test_vit", **options, device=str(DEVICE), precision=precision)
    batches = extract_tokens(images, backbone, batch_size=64, workers=2, n_augmented=1)
    reference = extract_tokens(images, expected, batch_size=64, n_augmented=1)
    for batch, right in zip(batches, reference, strict=True):
        assert batch.paths == right.paths
        scale = np.abs(right.cls).max()
        assert batch.cls.shape == right.cls.shape == (2, len(right.paths), 4, 64)
        np.testing.assert_allclose(batch.cls, right.cls, atol=tolerance * scale)
        np.testing.assert_allclose(batch.patch_mean, right.patch_mean, atol=tolerance * scale)


def test_the_gpu_cuts_patches_as_the_cpu_does() -> None:
    features = np.random.default_rng(0).normal(size=(40, 9, 11, 12))
    features[:, 2:5, 3:7] += 3
    on_cpu = torch.from_numpy(features)
    assert torch.equal(cut_patches(on_cpu.to(DEVICE)).cpu(), cut_patches(on_cpu))


def test_a_resumed_extraction_on_the_gpu_gives_the_same_rows() -> None:
    images = load_source("digits").splits["val"]
    backbone = build_backbone("test_vit", image_size=32, weights="random", device=str(DEVICE))
    whole = list(extract_tokens(images, backbone, batch_size=64))
    resumed = list(extract_tokens(images, backbone, batch_size=64, start=100))
    np.testing.assert_array_equal(
        np.concatenate([batch.cls for batch in resumed], axis=1),
        np.concatenate([batch.cls for batch in whole], axis=1)[:, 100:],
    )


def test_a_batch_size_is_found() -> None:
    backbone = build_backbone("test_vit", image_size=32, weights="random", device=str(DEVICE))
    assert fitting_batch_size(backbone) in (32, 64, 128, 256)
