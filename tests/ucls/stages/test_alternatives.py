import shutil
from pathlib import Path

import numpy as np
import pytest

from ucls.cache import read_json
from ucls.config import Config
from ucls.errors import UsageError
from ucls.stages.alternatives import (
    Standing,
    alternative_places,
    apart_config,
    check_wanted,
    standing,
    without_groups,
)


def test_a_clustering_holds_if_its_heads_agree_and_it_is_another() -> None:
    assert not Standing(3, 0.9, 0.5, (0.1, 0.3)).fault
    assert not Standing(3, 0.2).fault
    assert Standing(3, 0.21, 0.1, (0.0,)).fault == "its heads agree by 0.21 only, by chance 0.10"
    too_like = Standing(3, 0.9, 0.5, (0.1, 0.31)).fault
    assert too_like == "it is too much like clustering 2, with an NMI of 0.31"


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.9])
def test_heads_disagree_at_most_half_as_much_as_by_chance(chance: float) -> None:
    halfway = (1.0 + chance) / 2.0
    assert not Standing(3, halfway + 0.01, chance, ()).fault
    assert Standing(3, halfway - 0.01, chance, ()).fault


@pytest.mark.parametrize("wanted", [-1, 0, 11])
def test_wrong_numbers_are_told(wanted: int) -> None:
    with pytest.raises(UsageError, match=f"alternatives is {wanted}: expected how many"):
        check_wanted(wanted, 100)


def test_few_images_are_too_few() -> None:
    check_wanted(1, 2)
    check_wanted(2, 20)
    with pytest.raises(UsageError, match="19 images are too few for alternatives"):
        check_wanted(2, 19)


def test_alternatives_lie_beside_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert alternative_places(Path("runs/a"), 3) == [
        Path("runs/a-alternative-2"), Path("runs/a-alternative-3"),
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    beside = tmp_path.with_name(f"{tmp_path.name}-alternative-2")
    assert alternative_places(Path(), 2) == [beside]


def test_what_is_asked_of_the_first_alone_is_dropped() -> None:
    config = Config(n_clusters=4, seed=3).with_values({"merge.known": "/known.csv"})
    found = apart_config(config, [Path("/a"), Path("/b")])
    assert found.n_clusters is None
    assert found.merge.known is None
    assert found.seed == 3
    assert found.neighbors.apart_from == ("/a", "/b")


@pytest.mark.parametrize("seed", range(3))
def test_features_without_groups_vary_alike(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(4000, 5)) @ rng.normal(size=(5, 5)) + 7.0
    found = without_groups(features, seed=seed)
    np.testing.assert_allclose(found.mean(axis=0), features.mean(axis=0), atol=0.3)
    np.testing.assert_allclose(np.cov(found.T), np.cov(features.T), atol=0.6)
    assert np.array_equal(found, without_groups(features, seed=seed))
    assert not np.array_equal(found, without_groups(features, seed=seed + 1))


def test_a_run_that_is_apart_from_none_is_not_judged(shared_run: Path) -> None:
    found = standing(shared_run)
    assert found.by_chance is None
    assert found.in_common == ()
    assert (
        found.agreement
        == read_json(shared_run / "metrics.json")["train"]["ensemble.chosen"]["anmi"]
    )


def test_one_that_is_not_labelled_is_refused(shared_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(shared_run, tmp_path / "run"))
    (run / "labels.csv").unlink()
    with pytest.raises(Exception, match="run first: ucls self-train"):
        standing(run)
