import numpy as np
import pytest
import torch

from ucls.metrics.segmentation import SegmentationScores, confusions_of, patch_labels
from ucls.training.linear import LinearClassifier


def classifier(n_classes: int) -> LinearClassifier:
    """Says the place of the largest feature."""
    weight = 50 * np.eye(n_classes, dtype=np.float32)
    return LinearClassifier(weight, np.zeros(n_classes, np.float32), 1.0)


def test_scores_are_those_of_counting_by_hand() -> None:
    scores = SegmentationScores.of(np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]]))
    np.testing.assert_allclose(scores.iou, [6 / 9, 3 / 6, np.nan])
    assert scores.mean_iou == pytest.approx((6 / 9 + 3 / 6) / 2)
    assert scores.pixel_accuracy == pytest.approx(9 / 12)
    # A class that is found where it never is counts by the pixels that it takes from others.
    scores = SegmentationScores.of(np.array([[4, 4], [0, 0]]))
    assert (scores.mean_iou, scores.iou.tolist()) == (0.5, [0.5, 0.0])


@pytest.mark.parametrize("seed", range(3))
def test_confusions_are_those_of_each_pixel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found, masks = rng.integers(0, 3, (2, 2, 4, 4))
    patches = torch.nn.functional.one_hot(torch.from_numpy(found), 3).float()
    counted = np.zeros((3, 3), int)
    np.add.at(counted, (masks.ravel(), found.ravel()), 1)
    batches = [
        (patches[:1], torch.from_numpy(masks[:1])),
        (patches[1:], torch.from_numpy(masks[1:])),
    ]
    by_both = confusions_of([classifier(3), classifier(3)], batches, 3)
    np.testing.assert_array_equal(by_both, [counted, counted])


def test_patches_are_stretched_to_pixels() -> None:
    patches = torch.nn.functional.one_hot(torch.tensor([[[0, 1], [0, 1]]]), 2).float()
    mask = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]]).expand(8, 8)[None]
    (counted,) = confusions_of([classifier(2)], [(patches, mask)], 2)
    assert counted.tolist() == [[32, 0], [0, 32]]


def test_a_patch_is_of_the_class_of_most_of_its_pixels() -> None:
    mask = torch.tensor([[0, 0, 2, 2], [0, 1, 2, 2], [1, 1, 0, 1], [1, 1, 1, 1]])
    assert patch_labels(mask[None], (2, 2), 3).tolist() == [[[0, 2], [1, 1]]]
