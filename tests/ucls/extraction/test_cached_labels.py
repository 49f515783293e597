from pathlib import Path

import numpy as np

from ucls.extraction.cached_labels import labels_to_cache
from ucls.sources import load_source


def test_sub_folders_are_kept_as_labels_for_later(photos: Path) -> None:
    labels, names = labels_to_cache(load_source(str(photos)).splits["train"])
    assert labels is not None
    assert names == ("high", "left", "plain")
    assert np.bincount(labels).tolist() == [20, 20, 20]


def test_images_outside_of_sub_folders_have_none(photos: Path) -> None:
    assert labels_to_cache(load_source(str(photos / "high")).splits["train"]) == (None, ())
