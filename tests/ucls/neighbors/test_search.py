import numpy as np
import pytest

from ucls.neighbors.search import HIDDEN, Block, BlockSearch, FaissSearch, unit_vectors

all_seeds = pytest.mark.parametrize("seed", range(3))


def random_features(seed: int, n_images: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.1, 50.0, size=(n_images, 1))
    return (rng.normal(0.4, 1.0, size=(n_images, 6)) * size).astype(np.float32)


@all_seeds
def test_unit_vectors(seed: int) -> None:
    features = random_features(seed, 10)
    features[4] = 0.0
    vectors = unit_vectors(features.astype(np.float16))
    assert vectors.dtype == np.float32
    norms = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(norms, np.arange(10) != 4, atol=1e-6)
    directions = (vectors * features).sum(axis=1) / np.maximum(
        np.linalg.norm(features, axis=1), 1e-9
    )
    np.testing.assert_allclose(directions, np.arange(10) != 4, atol=1e-3)


@all_seeds
@pytest.mark.parametrize("queries", [[0, 1, 2], [3, 9, 15], [19]])
def test_blocks_show_every_similarity_but_that_to_itself(
    seed: int, queries: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.neighbors.search.IMAGES_PER_BLOCK", {"cpu": 7})
    features = random_features(seed, 20)
    expected = unit_vectors(features)[queries] @ unit_vectors(features).T
    expected[range(len(queries)), queries] = HIDDEN
    search = BlockSearch(features)
    blocks = [show(slice(None)) for show in search.blocks(np.array(queries), 3)]
    assert np.concatenate([images for _, images in blocks]).tolist() == list(range(20))
    shown = np.concatenate([similarity for similarity, _ in blocks], axis=1)
    np.testing.assert_allclose(shown, expected, atol=1e-6)


@all_seeds
@pytest.mark.parametrize("share", [0.0, 0.01, 0.06, 0.5])
def test_what_reaches_the_bar(seed: int, share: float) -> None:
    similarity = np.random.default_rng(seed).uniform(size=(40, 90)).astype(np.float32)
    bar = np.full(40, 1.0 - share, np.float32)
    places, reached = Block(similarity, np.arange(90)).reaching(bar)
    np.testing.assert_array_equal(places, (similarity >= bar[:, None]).ravel().nonzero()[0])
    np.testing.assert_array_equal(reached, similarity.ravel()[places])


def test_the_features_are_not_copied() -> None:
    features = random_features(0, 20).astype(np.float16)
    search = BlockSearch(features)
    assert search.features is features
    for show in search.blocks(np.arange(20), 3):
        show(slice(5, 15))
    np.testing.assert_array_equal(features, random_features(0, 20).astype(np.float16))


@all_seeds
def test_faiss_shows_the_nearest(seed: int) -> None:
    features = random_features(seed, 20)
    queries = np.array([4, 11])
    (show,) = FaissSearch(features).blocks(queries, 3)
    block = show(slice(None))
    similarity = unit_vectors(features)[queries] @ unit_vectors(features).T
    expected = np.argsort(-similarity, axis=1)[:, :5]
    np.testing.assert_array_equal(block.rows, expected)
    hidden = block.similarity == HIDDEN
    np.testing.assert_array_equal(hidden, block.rows == queries[:, None])
