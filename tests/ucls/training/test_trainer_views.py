from typing import get_args

import numpy as np
import pytest

from tests.ucls.training.trainers import (
    HEADS,
    all_objectives,
    augmented,
    blobs,
    differ,
    equal,
    new_trainer,
    trained_for,
    trainer_of,
)
from ucls.errors import UsageError
from ucls.neighbors.build import build_neighbors
from ucls.training.views import ViewKind


@all_objectives
@pytest.mark.parametrize("views", get_args(ViewKind))
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_objective_takes_every_kind_of_views(
    objective: str, views: ViewKind, precision: str
) -> None:
    trainer = new_trainer(objective, views=views, precision=precision)
    assert trained_for(trainer, 1).head_losses.isfinite().all()


@all_objectives
@pytest.mark.parametrize("views", ["augmented", "both"])
def test_augmented_views_have_to_be_there(objective: str, views: ViewKind) -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    for plain in (features, features[None]):
        with pytest.raises(UsageError, match=f"train.views is {views}, but no augmented views"):
            trainer_of(plain, graph, objective, views=views)
    assert trainer_of(augmented(features), graph, objective, views=views).n_all_heads == HEADS


@pytest.mark.parametrize("views", ["neighbor", "itself"])
def test_augmented_views_do_not_matter_where_partners_are_plain(views: ViewKind) -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    first, second = (
        trained_for(trainer_of(x, graph, views=views), 2) for x in (features, augmented(features))
    )
    assert equal(first.state(), second.state())


@pytest.mark.parametrize("views", ["augmented", "both"])
def test_partners_are_taken_from_the_augmented_views(views: ViewKind) -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    first, again, other = (
        trained_for(trainer_of(augmented(features, seed), graph, views=views), 2)
        for seed in (0, 0, 1)
    )
    assert equal(first.state(), again.state())
    assert differ(first.trained_state(), other.trained_state())


@pytest.mark.parametrize(
    ("views", "neighbors_matter"),
    [("neighbor", True), ("both", True), ("augmented", False), ("itself", False)],
)
def test_the_graph_matters_where_partners_are_neighbors(
    views: ViewKind, neighbors_matter: bool
) -> None:
    features, _ = blobs(0)
    near, far = (build_neighbors(features, k=k, threshold=1.0) for k in (5, 50))
    first, second = (
        trained_for(trainer_of(augmented(features), graph, views=views), 2) for graph in (near, far)
    )
    assert differ(first.trained_state(), second.trained_state()) == neighbors_matter


def test_augmented_views_that_are_copies_are_the_image_itself() -> None:
    features, _ = blobs(0)
    graph, copies = build_neighbors(features, k=5, threshold=1.0), np.stack([features] * 3)
    first, second = (
        trained_for(trainer_of(copies, graph, views=views), 2) for views in ("augmented", "itself")
    )
    assert equal(first.state(), second.state())
