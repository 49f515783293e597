import numpy as np
import pytest
import torch
from torch import nn

from ucls.pretraining.segmentation import SegmentationBranch, bce_loss, binary, dice_loss


@pytest.mark.parametrize("seed", range(3))
def test_dice_is_that_of_numpy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, masks = rng.normal(size=(5, 1, 28, 28)), rng.integers(0, 2, (5, 1, 28, 28))
    p, g = 1 / (1 + np.exp(-logits)), masks.astype(float)
    expected = 1 - (2 * np.sum(p * g) + 1) / (np.sum(p) + np.sum(g) + 1)
    found = dice_loss(torch.from_numpy(logits), torch.from_numpy(g))
    assert float(found) == pytest.approx(expected, abs=1e-8)


def test_a_perfect_mask_costs_nothing_and_a_wrong_one_nearly_1() -> None:
    masks = (torch.arange(200.0, dtype=torch.float64) < 80).double()
    logits = (2 * masks - 1) * 50
    assert float(dice_loss(logits, masks)) == pytest.approx(0, abs=1e-12)
    assert 0.98 < float(dice_loss(-logits, masks)) < 1
    nothing = torch.zeros(200, dtype=torch.float64)
    assert float(dice_loss(nothing - 50, nothing)) == pytest.approx(0, abs=1e-12)
    # As eq. 3.4 is printed, the perfect mask would have a negative loss.
    overlap = float(masks.sum())
    assert 1 - 2 * (overlap + 1) / (2 * overlap + 1) < 0


def test_bce_is_the_mean_over_the_pixels() -> None:
    rng = np.random.default_rng(0)
    logits, masks = rng.normal(size=(4, 9)), rng.integers(0, 2, (4, 9)).astype(float)
    p = 1 / (1 + np.exp(-logits))
    expected = -np.mean(masks * np.log(p) + (1 - masks) * np.log(1 - p))
    found = bce_loss(torch.from_numpy(logits), torch.from_numpy(masks))
    assert float(found) == pytest.approx(expected, abs=1e-8)


def test_the_branch_doubles_the_sides() -> None:
    branch = SegmentationBranch(6)
    assert branch(torch.randn(3, 6, 7, 7)).shape == (3, 1, 14, 14)
    shapes = [
        (layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0])
        for layer in branch.layers
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    ]
    assert shapes == [(6, 12, 1, 1), (12, 12, 1, 1), (12, 6, 2, 2), (6, 1, 1, 1)]
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in branch.layers) == 2


@pytest.mark.parametrize("loss", [dice_loss, bce_loss])
def test_the_branch_learns_a_mask(loss) -> None:
    torch.manual_seed(0)
    maps, branch = torch.randn(4, 5, 6, 6), SegmentationBranch(5)
    masks = (maps[:, :1] > 0).float().repeat_interleave(2, 2).repeat_interleave(2, 3)
    optimizer = torch.optim.Adam(branch.parameters(), lr=0.02)
    first = loss(branch(maps), masks).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss(branch(maps), masks).backward()
        optimizer.step()
    assert loss(branch(maps), masks).item() < 0.2 * first


def test_what_is_half_covered_is_foreground() -> None:
    assert binary(torch.tensor([0.0, 127.9, 128.0, 255.0])).tolist() == [0, 0, 1, 1]
