from pathlib import Path

import h5py
import pytest

from benchmarks.ablations.source import Size, how_simulated, open_source
from benchmarks.simulated.features import SimulatedFeatures, write_simulated
from ucls.errors import UsageError


def test_any_labelled_source_of_ucls_is_opened(tmp_path: Path, sources: Path) -> None:
    opened = open_source(str(sources / "blobs.npz"), size=Size(n_classes=3), folder=tmp_path)
    assert opened.n_images == 120
    assert how_simulated(opened) is None
    assert open_source("digits", size=Size(), folder=tmp_path).n_classes == 10
    with pytest.raises(UsageError, match="need labels, and plain has none: give --labels folders"):
        open_source(str(sources / "plain.npy"), size=Size(), folder=tmp_path)


def test_simulated_features_have_the_size_that_is_wanted(tmp_path: Path) -> None:
    opened = open_source("simulated", size=Size(90, 3, 16), folder=tmp_path)
    assert opened.splits["train"].features.shape == (90, 16)
    assert opened.splits["val"].features.shape == (150, 16)
    assert (opened.name, opened.n_classes) == ("simulated", 3)
    made = {"n_images": 90, "n_classes": 3, "n_features": 16, "seed": 0}
    assert how_simulated(opened) == made


def test_a_simulated_file_is_known_for_what_it_is(tmp_path: Path) -> None:
    write_simulated(tmp_path / "mine.h5", SimulatedFeatures(40, 2, 8, seed=5))
    opened = open_source(str(tmp_path / "mine.h5"), size=Size(), folder=tmp_path)
    made = {"n_images": 40, "n_classes": 2, "n_features": 8, "seed": 5}
    assert (opened.name, how_simulated(opened)) == ("mine", made)
    with h5py.File(tmp_path / "real.h5", "w") as file:
        file["features"] = opened.splits["train"].features
        file["labels"] = opened.splits["train"].labels
    assert how_simulated(open_source(f"{tmp_path}/real.h5", size=Size(), folder=tmp_path)) is None


def test_what_has_no_meaning_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the source is digits: leave them out"):
        open_source("digits", size=Size(n_images=90), folder=tmp_path)
    options = {"labels": "folders", "val": None, "data_dir": Path("data"), "download": False}
    with pytest.raises(UsageError, match="--labels, --data-dir has no meaning"):
        open_source("simulated", size=Size(), folder=tmp_path, **options)
