"""Consensus by non-negative matrix factorisation (Li, Ding & Jordan, ICDM 2007)."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.ensemble.available_memory import require_memory
from ucls.ensemble.contingency import cluster_sizes
from ucls.ensemble.hypergraph import membership, merge_identical
from ucls.ensemble.method import Method
from ucls.ensemble.mutual_information import centrality
from ucls.ensemble.steps import n_pairs
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MAX_ITERATIONS = 200
ITERATIONS_PER_CHECK = 10
SMALLEST_CHANGE = 1e-4
"""Stop when fewer images than this share have changed between two checks."""
EPSILON = 1e-8
BYTES_PER_CELL = 32
"""Peak memory over U * C: the factor and what an update needs beside it; measured."""

Matrix = npt.NDArray[np.float32]


class Factors(NamedTuple):
    """The connectivity matrix is about Q S Q'."""

    images: Matrix
    """Q: how strongly each distinct row belongs to each cluster, [U, C], at least 0."""
    clusters: Matrix
    """S: [C, C], at least 0."""

    def labels(self) -> Labels:
        """The cluster of each row, int32 [U]."""
        strength: Matrix = self.images * np.sqrt(np.diag(self.clusters))
        labels: Labels = strength.argmax(axis=1).astype(np.int32)
        return labels


def nmf(
    labels: Labels, n_clusters: int, *, seed: int = 0, advance: Advance = ignore_progress
) -> Labels:
    """Factors the share of heads that put two images together into C overlapping groups.

    The connectivity matrix [N, N] is never formed: it is the product of the hypergraph's incidence
    matrix [N, V] with its own transpose. Images that all heads treat alike are one weighted row.
    The start is the most central head, blurred a little at random.

    Args:
        labels: compact heads, int32 [H, N], H at least 2; no image is missing in all heads.
        n_clusters: C.
        seed: of the blur.
        advance: told of each pair of heads, then of each iteration.

    Returns:
        int32 [N] in 0..n_clusters-1. Some of the clusters may be empty.

    Raises:
        UsageError: the factors would not fit into memory.
    """
    from threadpoolctl import threadpool_limits

    rows = merge_identical(labels)
    n_cells = len(rows.counts) * n_clusters
    require_memory(
        "nmf",
        BYTES_PER_CELL * n_cells,
        because=f"{len(rows.counts):,} different images times {n_clusters:,} clusters",
    )
    central = rows.labels[centrality(labels, advance=advance).argmax()]
    incidence = scaled_incidence(rows.labels, rows.counts)
    # Sums of floats depend on how threads share them: one thread gives one answer.
    with threadpool_limits(1, user_api="blas"):
        start = start_at(central, rows.counts, n_clusters, incidence=incidence, seed=seed)
        factors = factorize(incidence, start, advance=advance)
        return factors.labels()[rows.row_of_image]


def scaled_incidence(labels: Labels, counts: npt.NDArray[np.int64]) -> "csr_array":
    """B such that B B' is the connectivity matrix of the rows, weighted by their counts.

    Args:
        labels: distinct rows, int32 [H, U]; -1 is missing.
        counts: images per row, [U].

    Returns:
        float32 [U, V]; V counts the clusters of all heads.
    """
    incidence = membership(labels)
    scales = np.sqrt(counts / len(labels)).astype(np.float32)
    incidence.data *= np.repeat(scales, np.diff(incidence.indptr))
    return incidence


def start_at(
    head: Labels,
    counts: npt.NDArray[np.int64],
    n_clusters: int,
    *,
    incidence: "csr_array",
    seed: int = 0,
) -> Factors:
    """Factors that say what one head says; its smallest clusters are dropped if it has too many.

    Args:
        head: compact labels of the distinct rows, int32 [U].
        counts: images per row, [U].
        n_clusters: C.
        incidence: of :func:`scaled_incidence`.
        seed: of the blur, whose mean over the clusters of a row is a C-th.
    """
    rng = np.random.default_rng(seed)
    images = rng.random((len(head), n_clusters), dtype=np.float32) * np.float32(2 / n_clusters)
    by_size = np.argsort(-cluster_sizes(head), kind="stable")
    rank = np.empty(len(by_size) + 1, dtype=np.int64)
    rank[0] = n_clusters  # missing
    rank[1 + by_size] = np.arange(len(by_size))
    column = rank[head + 1]
    kept = np.flatnonzero(column < n_clusters)
    images[kept, column[kept]] += 1
    images *= np.sqrt(counts)[:, None].astype(np.float32)
    images /= np.linalg.norm(images, axis=0)
    shared = incidence.T @ images
    return Factors(images, shared.T @ shared)


def factorize(
    incidence: "csr_array",
    start: Factors,
    *,
    max_iterations: int = MAX_ITERATIONS,
    advance: Advance = ignore_progress,
) -> Factors:
    """Multiplicative updates of Q and S, which keep Q near orthogonal (Li et al., section 3).

    Args:
        incidence: B [U, V]; the matrix that is factored is B B'.
        start: where to start.
        max_iterations: stop here at the latest; earlier when the labels stand still.
        advance: told of each iteration.
    """
    images, clusters = start
    transposed = incidence.T.tocsr()
    before = start.labels()
    for iteration in range(1, max_iterations + 1):
        pulled = incidence @ ((transposed @ images) @ clusters)
        images = images * np.sqrt(pulled / (images @ (images.T @ pulled) + EPSILON))
        gram = images.T @ images
        shared = transposed @ images
        ratio = (shared.T @ shared) / (gram @ clusters @ gram + EPSILON)
        clusters = clusters * np.sqrt(ratio)
        advance(1)
        if iteration % ITERATIONS_PER_CHECK == 0:
            now = Factors(images, clusters).labels()
            if np.mean(now != before) < SMALLEST_CHANGE:
                advance(max_iterations - iteration)
                break
            before = now
    return Factors(images, clusters)


NMF = Method(
    name="nmf",
    help="factors the share of heads that put two images together",
    run=nmf,
    n_steps=lambda n_heads: n_pairs(n_heads) + MAX_ITERATIONS,
    # Multiplications of an iteration.
    work=lambda labels, n_clusters: labels.shape[1] * n_clusters * (len(labels) + n_clusters),
    largest=1e10,
)
