import numpy as np
import numpy.typing as npt
import pytest
import torch

from ucls.config import TrainConfig
from ucls.neighbors import build_neighbors
from ucls.trained_heads import TrainedHeads
from ucls.training import HeadTrainer

HEADS, CLUSTERS, FEATURES = 3, 4, 6


def trained(seed: int, *, batch_norm: bool) -> tuple[HeadTrainer, npt.NDArray[np.float32]]:
    features = np.random.default_rng(seed).normal(2.0, 3.0, (30, FEATURES)).astype(np.float32)
    config = TrainConfig(
        n_heads=HEADS,
        hidden_dim=8,
        bottleneck_dim=5,
        epochs=2,
        warmup_epochs=0,
        batch_size=10,
        learning_rate=0.5,
        teacher_momentum=0.5,
        n_smoothing=1,
        precision="float32",
        batch_norm=batch_norm,
    )
    trainer = HeadTrainer(
        features,
        build_neighbors(features, k=3, threshold=1.0),
        config,
        n_clusters=CLUSTERS,
        seed=seed,
        device=torch.device("cpu"),
    )
    trainer.train_epoch()
    return trainer, features


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("chunk", [4096, 7])
def test_label_like_the_trainer(
    seed: int, batch_norm: bool, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.trained_heads.CHUNK", chunk)
    trainer, features = trained(seed, batch_norm=batch_norm)
    state = {name: tensor.numpy() for name, tensor in trainer.trained_state().items()}
    heads = TrainedHeads(state)
    outputs = heads.logits(features.astype(np.float64))
    assert outputs.shape == (30, heads.n_outputs) == (30, HEADS * CLUSTERS)
    assert outputs.dtype == np.float32
    logits = torch.from_numpy(outputs).view(30, HEADS, CLUSTERS) / 0.1
    best = logits.softmax(dim=-1).max(dim=-1)
    prediction = trainer.predict(features)
    np.testing.assert_array_equal(best.indices.T, prediction.labels)
    np.testing.assert_allclose(best.values.T, prediction.confidence, atol=2e-3)
