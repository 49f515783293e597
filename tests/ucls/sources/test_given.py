from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.conftest import blobs
from ucls.errors import UsageError
from ucls.sources import load_source, open_source

FEATURES, LABELS = blobs(40, 0)


def test_a_path_and_a_name_are_opened(sources: Path) -> None:
    path = sources / "blobs.npz"
    for given in (path, str(path)):
        assert open_source(given).arguments == load_source(str(path)).arguments
    assert open_source("digits").name == "digits"
    opened = load_source("digits")
    assert open_source(opened) is opened


def test_sub_folders_are_labels(photos: Path) -> None:
    assert open_source(photos).n_classes is None
    assert open_source(photos, labels="folders").n_classes == 3


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16])
def test_an_array_is_a_source_named_by_what_it_holds(dtype: type) -> None:
    array = (10 * FEATURES).astype(dtype)
    source = open_source(array)
    train = source.splits["train"]
    np.testing.assert_array_equal(train.features[0:40], array)
    assert (source.kind, source.n_images, source.n_classes) == ("features", 40, None)
    assert source.name == open_source(array.copy()).name
    assert source.name != open_source(array + 1).name
    assert train.paths[:2] == ["array/00", "array/01"]


def test_a_tensor_is_taken_too() -> None:
    tensor = torch.from_numpy(FEATURES).requires_grad_()
    found = open_source(tensor).splits["train"]
    np.testing.assert_array_equal(found.features[0:40], FEATURES)
    assert found.fingerprint == open_source(FEATURES).splits["train"].fingerprint
    half = open_source(tensor.to(torch.bfloat16)).splits["train"]
    np.testing.assert_allclose(half.features[0:40], FEATURES, rtol=0.01)


@pytest.mark.parametrize(
    "labels",
    [LABELS, LABELS.tolist(), torch.from_numpy(LABELS), [f"kind {label}" for label in LABELS]],
    ids=["array", "list", "tensor", "texts"],
)
def test_labels_are_numbers_or_texts(labels: object) -> None:
    source = open_source(FEATURES, labels=labels)
    assert source.n_classes == 4
    np.testing.assert_array_equal(source.splits["train"].labels, LABELS)
    table = pd.DataFrame(FEATURES).assign(kind=LABELS)
    from_table = open_source(table.drop(columns="kind"), labels=table["kind"])
    np.testing.assert_array_equal(from_table.splits["train"].labels, LABELS)


@pytest.mark.parametrize(
    ("source", "labels", "told"),
    [
        (FEATURES[0], None, r"expected features of shape \[N, D\] in the array, got \[8\]"),
        (FEATURES[:1], None, "expected at least 2 rows of features in the array, got 1"),
        (np.full((4, 2), np.nan), None, "expected finite features in the array"),
        (np.ones((4, 2)), None, "all 4 rows of features in the array are equal"),
        (np.array(3), None, r"expected features of shape \[N, D\] in the array, got \[\]"),
        ([[1.0], [2.0, 3.0]], None, "expected an array or a tensor, got a list"),
        (None, None, "expected numbers as features in the array, got dtype object"),
        (FEATURES, LABELS[:3], r"expected 40 labels in the labels, .* got shape \[3\]"),
        (FEATURES, LABELS - 5, "expected labels of 0 or more in the labels"),
        ("digits", [1, 2], "labels of digits must be 'folders'"),
        (load_source("digits"), LABELS, "labels were given beside an open source"),
    ],
)  # fmt: skip
def test_wrong_use_is_told(source: object, labels: object, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        open_source(source, labels=labels)
