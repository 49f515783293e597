from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ucls.errors import UsageError
from ucls.neighbors.build import build_neighbors
from ucls.settings.config import TrainConfig
from ucls.training.training_set import TrainingSet
from ucls.training.views import ViewKind

N, D, CLUSTERS = 60, 9, 4

Features = npt.NDArray[np.float32]

all_seeds = pytest.mark.parametrize("seed", range(3))


def features_of(seed: int, n_views: int = 1) -> Features:
    """Columns of unlike size and mean, [N, D] or [V, N, D]."""
    rng = np.random.default_rng(seed)
    shape = (N, D) if n_views == 1 else (n_views, N, D)
    return (rng.normal(size=shape) * np.linspace(1, 9, D) + 5).astype(np.float32)


def training_set(features: Features, *, n_images: int = N, **changes: Any) -> TrainingSet:
    plain = features if features.ndim == 2 else features[0]
    settings = {"scales": (1,), "views": "neighbor", "batch_norm": True, **changes}
    return TrainingSet(
        features.copy(),
        build_neighbors(plain[:n_images], k=3, threshold=1.0),
        TrainConfig(**settings),
        n_clusters=CLUSTERS,
        device=torch.device("cpu"),
    )


@all_seeds
@pytest.mark.parametrize("components", ["all", None, D, D + 1])
def test_features_are_standardised_once_by_all_images(
    seed: int, components: int | str | None
) -> None:
    features = features_of(seed)
    data = training_set(features, components=components)
    assert (len(data), data.n_features) == (N, D)
    expected = (features - features.mean(axis=0)) / features.std(axis=0)
    np.testing.assert_allclose(data.stored[0], expected, atol=2e-3)
    torch.testing.assert_close(data.stored[0], data.inputs(torch.from_numpy(features)))


@all_seeds
@pytest.mark.parametrize("components", [1, 4, D - 1])
def test_the_heads_see_principal_components(seed: int, components: int) -> None:
    features = features_of(seed)
    data = training_set(features, components=components)
    assert data.stored[0].shape == (N, components)
    assert data.n_features == D
    standardized = training_set(features).stored[0].numpy()
    variances = np.linalg.eigvalsh(np.cov(standardized.T, ddof=0))[::-1][:components]
    np.testing.assert_allclose(data.stored[0].var(dim=0, correction=0), variances, rtol=1e-3)
    torch.testing.assert_close(data.stored[0], data.inputs(torch.from_numpy(features)))


@all_seeds
def test_without_batch_norm_columns_keep_their_proportions(seed: int) -> None:
    features = features_of(seed)
    data = training_set(features, batch_norm=False)
    np.testing.assert_allclose(data.stored[0], features * data.inputs.scale, rtol=1e-5)


@pytest.mark.parametrize("components", ["all", 4])
@pytest.mark.parametrize("kind", get_args(ViewKind))
def test_partners_are_drawn_from_the_inputs(kind: ViewKind, components: int | str) -> None:
    features = features_of(0, n_views=3)
    data = training_set(features, views=kind, components=components)
    views = data.views.draw(torch.arange(N), 2, torch.Generator().manual_seed(0))
    torch.testing.assert_close(views[0], data.stored[0])
    sources = features[1:] if kind in ("augmented", "both") else features[:1]
    seen = data.inputs(torch.from_numpy(sources.reshape(-1, D)))
    distances = torch.cdist(views[1:].flatten(0, 1).double(), seen.double())
    assert distances.min(dim=1).values.max() < 1e-5


@pytest.mark.parametrize("kind", ["neighbor", "itself"])
def test_augmented_views_that_are_not_drawn_do_not_matter(kind: ViewKind) -> None:
    features = features_of(0, n_views=3)
    alone, among = (training_set(x, views=kind, components=4) for x in (features[0], features))
    torch.testing.assert_close(alone.stored[0], among.stored[0], rtol=0, atol=0)


def test_augmented_views_that_are_drawn_are_standardised_with_the_plain_one() -> None:
    features = features_of(0, n_views=3)
    features[1:] += 7
    data = training_set(features, views="augmented")
    pooled = features.reshape(-1, D)
    expected = (features[0] - pooled.mean(axis=0)) / pooled.std(axis=0)
    np.testing.assert_allclose(data.stored[0], expected, atol=2e-3)


def test_float32_of_full_width_needs_no_memory_of_its_own() -> None:
    features = features_of(0)
    config = TrainConfig(scales=(1,), views="neighbor", batch_norm=True)
    graph = build_neighbors(features, k=3, threshold=1.0)
    data = TrainingSet(features, graph, config, n_clusters=4, device=torch.device("cpu"))
    assert np.shares_memory(data.stored[0].numpy(), features)


@pytest.mark.parametrize(("scales", "n_distinct"), [((1,), 4), ((1, 2.5), 10), ((9,), 12)])
def test_different_images_are_counted_as_far_as_a_head_has_clusters(
    scales: tuple[float, ...], n_distinct: int
) -> None:
    features = np.repeat(features_of(0)[:12], 5, axis=0)
    assert training_set(features, scales=scales).n_distinct == n_distinct


@pytest.mark.parametrize("n_views", [1, 3])
def test_a_graph_of_other_images_is_refused(n_views: int) -> None:
    with pytest.raises(UsageError, match="graph is of 59 images, but there are features of 60"):
        training_set(features_of(0, n_views), n_images=N - 1)


@pytest.mark.parametrize("kind", ["augmented", "both"])
def test_augmented_views_have_to_be_there(kind: ViewKind) -> None:
    with pytest.raises(UsageError, match=f"views is {kind}, but .* --views 2, or choose"):
        training_set(features_of(0), views=kind)
