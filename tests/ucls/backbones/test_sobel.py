import torch
from scipy import ndimage

from ucls.backbones.sobel import sobel


def test_slopes_are_those_of_scipy():
    pixels = torch.randn(2, 3, 7, 9, dtype=torch.float64)
    found = sobel(pixels)
    assert found.shape == (2, 2, 7, 9)
    for image, slopes in zip(pixels.mean(dim=1).numpy(), found.numpy(), strict=True):
        for axis, slope in ((1, slopes[0]), (0, slopes[1])):
            expected = ndimage.sobel(image, axis=axis, mode="constant")
            assert abs(slope - expected).max() < 1e-12


def test_colours_are_lost():
    pixels = torch.randn(1, 3, 5, 5)
    torch.testing.assert_close(sobel(pixels), sobel(pixels.flip(1)))
