"""A consensus method from outside of the package, from its record to an entry of a run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ucls.cache import read_consensus
from ucls.ensemble import consensus
from ucls.ensemble.method import Method
from ucls.ensemble.methods import METHODS, register
from ucls.ensemble.options import Number, Option
from ucls.errors import UsageError
from ucls.progress import Advance
from ucls.settings.config import Config
from ucls.stages.ensemble import ensemble
from ucls.types import Labels

HEADS = np.array([[0, 0, 1, 1, 2, 2], [2, 2, 0, 0, 1, 1], [0, 1, 2, 0, 1, 2]])


def follow(labels: Labels, n_clusters: int, *, leader: int, advance: Advance) -> Labels:
    """Does what one of the heads says."""
    advance(1)
    return labels[leader] % n_clusters


LEADER = Option("leader", Number(int, 0, 2), default=0, help="number of the head to follow.")
TOY = Method(
    name="toy",
    help="does what one of the heads says",
    run=follow,
    n_steps=lambda n_heads: 1,
    needs=("advance",),
    options=(LEADER,),
)


@pytest.fixture(autouse=True)
def toy() -> Iterator[None]:
    """The toy is among the methods, until the test ends."""
    before = dict(METHODS)
    register(TOY)
    yield
    METHODS.clear()
    METHODS.update(before)


def test_through_the_function() -> None:
    assert consensus(HEADS, 3, method="toy").labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert consensus(HEADS, 3, method="toy", leader=2).labels.tolist() == [0, 1, 2, 0, 1, 2]
    with pytest.raises(UsageError, match=r"^leader must be an integer in 0\.\.2, got 3: change"):
        consensus(HEADS, 3, method="toy", leader=3)


def test_all_runs_it_too() -> None:
    compared = consensus(HEADS, 3, method="all", leader=2).comparison
    assert compared is not None
    assert compared.results["toy"].labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_through_the_settings() -> None:
    config = Config().with_values({"ensemble.method": "toy", "ensemble.leader": 2}).ensemble
    assert config.model_dump()["leader"] == 2
    assert Config().ensemble.model_dump()["leader"] == 0
    with pytest.raises(UsageError) as caught:
        Config().with_values({"ensemble.method": "toy", "ensemble.leader": 3})
    expected = "ensemble.leader: input should be less than or equal to 2, but it is 3"
    assert str(caught.value) == expected
    with pytest.raises(UsageError, match=r"no such setting; did you mean ensemble\.leader\?$"):
        Config().with_values({"ensemble.leaders": 1})


def test_through_the_stage(run_path: Path) -> None:
    entry = ensemble(run_path, variant={"method": "toy", "heads": "0-2", "leader": 1})
    assert entry.name == "toy[0-2,leader=1]"
    assert {"mcla", entry.name} == read_consensus(run_path / "consensus.h5")[0].keys()
    assert ensemble(run_path, variant={"heads": "0-2"}).method == "mcla"
    with pytest.raises(UsageError, match="no part in the method vote, it is used by toy, all"):
        ensemble(run_path, variant={"method": "vote", "leader": 1})


@pytest.mark.parametrize("name", ["toy", "mcla", "all"])
def test_a_name_is_given_once(name: str) -> None:
    with pytest.raises(UsageError, match=f"there is a consensus method '{name}' already"):
        register(replace(TOY, name=name))


def test_an_option_is_shared_or_has_a_name_of_its_own() -> None:
    other = replace(LEADER, default=1)
    with pytest.raises(UsageError, match="leader is another option of toy: choose another name"):
        register(replace(TOY, name="other", options=(other,)))
    assert "other" not in METHODS
    register(replace(TOY, name="other"))
    assert consensus(HEADS, 3, method="other", leader=2).method == "other"
