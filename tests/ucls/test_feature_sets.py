import numpy as np
import pytest

from ucls.feature_sets import (
    FeaturePart,
    count_distinct,
    format_features,
    parse_features,
    side_by_side,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("cls", [("cls", None)]),
        ("cls4+patch@dino_vits16", [("cls4+patch", "dino_vits16")]),
        ("cls+patch@a.b,cls@c-d", [("cls+patch", "a.b"), ("cls", "c-d")]),
    ],
)
def test_expressions_come_back_as_they_were(text, parts):
    parsed = parse_features(text)
    assert parsed == tuple(FeaturePart(*part) for part in parts)
    assert format_features(parsed) == text


def test_the_cosine_of_two_images_is_the_mean_of_the_backbones():
    rng = np.random.default_rng(0)
    small, large = rng.normal(size=(5, 3)), 1000 * rng.normal(size=(5, 7))

    def cosines(features):
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        return unit @ unit.T

    expected = (cosines(small) + cosines(large)) / 2
    both = side_by_side([small.copy(), large.copy()])
    assert both.shape == (5, 10)
    np.testing.assert_allclose(cosines(both), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_the_scale_of_a_backbone_does_not_matter(size: float):
    rng = np.random.default_rng(0)
    first, second = (rng.normal(size=(5, width)).astype(np.float32) for width in (3, 7))
    both = side_by_side([first.copy(), second * np.float32(size)])
    np.testing.assert_allclose(both, side_by_side([first, second]), rtol=1e-5)


def test_one_part_is_neither_scaled_nor_copied():
    part = np.array([[3.0, 4.0]])
    assert side_by_side([part]) is part
    assert part.tolist() == [[3.0, 4.0]]


def test_a_row_of_zeros_stays_zero():
    both = side_by_side([np.zeros((1, 2), np.float16), np.ones((1, 4), np.float16)])
    assert both.tolist() == [[0, 0, 0.5, 0.5, 0.5, 0.5]]


@pytest.mark.parametrize(("enough", "expected"), [(2, 2), (3, 3), (100, 3)])
def test_distinct_rows_are_counted_until_there_are_enough(enough, expected):
    features = np.float32([[0, 1], [-0.0, 1], [1, 0], [0, 1], [1, 1], [1, 0]])
    assert count_distinct(features, enough=enough) == expected
