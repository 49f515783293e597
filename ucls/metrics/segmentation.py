"""How well linear classifiers of patches find the classes of pixels.

Shapes: B images, S pixels per side, h x w patches, D width of a patch, C classes.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ucls.training.linear import LinearClassifier


class SegmentationScores(NamedTuple):
    """What confusions [C, C] of pixels amount to."""

    mean_iou: float
    """Over the classes that there are pixels of."""
    pixel_accuracy: float
    iou: NDArray[np.float64]
    """By class, [C]: the intersection of found and true pixels over their union; NaN without
    either."""

    @classmethod
    def of(cls, confusions: NDArray[np.int64]) -> "SegmentationScores":
        """Of how many pixels of each true class (rows) were found to be of each (columns)."""
        true, found, right = confusions.sum(axis=1), confusions.sum(axis=0), confusions.diagonal()
        union = true + found - right
        iou = np.divide(right, union, out=np.full(len(right), np.nan), where=union > 0)
        return cls(float(iou[true > 0].mean()), float(right.sum() / true.sum()), iou)


def patch_labels(masks: Tensor, grid: tuple[int, int], n_classes: int) -> Tensor:
    """The class that most pixels of each patch are of.

    Args:
        masks: the class of each pixel, int64 [B, S, S].
        grid: h and w.
        n_classes: C.

    Returns:
        int64 [B, h, w].
    """
    labels = []
    for mask in masks:  # one by one, as C planes of many pixels are large
        planes = F.one_hot(mask, n_classes).permute(2, 0, 1).float()
        labels.append(F.adaptive_avg_pool2d(planes, grid).argmax(dim=0))
    return torch.stack(labels)


def confusions_of(
    classifiers: Sequence[LinearClassifier],
    batches: Iterable[tuple[Tensor, Tensor]],
    n_classes: int,
) -> NDArray[np.int64]:
    """How many pixels of each class each classifier finds to be of each.

    Probabilities of patches are stretched to pixels bilinearly, as DINOv2's linear evaluation does.

    Args:
        classifiers: of patches.
        batches: patches float32 [B, h, w, D] with masks int64 [B, S, S].
        n_classes: C.

    Returns:
        int64 [classifiers, C, C], true classes by row.
    """
    found = torch.zeros(len(classifiers), n_classes * n_classes, dtype=torch.int64)
    for patches, masks in batches:
        rows = patches.flatten(0, 2).numpy()
        for number, classifier in enumerate(classifiers):
            shares = torch.from_numpy(np.concatenate(list(classifier.shares(rows))))
            planes = shares.view(*patches.shape[:3], -1).permute(0, 3, 1, 2)
            stretched = F.interpolate(planes, masks.shape[1:], mode="bilinear", align_corners=False)
            pairs = masks * n_classes + stretched.argmax(dim=1)
            found[number] += pairs.flatten().bincount(minlength=n_classes * n_classes)
    return found.view(len(classifiers), n_classes, n_classes).numpy()
