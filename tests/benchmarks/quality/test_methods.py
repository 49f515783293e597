from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import methods
from benchmarks.sets import LabelledSet, blobs, read_set
from ucls.config import Config
from ucls.peers.algorithms import PEERS
from ucls.sources import load_source


@pytest.fixture
def small(tmp_path: Path) -> LabelledSet:
    np.savez(tmp_path / "small.npz", **blobs(100, noise=0.1))
    return read_set(load_source(str(tmp_path / "small.npz")), tmp_path)


@pytest.mark.parametrize("name", methods.MORE)
def test_the_settings_of_every_row_are_valid(name: str) -> None:
    config = Config().with_values(methods.MORE[name].settings)
    assert ("merged" in name) == (config.merge.linkage == "none")


def test_short_lists_are_of_known_methods() -> None:
    assert {*methods.QUICK, *methods.OF_CURVES} <= {*methods.METHODS}


def test_a_peer_is_scored(small: LabelledSet) -> None:
    found = methods.measure("k-means", small, seed=0)
    assert found.pop("s") > 0
    assert found == {"ACC": 1.0, "class ACC": 1.0, "NMI": 1.0, "clusters": 5, "wanted": 5}


def test_noise_is_wrong(small: LabelledSet, monkeypatch) -> None:
    def half(features: object, n_clusters: int, seed: int) -> object:
        return np.where(small.labels < 2, small.labels, -1)

    monkeypatch.setitem(PEERS, "k-means", half)
    found = methods.measure("k-means", small, seed=0)
    assert (found["ACC"], found["class ACC"], found["clusters"]) == (0.4, 0.4, 2)


@pytest.mark.parametrize(("name", "wanted"), [("ucls, k x 0.8", 4), ("ucls, k x 1.2", 6)])
def test_a_wrong_number_of_clusters_costs_what_it_must(
    name: str, wanted: int, small: LabelledSet, monkeypatch
) -> None:
    quick = methods.MORE[name]._replace(settings={"train.epochs": 20, "train.n_heads": 3})
    monkeypatch.setitem(methods.MORE, name, quick)
    found = methods.measure(name, small, seed=0)
    assert found["wanted"] == wanted
    assert found["clusters"] <= wanted
    assert 0.3 < found["ACC"] <= min(1.0, wanted / 5)
    assert found["s"] > 0
