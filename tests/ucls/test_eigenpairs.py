import numpy as np
import pytest
from scipy.linalg import LinAlgError, eigh

from ucls.eigenpairs import some_eigenpairs


@pytest.mark.parametrize("seed", range(3))
def test_they_are_some_of_all(seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(size=(12, 12))
    matrix = matrix @ matrix.T
    values, vectors = some_eigenpairs(matrix, 7, 9)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[7:10])
    np.testing.assert_allclose(matrix @ vectors, values * vectors, atol=1e-10)


@pytest.mark.parametrize("n_alone", [27, 28])
def test_many_equal_eigenvalues_are_borne(n_alone: int) -> None:
    affinity = np.full((30, 30), 1.8e-5)
    affinity[n_alone:, n_alone:] = 4e-3
    np.fill_diagonal(affinity, 0.0)
    degree = np.sqrt(affinity.sum(axis=1))
    matrix = affinity / np.outer(degree, degree)
    values, vectors = some_eigenpairs(matrix, 20, 29)
    assert (values.shape, vectors.shape) == ((10,), (30, 10))
    np.testing.assert_allclose(matrix @ vectors, values * vectors, atol=1e-10)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(10), atol=1e-10)


def test_where_the_solver_for_some_gives_up_all_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def for_all_alone(matrix, **options):
        if "subset_by_index" in options:
            raise LinAlgError("Internal Error.")
        return eigh(matrix, **options)

    matrix = np.random.default_rng(0).normal(size=(8, 8))
    matrix += matrix.T
    expected = eigh(matrix, subset_by_index=(2, 4))
    monkeypatch.setattr("scipy.linalg.eigh", for_all_alone)
    values, vectors = some_eigenpairs(matrix, 2, 4)
    np.testing.assert_allclose(values, expected[0])
    np.testing.assert_allclose(abs(vectors.T @ expected[1]), np.eye(3), atol=1e-10)
