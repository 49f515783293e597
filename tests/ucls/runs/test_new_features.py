from pathlib import Path

import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.extraction.tokens import select_tokens
from ucls.runs.new_features import features_of_new_images
from ucls.runs.run import Run
from ucls.sources import load_source

CLS = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
PATCH_MEAN = np.array([[100, 101, 102], [200, 201, 202]], dtype=np.float32)


@pytest.mark.parametrize(
    ("feature_set", "first_row"),
    [
        ("cls", [9, 10, 11]),
        ("cls2", [6, 7, 8, 9, 10, 11]),
        ("cls+patch", [9, 10, 11, 100, 101, 102]),
        ("cls4+patch", [*range(12), 100, 101, 102]),
    ],
)
def test_tokens_come_in_the_order_of_the_cache(feature_set: str, first_row: list[int]) -> None:
    tokens = select_tokens(CLS, PATCH_MEAN, feature_set)
    np.testing.assert_array_equal(tokens[0], first_row)
    assert tokens.shape == (2, len(first_row))


def test_new_features_equal_the_cached_ones(shared_photo_run: Path, photos: Path) -> None:
    run = Run(shared_photo_run)
    images = load_source(str(photos)).splits["train"]
    batches = features_of_new_images(
        run, images, ["cls"], extractions=run.data.extractions, device=None
    )
    features = np.concatenate([features["cls"] for _, features in batches])
    assert features.dtype == np.float32
    with run.features("train") as cached:
        np.testing.assert_array_equal(features, cached.read("cls"))


def test_other_weights_are_refused(shared_photo_run: Path, photos: Path) -> None:
    run = Run(shared_photo_run)
    run.data.weights_hashes["pixels"] = "cafe"
    images = load_source(str(photos)).splits["train"]
    with pytest.raises(UsageError, match="was made with weights cafe of pixels, but those found"):
        next(
            features_of_new_images(
                run, images, ["cls"], extractions=run.data.extractions, device=None
            )
        )
