import sys
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest

from ucls.errors import UclsError, UsageError
from ucls.neighbors import build as neighbors
from ucls.neighbors import candidates, search
from ucls.neighbors.build import build_neighbors
from ucls.tables import RowTable
from ucls.types import NeighborGraph

Features = npt.NDArray[np.float32]
Backend = Literal["faiss", "torch"]

all_seeds = pytest.mark.parametrize("seed", range(3))
both_backends = pytest.mark.parametrize("backend", ["faiss", "torch"])


def random_features(seed: int, n_images: int = 40, n_features: int = 6) -> Features:
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.1, 50.0, size=(n_images, 1))
    return (rng.normal(0.4, 1.0, size=(n_images, n_features)) * size).astype(np.float32)


def cosines(features: Features) -> npt.NDArray[np.float64]:
    vectors = features.astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return vectors @ vectors.T


def dense_sets(
    features: Features, k: int, threshold: float, cap: int | None
) -> tuple[list[list[int]], int]:
    """S_x of every image and the number of capped rows, from the whole matrix of cosines."""
    # Equal ones are equal only up to rounding here.
    similarity = cosines(features).round(9)
    np.fill_diagonal(similarity, -np.inf)
    limit = len(features) - 1 if cap is None else max(cap, k)
    rows, n_capped = [], 0
    for row in similarity:
        n_above = int((row > threshold).sum()) if threshold < 1.0 else 0
        size = max(k, n_above)
        n_capped += size > limit
        rows.append(np.argsort(-row, kind="stable")[: min(size, limit)].tolist())
    return rows, n_capped


def sets(graph: NeighborGraph) -> list[list[int]]:
    return [graph.row(i)[0].tolist() for i in range(graph.n_images)]


def assert_sorted_without_self(graph: NeighborGraph) -> None:
    for i in range(graph.n_images):
        indices, similarity = graph.row(i)
        assert i not in indices
        assert len(set(indices.tolist())) == len(indices)
        assert (np.diff(similarity.astype(np.float32)) <= 0).all()


def use_small_chunks(monkeypatch: pytest.MonkeyPatch, n_queries: int) -> None:
    """Chunks of some queries of 40 images, blocks and groups that do not fit them evenly."""
    monkeypatch.setattr(search, "QUERIES_PER_CHUNK", n_queries)
    monkeypatch.setattr(search, "RANKED_PER_CHUNK", n_queries * 40)
    monkeypatch.setattr(search, "IMAGES_PER_BLOCK", {"cpu": 7})
    monkeypatch.setattr(candidates, "SPARE_PER_QUERY", 2)
    monkeypatch.setattr(candidates, "MEMBERS_PER_PIECE", 16)
    monkeypatch.setattr(neighbors, "QUERIES_PER_PART", 2)


@all_seeds
@both_backends
@pytest.mark.parametrize("threshold", [1.0, 0.9, 0.5, 0.0, -1.0])
@pytest.mark.parametrize(("k", "cap"), [(1, None), (5, None), (3, 8), (6, 4), (39, 2), (2, 500)])
def test_equals_the_dense_reference(
    seed: int, backend: Backend, threshold: float, k: int, cap: int | None
) -> None:
    features = random_features(seed)
    graph = build_neighbors(features, k=k, threshold=threshold, cap=cap, backend=backend)
    expected, n_capped = dense_sets(features, k, threshold, cap)
    assert sets(graph) == expected
    assert graph.n_capped == n_capped
    assert_sorted_without_self(graph)
    similarity = cosines(features)
    for i in range(graph.n_images):
        indices, stored = graph.row(i)
        np.testing.assert_allclose(stored, similarity[i, indices], atol=1e-3)


@both_backends
def test_the_graph_tells_how_it_was_made(backend: Backend) -> None:
    graph = build_neighbors(random_features(0), k=3, threshold=0.5, cap=8, backend=backend)
    assert (graph.k, graph.threshold, graph.cap) == (3, 0.5, 8)
    assert (graph.backend, graph.exact) == (backend, True)
    assert build_neighbors(random_features(0), k=6, threshold=0.5, cap=4).cap == 6
    assert build_neighbors(random_features(0), k=6, threshold=0.5).cap is None


@all_seeds
@both_backends
@pytest.mark.parametrize("cap_keeps", ["nearest", "sample"])
def test_self_is_removed_among_duplicates(
    seed: int, backend: Backend, cap_keeps: Literal["nearest", "sample"]
) -> None:
    features = np.repeat(random_features(seed, 6), 7, axis=0)
    for k in (3, 6):
        graph = build_neighbors(
            features, k=k, threshold=0.9999, cap=6, cap_keeps=cap_keeps, backend=backend
        )
        assert_sorted_without_self(graph)
        for i, row in enumerate(sets(graph)):
            assert {j // 7 for j in row} == {i // 7}
        if k == 6:
            assert (graph.counts == 6).all()


@both_backends
@pytest.mark.parametrize("threshold", [1.0, 0.5, "typical"])
def test_all_zero_rows_get_k_neighbors(
    backend: Backend, threshold: float | Literal["typical"]
) -> None:
    features = random_features(0, 12)
    features[3:6] = 0.0
    graph = build_neighbors(features, k=4, threshold=threshold, backend=backend)
    assert_sorted_without_self(graph)
    for i in range(3, 6):
        indices, similarity = graph.row(i)
        assert len(indices) >= 4
        assert (similarity == 0.0).all()
    constant = build_neighbors(np.zeros((8, 3), np.float32), k=2, threshold=0.5, backend=backend)
    assert (constant.counts == 2).all()
    assert_sorted_without_self(constant)


@all_seeds
@both_backends
def test_a_capped_set_can_keep_a_sample(seed: int, backend: Backend) -> None:
    features = random_features(seed)

    def build(draw: int) -> NeighborGraph:
        return build_neighbors(
            features, k=2, threshold=0.0, cap=5, cap_keeps="sample", backend=backend, seed=draw
        )

    whole, n_capped = dense_sets(features, 2, 0.0, None)[0], dense_sets(features, 2, 0.0, 5)[1]
    graph = build(0)
    assert 0 < graph.n_capped == n_capped
    assert_sorted_without_self(graph)
    for row, members in zip(sets(graph), whole, strict=True):
        assert set(row) <= set(members)
        assert len(row) == min(5, len(members))
    assert sets(graph) == sets(build(0))
    assert sets(graph) != sets(build(1))


@pytest.mark.slow
def test_the_sample_of_a_capped_set_is_uniform() -> None:
    features = random_features(0, 9)
    whole = dense_sets(features, 8, -1.0, None)[0][0]
    n_draws = 1500
    kept = np.zeros(9)
    for seed in range(n_draws):
        graph = build_neighbors(
            features, k=1, threshold=-1.0, cap=2, cap_keeps="sample", backend="torch", seed=seed
        )
        kept[graph.row(0)[0]] += 1
    shares = kept[whole] / n_draws
    np.testing.assert_allclose(shares, 2 / 8, atol=5 * (0.25 * 0.75 / n_draws) ** 0.5)


@all_seeds
@both_backends
@pytest.mark.parametrize("cap_keeps", ["nearest", "sample"])
@pytest.mark.parametrize("n_queries", [1, pytest.param(3, marks=pytest.mark.slow), 10])
def test_the_chunk_does_not_matter(
    seed: int,
    backend: Backend,
    cap_keeps: Literal["nearest", "sample"],
    n_queries: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features, told = random_features(seed), []
    arguments: dict[str, Any] = {
        "k": 3, "threshold": "typical", "cap": 4, "cap_keeps": cap_keeps, "backend": backend,
    }  # fmt: skip
    whole = build_neighbors(features, **arguments)
    use_small_chunks(monkeypatch, n_queries)
    parts = build_neighbors(
        features, **arguments, advance=lambda amount=1, /, **_: told.append(amount)
    )
    assert sets(parts) == sets(whole)
    assert parts.threshold == pytest.approx(whole.threshold, abs=1e-6)
    assert parts.n_capped == whole.n_capped > 0
    assert sum(told) == len(features)
    assert max(told) == n_queries


@all_seeds
@both_backends
@pytest.mark.parametrize("k", [1, 5, 39])
def test_typical_is_the_median_similarity_to_the_kth_neighbor(
    seed: int, backend: Backend, k: int
) -> None:
    features = random_features(seed)
    similarity = cosines(features)
    np.fill_diagonal(similarity, -np.inf)
    expected = np.median(-np.sort(-similarity, axis=1)[:, k - 1])
    graph = build_neighbors(features, k=k, threshold="typical", backend=backend)
    assert graph.threshold == pytest.approx(expected, abs=1e-5)
    if k < 39:
        n_larger = int((graph.counts > k).sum())
        assert 0 < n_larger <= len(features) // 2


@all_seeds
@both_backends
@pytest.mark.parametrize("n_queries", [1, 100])
def test_typical_looks_at_an_even_sample_of_large_data(
    seed: int, backend: Backend, n_queries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbors, "TYPICAL_SAMPLE", 10)
    use_small_chunks(monkeypatch, n_queries)
    features = random_features(seed)
    similarity = cosines(features)
    np.fill_diagonal(similarity, -np.inf)
    expected = np.median(-np.sort(-similarity[::4], axis=1)[:, 2])
    graph = build_neighbors(features, k=3, threshold="typical", backend=backend)
    assert graph.threshold == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("cap", [None, 5])
@pytest.mark.parametrize("n_sampled", [10, 40])
def test_a_typical_threshold_takes_no_second_search(
    n_sampled: int, cap: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbors, "TYPICAL_SAMPLE", n_sampled)
    use_small_chunks(monkeypatch, 9)
    searched, blocks = list[int](), search.BlockSearch.blocks

    def watched(self: search.BlockSearch, queries: search.Rows, n_nearest: int) -> Any:
        searched.extend(queries.tolist())
        return blocks(self, queries, n_nearest)

    monkeypatch.setattr(search.BlockSearch, "blocks", watched)
    features = random_features(0)
    graph = build_neighbors(features, k=3, threshold="typical", cap=cap)
    assert sorted(searched) == list(range(40))
    again = build_neighbors(features, k=3, threshold=graph.threshold, cap=cap)
    assert sets(graph) == sets(again)
    assert graph.n_capped == again.n_capped


@all_seeds
@both_backends
def test_a_threshold_of_one_is_off_even_for_duplicates(seed: int, backend: Backend) -> None:
    features = np.repeat(random_features(seed, 30), 4, axis=0)
    graph = build_neighbors(features, k=1, threshold=1.0, backend=backend)
    assert (graph.counts == 1).all()


@both_backends
@pytest.mark.parametrize(
    ("dtype", "sizes"),
    [
        (np.float16, [1e-2, 1e2]),
        (np.float32, [1e-38, 1e-25, 1e25, 1e36]),
        (np.float64, [1e-300, 1e-46, 1e39, 1e300]),
    ],
)
def test_the_size_of_features_does_not_matter_and_they_are_left_alone(
    backend: Backend, dtype: type[np.floating], sizes: list[float]
) -> None:
    features = random_features(0).astype(dtype)
    expected = build_neighbors(features, k=5, threshold=0.5, backend=backend)
    for size in sizes:
        # A power of two, so that nothing is rounded; of some rows only, so that sizes are mixed.
        scaled = features * dtype(2.0 ** round(np.log2(size)))
        for other in (scaled, np.where(np.arange(40)[:, None] % 3 == 0, scaled, features)):
            before = other.copy()
            graph = build_neighbors(other, k=5, threshold=0.5, backend=backend)
            np.testing.assert_array_equal(other, before)
            assert sets(graph) == sets(expected)
            np.testing.assert_allclose(graph.similarity, expected.similarity, atol=1e-3)


@both_backends
def test_the_ends_of_float32(backend: Backend) -> None:
    features = np.float32([[3e38, 3e38], [1e-45, 0.0], [3e38, -3e38], [0.0, 1e-45], [1e-45, 1e-45]])
    graph = build_neighbors(features, k=2, threshold=0.9, backend=backend)
    assert sets(graph) == [[4, 1], [0, 2], [1, 0], [0, 4], [0, 1]]
    np.testing.assert_array_equal(graph.row(0)[1], np.float16([1.0, 0.5**0.5]))


@both_backends
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_features_must_be_finite(backend: Backend, wrong: float) -> None:
    features = random_features(0)
    features[[7, 31], 2] = wrong
    expected = "finite features, but 2 of 40 rows hold NaN or infinity, the first of them row 7; le"
    with pytest.raises(UsageError, match=expected):
        build_neighbors(features, k=3, threshold=0.5, backend=backend)


@both_backends
def test_at_the_threshold_is_not_above_it(backend: Backend) -> None:
    # Unit vectors of halves: similarities to the first are exactly 0.5, 0.5, 0 and 1.
    features = np.float32(
        [[1, 1, 1, 1], [1, 1, 1, -1], [1, -1, 1, 1], [1, 1, -1, -1], [2, 2, 2, 2]]
    )
    at, below = (
        build_neighbors(features, k=1, threshold=threshold, backend=backend)
        for threshold in (0.5, 0.4999)
    )
    assert at.row(0)[0].tolist() == [4]
    assert below.row(0)[0].tolist() == [4, 1, 2]
    assert below.row(0)[1].tolist() == [1.0, 0.5, 0.5]


def with_equals(seed: int, kind: str) -> Features:
    """Features with images that are equally similar, without any rounding, or as equal rows are."""
    rng = np.random.default_rng(seed)
    some = random_features(seed)
    if kind == "repeated":
        some = np.repeat(some[:8], 5, axis=0)[rng.permutation(40)]
    elif kind == "a few":
        some[[7, 30]] = some[3]
        some[31] = some[8]
    elif kind == "signs":
        some = rng.choice(np.float32([-1, 1]), (40, 16))
    elif kind == "classes":
        some = np.eye(8, dtype=np.float32)[rng.integers(0, 8, 40)]
    elif kind == "all but one":
        some[1:] = some[1]
    elif kind == "zeros":
        some[rng.random(40) < 0.5] = 0.0
        some[0] = -0.0
    return some if kind != "all" else np.ones_like(some)


@pytest.mark.parametrize(
    "kind", ["repeated", "a few", "signs", "classes", "all but one", "zeros", "all"]
)
@pytest.mark.parametrize(
    ("seed", "n_queries"), [(0, 40), pytest.param(1, 9, marks=pytest.mark.slow)]
)
def test_of_equally_similar_images_the_first_are_nearest(
    seed: int, n_queries: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if n_queries < 40:
        use_small_chunks(monkeypatch, n_queries)
    features = with_equals(seed, kind)
    for k, threshold, cap in [(1, 0.3, None), (5, 1.0, None), (5, 0.3, 8), (12, -0.5, 8)]:
        settings: dict[str, Any] = {"k": k, "threshold": threshold, "cap": cap}
        expected, n_capped = dense_sets(features, k, threshold, cap)
        samples = []
        for backend in ("torch", "faiss"):
            graph = build_neighbors(features, **settings, backend=backend)
            assert sets(graph) == expected
            assert graph.n_capped == n_capped
            samples.append(
                build_neighbors(features, **settings, backend=backend, cap_keeps="sample")
            )
            assert samples[-1].n_capped == n_capped
        assert sets(samples[0]) == sets(samples[1])
        for row, whole in zip(
            sets(samples[0]), dense_sets(features, k, threshold, None)[0], strict=True
        ):
            assert set(row) <= set(whole)


@both_backends
@pytest.mark.parametrize("k", [0, -1, 40, 41])
def test_k_must_fit_the_images(backend: Backend, k: int) -> None:
    expected = f"neighbors.k must be between 1 and 39 for 40 images, but it is {k}; choose a smal"
    with pytest.raises(UsageError, match=expected):
        build_neighbors(random_features(0), k=k, threshold=1.0, backend=backend)


def test_features_must_be_a_matrix() -> None:
    with pytest.raises(
        UsageError, match=r"must be a matrix \[N, D\], but their shape is \(4, 2, 3"
    ):
        build_neighbors(np.zeros((4, 2, 3), np.float32), k=1, threshold=1.0)
    with pytest.raises(UsageError, match=r"their shape is \(4, 0\)"):
        build_neighbors(np.zeros((4, 0), np.float32), k=1, threshold=1.0)


def test_half_precision_features_give_the_sets_of_their_values() -> None:
    features = random_features(0).astype(np.float16)
    graph = build_neighbors(features, k=5, threshold=0.5)
    expected = build_neighbors(features.astype(np.float32), k=5, threshold=0.5)
    assert sets(graph) == sets(expected)


@all_seeds
@pytest.mark.parametrize("cap", [3, 8])
def test_both_backends_draw_the_same_sample(seed: int, cap: int) -> None:
    features = random_features(seed)
    torch_graph, faiss = (
        build_neighbors(
            features, k=2, threshold=0.0, cap=cap, cap_keeps="sample", backend=backend, seed=seed
        )
        for backend in ("torch", "faiss")
    )
    assert sets(torch_graph) == sets(faiss)
    assert torch_graph.n_capped == faiss.n_capped > 0


def test_without_faiss_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UclsError, match=r"pip install 'ucls\[cpu\]'.*'ucls\[gpu\]' for CUDA"):
        build_neighbors(random_features(0), k=3, threshold=1.0, backend="faiss")
    assert build_neighbors(random_features(0), k=3, threshold=1.0).n_images == 40


@all_seeds
@both_backends
@pytest.mark.parametrize("kind", ["a few", "repeated", "zeros", "large"])
def test_features_on_disk_have_the_same_neighbors(
    seed: int, backend: Backend, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_chunks(monkeypatch, 9)
    monkeypatch.setattr(search, "QUERIES_FROM_DISK", 11)
    features = with_equals(seed, kind) if kind != "large" else 1e30 * random_features(seed)
    table = RowTable(lambda rows: features[rows].copy(), features.shape, features.dtype)
    held, stored = (
        build_neighbors(one, k=5, threshold=0.3, cap=8, backend=backend)
        for one in (features, table)
    )
    assert sets(stored) == sets(held)
    np.testing.assert_array_equal(stored.similarity, held.similarity)
