import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ucls.cache import read_tensors, write_tensors
from ucls.heads.rebuild import describe
from ucls.heads.trained import HeadLogits, TrainedHeads, heads_metadata, logits_by_row
from ucls.neighbors.build import build_neighbors
from ucls.preparation.prepared import Preparation
from ucls.settings.config import Config
from ucls.settings.data_facts import DataFacts
from ucls.settings.fitting import autoconfigure
from ucls.training.trainer import HeadTrainer

HEADS, CLUSTERS, FEATURES, IMAGES = 3, 4, 6, 30
FACTS = DataFacts(
    n_images=IMAGES,
    n_features=FEATURES,
    n_clusters=CLUSTERS,
    backbone="features",
    device="cpu",
    fast_precision="float32",
)
WIDTHS = {"hidden_dim": 8, "bottleneck_dim": 5}
NETWORKS: dict[str, dict[str, Any]] = {
    "mlp": {"objective": "ucls", "teacher_momentum": 0.5, "n_smoothing": 1, **WIDTHS},
    "projection": {"objective": "self-classifier", **WIDTHS},
    "linear": {"objective": "turtle", "inner_steps": 2},
}

Features = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]

all_networks = pytest.mark.parametrize("network", NETWORKS)
all_seeds = pytest.mark.parametrize("seed", range(2))


def trained(
    network: str,
    seed: int,
    *,
    batch_norm: bool = True,
    scales: Sequence[float] = (1,),
    spaces: Sequence[int] | None = None,
) -> tuple[HeadTrainer, Features]:
    features = np.random.default_rng(seed).normal(2.0, 3.0, (IMAGES, FEATURES)).astype(np.float32)
    settings = {
        "n_heads": HEADS,
        "scales": scales,
        "epochs": 2,
        "warmup_epochs": 0,
        "batch_size": 10,
        "learning_rate": 0.5,
        "batch_norm": batch_norm,
        **NETWORKS[network],
    }
    trainer = HeadTrainer.on(
        features,
        build_neighbors(features, k=3, threshold=1.0),
        autoconfigure(Config.model_validate({"train": settings}), FACTS).train,
        n_clusters=CLUSTERS,
        seed=seed,
        device=torch.device("cpu"),
        spaces=spaces,
    )
    trainer.train_epoch()
    return trainer, features


def saved(trainer: HeadTrainer) -> tuple[Arrays, dict[str, str]]:
    tensors = {name: tensor.numpy().copy() for name, tensor in trainer.trained_state().items()}
    scale = trainer.data.inputs.scale
    return tensors, heads_metadata(
        trainer.objective.heads, n_heads=HEADS, scale=scale, preparation=Preparation([])
    )


@all_seeds
@all_networks
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("scales", [(1,), (1, 3)], ids=str)
def test_label_like_the_trainer(
    seed: int, network: str, batch_norm: bool, scales: tuple[float, ...]
) -> None:
    trainer, features = trained(network, seed, batch_norm=batch_norm, scales=scales)
    heads = TrainedHeads(*saved(trainer))
    assert heads.sizes == trainer.head_clusters
    outputs = heads.logits(features.astype(np.float64))
    assert outputs.shape == (IMAGES, heads.n_outputs) == (IMAGES, HEADS * CLUSTERS * sum(scales))
    assert outputs.dtype == np.float32
    prediction = trainer.predict(features)
    np.testing.assert_array_equal(heads.labels(outputs), prediction.labels)
    by_head = torch.from_numpy(outputs).split(heads.sizes, dim=1)
    for part, confidence in zip(by_head, prediction.confidence, strict=True):
        best = (part / trainer.objective.temperature).softmax(dim=-1).amax(dim=-1)
        np.testing.assert_allclose(best, confidence, atol=2e-3)


@all_networks
def test_logits_do_not_depend_on_the_chunk(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, features = trained(network, 0, scales=(1, 3))
    heads = TrainedHeads(*saved(trainer))
    whole = heads.logits(features)
    monkeypatch.setattr("ucls.heads.trained.CHUNK", 7)
    np.testing.assert_allclose(heads.logits(features), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("held", "kind"), [(0, HeadLogits), (2**20, np.ndarray)])
def test_logits_by_row_are_those_of_the_whole(
    held: int, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, features = trained("mlp", 0, scales=(1, 3))
    heads = TrainedHeads(*saved(trainer))
    monkeypatch.setattr("ucls.heads.trained.HELD", held)
    by_row, whole = logits_by_row(heads, features), heads.logits(features)
    assert isinstance(by_row, kind)
    assert len(by_row) == len(features)
    for rows in (slice(3, 9), np.array([5, 0, 5])):
        np.testing.assert_allclose(by_row[rows], whole[rows], rtol=1e-5, atol=1e-5)


@all_networks
def test_heads_of_the_first_size_come_first(network: str) -> None:
    trainer, features = trained(network, 0, scales=(1, 3, 2))
    heads = TrainedHeads(*saved(trainer))
    assert heads.sizes == [4, 4, 4, 12, 12, 12, 8, 8, 8]
    assert heads.n_outputs == 72
    logits = trainer.objective.heads(trainer.data.inputs(torch.from_numpy(features)))
    by_size = logits.detach().split((4, 12, 8), dim=-1)
    expected = torch.cat([row for part in by_size for row in part], dim=-1)
    np.testing.assert_allclose(heads.logits(features), expected, rtol=1e-5, atol=1e-5)


@all_seeds
@all_networks
@pytest.mark.parametrize("scales", [(1,), (3, 1)], ids=str)
def test_some_heads_have_the_columns_of_all(
    seed: int, network: str, scales: tuple[float, ...]
) -> None:
    trainer, features = trained(network, seed, scales=scales)
    tensors, metadata = saved(trainer)
    whole = TrainedHeads(tensors, metadata)
    columns = np.split(whole.logits(features), np.cumsum(whole.sizes)[:-1], axis=1)
    rng, n_rows = np.random.default_rng(seed), len(whole.sizes)
    choices = [rng.permutation(n_rows)[:n].tolist() for n in (1, 2, 3, n_rows)]
    for chosen in [*choices, [n_rows - 1], [0, n_rows - 1]]:
        part = TrainedHeads(tensors, metadata, heads=chosen)
        assert part.sizes == [whole.sizes[row] for row in chosen]
        assert part.network.n_heads == len({row % HEADS for row in chosen})
        logits = part.logits(features)
        expected = np.concatenate([columns[row] for row in chosen], axis=1)
        np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(
            part.labels(logits), np.stack([columns[row].argmax(axis=1) for row in chosen])
        )


@all_seeds
def test_labels_are_each_heads_largest_logit(seed: int) -> None:
    heads = TrainedHeads(*saved(trained("mlp", seed, scales=(2, 1))[0]))
    logits = np.random.default_rng(seed).normal(size=(50, heads.n_outputs)).astype(np.float32)
    labels = heads.labels(logits)
    assert labels.dtype == np.int32
    ends = np.cumsum(heads.sizes)
    for row, end, size in zip(labels, ends, heads.sizes, strict=True):
        np.testing.assert_array_equal(row, logits[:, end - size : end].argmax(axis=1))


@all_seeds
@pytest.mark.parametrize("batch_norm", [True, False])
def test_several_feature_spaces(seed: int, batch_norm: bool) -> None:
    trainer, features = trained("linear", seed, batch_norm=batch_norm, spaces=(2, 4))
    tensors, metadata = saved(trainer)
    labels = trainer.predict(features).labels
    for chosen in ([0, 1, 2], [2], [1, 0]):
        heads = TrainedHeads(tensors, metadata, heads=chosen)
        assert heads.network.spaces == (2, 4)
        np.testing.assert_array_equal(heads.labels(heads.logits(features)), labels[chosen])


@all_networks
def test_without_batch_norm_heads_see_the_features_at_unit_scale(network: str) -> None:
    trainer, features = trained(network, 0, batch_norm=False)
    tensors, metadata = saved(trainer)
    assert {name.partition(".")[0] for name in tensors} == {"heads"}
    heads = TrainedHeads(tensors, metadata)
    scaled = torch.from_numpy(features * trainer.data.inputs.scale)
    expected = heads.network(scaled).transpose(0, 1).flatten(1)
    np.testing.assert_array_equal(heads.logits(features), expected)


@all_seeds
@all_networks
def test_the_batch_norm_is_the_trained_one(seed: int, network: str) -> None:
    trainer, features = trained(network, seed)
    tensors, metadata = saved(trainer)
    heads = TrainedHeads(tensors, metadata)
    mean, var = tensors["batch_norm.running_mean"], tensors["batch_norm.running_var"]
    normalized = torch.from_numpy(
        (features * trainer.data.inputs.scale - mean) / np.sqrt(var + 1e-5)
    )
    expected = heads.network(normalized).transpose(0, 1).flatten(1)
    np.testing.assert_allclose(heads.logits(features), expected, rtol=1e-4, atol=1e-4)


@all_seeds
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("chosen", [None, [2, 0]], ids=str)
def test_files_of_older_versions_are_read(
    seed: int, batch_norm: bool, chosen: list[int] | None
) -> None:
    trainer, features = trained("mlp", seed, batch_norm=batch_norm)
    tensors, metadata = saved(trainer)
    metadata["scale"] = "1.0"  # what they were trained with
    old = {
        f"teacher.{name.removeprefix('heads.')}" if name.startswith("heads.") else name: value
        for name, value in tensors.items()
    }
    assert "teacher.direction" in old
    heads = TrainedHeads(old, {}, heads=chosen)
    assert heads.sizes == [CLUSTERS] * len(chosen or range(HEADS))
    expected = TrainedHeads(tensors, metadata, heads=chosen).logits(features)
    np.testing.assert_array_equal(heads.logits(features), expected)


@all_networks
def test_metadata_are_text_that_describes_the_heads(network: str) -> None:
    heads = trained(network, 0, scales=(1, 3))[0].objective.heads
    metadata = heads_metadata(heads, n_heads=7, scale=0.1, preparation=Preparation([]))
    assert json.loads(metadata["heads"]) == {**describe(heads), "n_heads": 7}
    assert metadata["scale"] == "0.1"


@all_networks
def test_what_is_written_is_read(network: str, tmp_path: Path) -> None:
    trainer, features = trained(network, 0, scales=(1, 3))
    tensors, metadata = saved(trainer)
    write_tensors(tmp_path / "heads.safetensors", tensors, metadata)
    heads = TrainedHeads(*read_tensors(tmp_path / "heads.safetensors"))
    expected = TrainedHeads(tensors, metadata).logits(features)
    np.testing.assert_array_equal(heads.logits(features), expected)


@all_networks
def test_trained_heads_no_longer_learn(network: str) -> None:
    trainer, features = trained(network, 0)
    tensors, metadata = saved(trainer)
    heads = TrainedHeads(tensors, metadata)
    assert not any(parameter.requires_grad for parameter in heads.network.parameters())
    first, again = heads.logits(features), heads.logits(features[::-1].copy())[::-1]
    np.testing.assert_allclose(first, again, rtol=1e-5, atol=1e-5)
    unchanged, _ = saved(trainer)
    assert all(np.array_equal(value, tensors[name]) for name, value in unchanged.items())
