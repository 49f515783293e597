from pathlib import Path

import h5py
import pytest

from benchmarks.ablations.opening import Size, open_source
from benchmarks.simulated.features import write_simulated
from ucls.errors import UsageError


def test_any_source_of_ucls_is_opened(tmp_path: Path, sources: Path) -> None:
    opened = open_source(str(sources / "blobs.npz"), size=Size(n_classes=3), folder=tmp_path)
    assert opened.source.n_images == 120
    assert opened.simulated is None
    assert open_source("digits", size=Size(), folder=tmp_path).source.n_classes == 10


def test_simulated_features_have_the_size_that_is_wanted(tmp_path: Path) -> None:
    opened = open_source("simulated", size=Size(90, 3, 16), folder=tmp_path)
    assert opened.source.splits["train"].features.shape == (90, 16)
    assert opened.source.splits["val"].features.shape == (150, 16)
    assert (opened.source.name, opened.source.n_classes) == ("simulated", 3)
    assert opened.simulated == {"n_images": 90, "n_classes": 3, "n_features": 16, "seed": 0}


def test_a_simulated_file_is_known_for_what_it_is(tmp_path: Path) -> None:
    write_simulated(tmp_path / "mine.h5", n_images=40, n_classes=2, n_features=8, seed=5)
    opened = open_source(str(tmp_path / "mine.h5"), size=Size(), folder=tmp_path)
    assert opened.source.name == "mine"
    assert opened.simulated == {"n_images": 40, "n_classes": 2, "n_features": 8, "seed": 5}
    with h5py.File(tmp_path / "real.h5", "w") as file:
        file["features"] = opened.source.splits["train"].features
    assert open_source(str(tmp_path / "real.h5"), size=Size(), folder=tmp_path).simulated is None


def test_a_size_is_for_simulated_features_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the source is digits: leave them out"):
        open_source("digits", size=Size(n_images=90), folder=tmp_path)


def test_simulated_features_take_no_options_of_real_ones(tmp_path: Path) -> None:
    options = {"labels": "folders", "val": None, "data_dir": Path("data"), "download": False}
    with pytest.raises(UsageError, match="--labels, --data-dir has no meaning"):
        open_source("simulated", size=Size(), folder=tmp_path, **options)
