import numpy as np
import pytest

from benchmarks.sets import blobs
from ucls.errors import UclsError, UsageError
from ucls.peers import methods
from ucls.peers.algorithms import PEERS
from ucls.peers.methods import METHODS, Subject, choose, find_clusters
from ucls.runs.resolve import ExtractedData
from ucls.settings.config import Config

FEATURES = blobs(100, noise=0.1)["features"]
SUBJECT = Subject(FEATURES, 5, 0, Config(), ExtractedData.model_construct())


def test_methods_are_chosen_in_the_order_of_the_table() -> None:
    assert choose(None) == list(METHODS)
    assert choose(["UCLS, quick", "pca + ward", "k-means"]) == [
        "k-means", "PCA + Ward", "ucls, quick"
    ]  # fmt: skip


def test_an_unknown_method_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no method 'kmeans' here; did you mean 'k-means'\?"):
        choose(["kmeans"])


def test_where_leiden_is_not_installed_it_is_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "HAS_LEIDEN", False)
    monkeypatch.setattr(methods, "METHODS", ("k-means",))
    with pytest.raises(UsageError, match=r"choose some of: k-means .*pip install scikit-network"):
        choose(["PCA + Leiden"])


def test_a_method_is_timed_and_seeded() -> None:
    found = find_clusters("k-means", SUBJECT)
    assert found.seconds > 0
    assert len(np.unique(found.labels)) == 5
    again = find_clusters("k-means", SUBJECT)
    np.testing.assert_array_equal(found.labels, again.labels)
    other = find_clusters("k-means", SUBJECT._replace(seed=1))
    assert not np.array_equal(found.labels, other.labels)


@pytest.mark.parametrize("error", [ValueError("too\nfew"), MemoryError()])
def test_what_a_library_refuses_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> object:
        raise error

    monkeypatch.setitem(PEERS, "k-means", refuse)
    reason = "too few" if str(error) else "it does not fit into memory"
    with pytest.raises(UclsError, match=f"^it cannot take these features: {reason}$"):
        find_clusters("k-means", SUBJECT)


def test_more_gaussians_than_images_are_refused() -> None:
    with pytest.raises(UclsError, match="it cannot take these features: "):
        find_clusters("PCA + Gaussians", SUBJECT._replace(n_clusters=101))
