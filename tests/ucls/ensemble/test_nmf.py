import numpy as np
import pytest
from scipy.sparse import csr_array

from ucls.ensemble import consensus
from ucls.ensemble import nmf as module
from ucls.ensemble.hypergraph import merge_identical
from ucls.ensemble.nmf import EPSILON, Factors, factorize, nmf, scaled_incidence, start_at
from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy

some_seeds = pytest.mark.parametrize("seed", range(4))


def random_start(seed, connectivity, n_clusters):
    images = np.random.default_rng(seed).random((len(connectivity), n_clusters))
    return Factors(images, images.T @ connectivity @ images)


def dense_updates(connectivity, start, n_iterations):
    """Li, Ding & Jordan's updates on the whole connectivity matrix."""
    q, s = start
    for _ in range(n_iterations):
        q = q * np.sqrt((connectivity @ q @ s) / (q @ q.T @ connectivity @ q @ s + EPSILON))
        s = s * np.sqrt((q.T @ connectivity @ q) / (q.T @ q @ s @ q.T @ q + EPSILON))
    return Factors(q, s)


@some_seeds
@pytest.mark.parametrize("missing", [True, False])
def test_the_incidence_matrix_gives_the_connectivity_matrix(
    seed, missing, random_heads, dense_incidence
):
    heads = random_heads(seed, missing=missing)
    incidence = scaled_incidence(heads, np.ones(80, dtype=np.int64))
    together = dense_incidence(heads) @ dense_incidence(heads).T / 4
    assert (incidence @ incidence.T).toarray() == pytest.approx(together, abs=1e-6)


@some_seeds
@pytest.mark.parametrize("n_iterations", [1, 7, 30])
def test_the_updates_equal_dense_ones(
    seed, n_iterations, monkeypatch, random_heads, dense_incidence
):
    monkeypatch.setattr(module, "SMALLEST_CHANGE", 0.0)
    heads = random_heads(seed)
    incidence = dense_incidence(heads) / 2
    connectivity = incidence @ incidence.T
    start = random_start(seed, connectivity, 4)
    expected = dense_updates(connectivity, start, n_iterations)
    found = factorize(csr_array(incidence), start, max_iterations=n_iterations)
    assert found.images == pytest.approx(expected.images, rel=1e-6, abs=1e-12)
    assert found.clusters == pytest.approx(expected.clusters, rel=1e-6, abs=1e-12)
    assert np.array_equal(found.labels(), expected.labels())


@some_seeds
def test_merged_rows_give_the_same_as_all_images(seed, monkeypatch, dense_incidence):
    monkeypatch.setattr(module, "SMALLEST_CHANGE", 0.0)
    labels = np.random.default_rng(seed).integers(0, 3, (3, 120)).astype(np.int32)
    rows = merge_identical(labels)
    assert len(rows.counts) < 30
    whole = dense_incidence(labels) / np.sqrt(3)
    merged = scaled_incidence(rows.labels, rows.counts).astype(np.float64)
    scale = np.sqrt(rows.counts)[:, None]
    images = np.random.default_rng(seed).random((len(rows.counts), 3))
    clusters = np.eye(3) + 0.1
    found = factorize(merged, Factors(images * scale, clusters), max_iterations=20)
    expected = factorize(
        csr_array(whole), Factors(images[rows.row_of_image], clusters), max_iterations=20
    )
    spread = (found.images / scale)[rows.row_of_image]
    assert spread == pytest.approx(expected.images, rel=1e-4, abs=1e-8)
    assert found.clusters == pytest.approx(expected.clusters, rel=1e-4, abs=1e-8)


@some_seeds
def test_the_error_falls(seed, monkeypatch, random_heads, dense_incidence):
    heads = random_heads(seed, missing=False)
    incidence = dense_incidence(heads) / 2
    connectivity = incidence @ incidence.T
    start = random_start(seed, connectivity, 4)
    start = Factors(start.images / np.linalg.norm(start.images, axis=0), start.clusters)
    errors = [
        np.linalg.norm(connectivity - q @ s @ q.T)
        for q, s in (factorize(csr_array(incidence), start, max_iterations=n) for n in (0, 2, 9))
    ]
    assert errors == sorted(errors, reverse=True)


def test_the_start_says_what_the_head_says():
    head = np.repeat(np.arange(8, dtype=np.int32), np.arange(2, 10))  # cluster 7 is the largest
    counts = np.tile([1, 2], 22)
    incidence = scaled_incidence(head[None], counts)
    start = start_at(head, counts, 8, incidence=incidence, seed=0)
    assert np.array_equal(start.images.argmax(axis=1), 7 - head)
    assert np.linalg.norm(start.images, axis=0) == pytest.approx(np.ones(8), rel=1e-5)
    alike = start_at(head, np.ones_like(counts), 8, incidence=incidence, seed=0).images
    scaled = alike * np.sqrt(counts)[:, None]
    assert start.images == pytest.approx(scaled / np.linalg.norm(scaled, axis=0), rel=1e-5)
    expected = start.images.T @ (incidence @ incidence.T).toarray() @ start.images
    assert start.clusters == pytest.approx(expected, rel=1e-5)
    other = start_at(head, counts, 8, incidence=incidence, seed=1)
    assert not np.array_equal(start.images, other.images)


def test_the_smallest_clusters_of_a_head_with_too_many_are_dropped():
    head = np.array([0, 1, 1, 1, 2, 2], dtype=np.int32)
    counts = np.ones(6, dtype=np.int64)
    start = start_at(head, counts, 2, incidence=scaled_incidence(head[None], counts))
    assert start.images[1:].argmax(axis=1).tolist() == [0, 0, 0, 1, 1]
    assert start.images[0].max() < start.images[1:].max(axis=1).min()


def test_it_stops_when_the_labels_stand_still(make_heads):
    _, heads = make_heads(0, n_images=300, error=0.05)
    told = []
    nmf(heads, 10, advance=lambda amount=1, /, **_: told.append(amount))
    assert sum(told) == 45 + module.MAX_ITERATIONS
    assert len(told) < 45 + module.MAX_ITERATIONS / 2


def test_factors_that_do_not_fit_are_refused(little_memory, random_heads):
    with pytest.raises(
        UsageError, match=r"nmf would need about .* different images times 4 clusters"
    ):
        nmf(random_heads(0), 4)


@some_seeds
def test_noisy_heads_are_put_right(seed, make_heads):
    truth, heads = make_heads(seed)
    labels = nmf(heads, 10, seed=seed)
    assert labels.dtype == np.int32
    assert clustering_accuracy(truth, labels) > 0.95


@pytest.mark.parametrize("shares", [[0.8, 0.2], [0.8, 0.1, 0.1], [0.6, 0.3, 0.1]], ids=str)
def test_small_classes_are_not_swallowed(shares, make_heads):
    truth, heads = make_heads(0, n_images=800, n_clusters=len(shares), shares=shares, error=0.05)
    labels = consensus(heads, len(shares), method="nmf").labels
    assert len(set(labels.tolist())) == len(shares)
    assert clustering_accuracy(truth, labels) > 0.85
