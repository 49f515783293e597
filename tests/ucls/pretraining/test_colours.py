import math

import pytest
import torch
from torchvision.transforms.v2 import functional

from ucls.pretraining import colours
from ucls.pretraining.draws import Draws


def drawn(n, seed=0):
    return Draws(seed, n)


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_changes_four_of_five_images_and_keeps_the_range(channels):
    pixels = torch.rand(500, channels, 6, 6)
    changed = colours.jitter(pixels, drawn(len(pixels)), saturation=0.2)
    is_changed = (changed != pixels).flatten(1).any(dim=1)
    assert 0.74 < is_changed.float().mean() < 0.86
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_brightness_and_contrast_are_torchvisions(monkeypatch):
    monkeypatch.setattr(colours, "JITTER_SHARE", 1.0)
    monkeypatch.setattr(colours, "HUE", 0.0)
    pixels = torch.rand(1, 3, 5, 5)
    draws = drawn(1)
    strengths = (colours.BRIGHTNESS, colours.CONTRAST, 0.2)
    factors = [float(draws.uniform(1 - one, 1 + one, 1, 1, 1)) for one in strengths]
    expected = functional.adjust_brightness(pixels, factors[0])
    expected = functional.adjust_contrast(expected, factors[1])
    expected = functional.adjust_saturation(expected, factors[2])
    torch.testing.assert_close(
        colours.jitter(pixels, drawn(len(pixels)), saturation=0.2), expected, atol=2e-3, rtol=0
    )


def test_a_turn_of_the_hue_keeps_brightness_and_comes_full_circle():
    pixels = torch.rand(3, 3, 4, 4)
    turned = colours._turn_hue(pixels, torch.tensor([0.0, 1.0, 0.3]))
    torch.testing.assert_close(turned[:2], pixels[:2], atol=1e-5, rtol=0)
    torch.testing.assert_close(colours._grey(turned), colours._grey(pixels), atol=1e-5, rtol=0)
    back = colours._turn_hue(turned, torch.tensor([0.0, 0.0, -0.3]))
    torch.testing.assert_close(back, pixels, atol=1e-5, rtol=0)


def test_a_fifth_lose_their_colour():
    pixels = torch.rand(1000, 3, 2, 2)
    grey = colours.lose_colour(pixels, drawn(len(pixels)))
    is_grey = (grey[:, 0] == grey[:, 1]).flatten(1).all(dim=1)
    assert 0.16 < is_grey.float().mean() < 0.24
    torch.testing.assert_close(
        grey[is_grey], functional.rgb_to_grayscale(pixels, 3)[is_grey], atol=1e-3, rtol=0
    )


def test_blur_is_torchvisions_with_the_sigma_of_each_image():
    pixels = torch.rand(3, 3, 40, 40)
    sigmas = drawn(3).uniform(*colours.SIGMAS, 1)
    blurred = colours.blur(pixels, 1.0, drawn(len(pixels)))
    for image, sigma, result in zip(pixels, sigmas, blurred, strict=True):
        expected = functional.gaussian_blur(image, [5, 5], [float(sigma)] * 2)
        torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(colours.blur(pixels, 0.0, drawn(len(pixels))), pixels)


def test_solarizing_inverts_the_bright_half():
    pixels = torch.rand(4, 1, 8, 8)
    expected = torch.where(pixels >= 0.5, 1 - pixels, pixels)
    assert torch.equal(colours.solarize(pixels, 1.0, drawn(len(pixels))), expected)
    assert torch.equal(colours.solarize(pixels, 0.0, drawn(len(pixels))), pixels)


def test_matrices_are_inverse_to_each_other():
    to_yiq = torch.tensor(colours._TO_YIQ)
    assert math.isclose(float(torch.linalg.det(torch.linalg.inv(to_yiq) @ to_yiq)), 1, rel_tol=1e-5)
