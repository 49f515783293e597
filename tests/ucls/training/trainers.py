"""Small trainings of every objective, which tests compare."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ucls.metrics.scores import clustering_accuracy
from ucls.neighbors.build import build_neighbors
from ucls.settings.config import Config, TrainConfig
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.settings.objectives import RECORDS, objective_names, special_settings
from ucls.training.trainer import HeadTrainer, Prediction, State
from ucls.types import NeighborGraph

CPU = torch.device("cpu")
CLUSTERS, HEADS, FEATURES, IMAGES = 4, 3, 8, 120
FACTS = DataFacts(
    n_images=IMAGES,
    n_features=FEATURES,
    n_clusters=CLUSTERS,
    backbone="features",
    device="cpu",
    fast_precision="float32",
)
SETTINGS: dict[str, Any] = {
    "n_heads": HEADS,
    "scales": (1,),
    "hidden_dim": 32,
    "bottleneck_dim": 16,
    "epochs": 12,
    "warmup_epochs": 2,
    "batch_size": 20,
    "learning_rate": 0.1,
    "teacher_momentum": 0.9,
    "n_smoothing": 2,
    "precision": "float32",
}

Features = npt.NDArray[np.float32]
Settings = Mapping[str, Any]


def config_of(objective: str) -> TrainConfig:
    heeded = {
        name: value
        for name, value in SETTINGS.items()
        if name not in special_settings() or name in RECORDS[objective].options
    }
    config = Config.model_validate({"train": {"objective": objective, **heeded}})
    return autoconfigure(config, FACTS).train


CONFIGS = {objective: config_of(objective) for objective in objective_names()}

STUDENTS: tuple[str, ...] = ("ucls", "temi", "scan")
"""Objectives with a student and a teacher."""
SOFT: Settings = {"prior": "soft", "prior_strength": 0.5}
SEVERAL_SIZES = [name for name in objective_names() if name != "uic"]
"""Objectives whose networks may have classifiers of several sizes."""

all_objectives = pytest.mark.parametrize("objective", objective_names())


def blobs(seed: int, n_images: int = IMAGES) -> tuple[Features, npt.NDArray[np.int64]]:
    """One tight ball of images around each of four random directions."""
    rng = np.random.default_rng(seed)
    centers, _ = np.linalg.qr(rng.normal(size=(FEATURES, FEATURES)))
    labels = np.arange(n_images) % CLUSTERS
    noise = 0.15 * rng.normal(size=(n_images, FEATURES))
    return (centers[labels] + noise).astype(np.float32), labels


def augmented(features: Features, seed: int = 0, n_views: int = 3) -> Features:
    """The features and views of them with noise, [V, N, D]."""
    noise = np.random.default_rng(seed).normal(size=(n_views, *features.shape))
    noise[0] = 0.0
    return (features + 0.1 * noise).astype(np.float32)


def trainer_of(
    features: Features,
    graph: NeighborGraph,
    objective: str = "ucls",
    *,
    seed: int = 0,
    spaces: tuple[int, ...] | None = None,
    **changes: Any,
) -> HeadTrainer:
    return HeadTrainer.on(
        features,
        graph,
        CONFIGS[objective].model_copy(update=changes),
        n_clusters=CLUSTERS,
        seed=seed,
        device=CPU,
        spaces=spaces,
    )


def new_trainer(
    objective: str = "ucls",
    *,
    seed: int = 0,
    data: int = 0,
    n_images: int = IMAGES,
    **changes: Any,
) -> HeadTrainer:
    features, _ = blobs(data, n_images)
    graph = build_neighbors(features, k=5, threshold=1.0)
    if changes.get("views") in ("augmented", "both"):
        features = augmented(features)
    return trainer_of(features, graph, objective, seed=seed, **changes)


def snapshot(trainer: HeadTrainer) -> State:
    return {name: tensor.clone() for name, tensor in trainer.state().items()}


def trained_for(trainer: HeadTrainer, epochs: int) -> HeadTrainer:
    for _ in range(epochs):
        trainer.train_epoch()
    return trainer


def equal(first: State, second: State) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def differ(first: State, second: State) -> bool:
    """Whether trained heads differ in shape or by more than rounding."""
    heads = [name for name in first if name.startswith("heads.")]
    if any(first[name].shape != second[name].shape for name in heads):
        return True
    return max(float((first[name] - second[name]).abs().max()) for name in heads) > 1e-5


def same_prediction(first: Prediction, second: Prediction) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


LEARNING: Mapping[str, Settings] = {
    "ucls": {},
    "temi": {
        "prior": "uniform",
        "n_smoothing": 4,
        "teacher_temperature": 0.05,
        "n_heads": 8,
        "epochs": 20,
    },
    "scan": {"learning_rate": 0.2, "n_heads": 8, "epochs": 20},
    "self-classifier": {"learning_rate": 0.05},
    "uic": {"learning_rate": 0.2, "epochs": 20},
    "c2bin": {"learning_rate": 0.3, "n_heads": 8},
    "turtle": {"learning_rate": 1.0, "batch_norm": True, "batch_size": 40, "epochs": 8},
}
"""With which each objective finds the blobs quickly."""


def accuracy_of_the_best_head(objective: str, seed: int, **changes: Any) -> float:
    features, labels = blobs(seed)
    trainer = new_trainer(objective, seed=seed, data=seed, **LEARNING[objective], **changes)
    trained_for(trainer, trainer.n_epochs)
    best = int(trainer.head_losses.argmin())
    return clustering_accuracy(labels, trainer.predict(features).labels[best])
