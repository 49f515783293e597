"""Eigenvalues and eigenvectors of dense symmetric matrices."""

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def some_eigenpairs(matrix: Matrix, first: int, last: int) -> tuple[Matrix, Matrix]:
    """Those with numbers first..last of a symmetric matrix [M, M], by rising eigenvalue.

    LAPACK's solver for some eigenvectors, which is the fastest, gives up on a few matrices of many
    equal eigenvalues, as of clusters of which most link to nothing; that for all of them does not.

    Returns:
        Eigenvalues [k] and eigenvectors [M, k] for k = last - first + 1.
    """
    from scipy.linalg import LinAlgError, eigh

    try:
        values, vectors = eigh(matrix, subset_by_index=(first, last))
    except LinAlgError:
        values, vectors = eigh(matrix, driver="evd")
        values, vectors = values[first : last + 1], vectors[:, first : last + 1]
    return values, vectors
