import shutil

import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.feature_files import load_features


@pytest.fixture(params=["h5ad", "zarr"])
def with_two(request, fixtures, tmp_path):
    """A matrix that has ``X`` and ``obsm["X_pca"]``."""
    if request.param == "h5ad":
        return fixtures / "cells-pca.h5ad"
    pytest.importorskip("zarr")
    shutil.unpack_archive(fixtures / "cells.zarr.zip", tmp_path / "cells.zarr")
    return tmp_path / "cells.zarr"


def test_the_only_matrix_with_labels_and_names(fixtures, values):
    loaded = load_features(fixtures / "cells.h5ad")
    np.testing.assert_array_equal(loaded.features[:], values)
    assert loaded.paths == [f"cell{row}" for row in range(6)]
    assert loaded.labels.tolist() == [0, 1, -1, 0, 1, 1]
    assert loaded.class_names == ("cat", "dog")


def test_what_could_mean_two_things_is_asked_back(with_two, values):
    with pytest.raises(
        UsageError, match=r"2 arrays .*: X \[6, 4\], obsm/X_pca \[6, 2\]; .*--array NAME"
    ):
        load_features(with_two)
    loaded = load_features(with_two, array="obsm/X_pca")
    np.testing.assert_array_equal(loaded.features[:], values[:, :2] + 1)
    assert (loaded.paths[0], loaded.class_names) == ("cell0", ("cat", "dog"))
    np.testing.assert_array_equal(load_features(with_two, array="X").features[:], values)
