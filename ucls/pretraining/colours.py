"""Colour changes of a whole batch, on its device.

Pixels are float32 in 0..1, [B, channels, H, W]. All but the turn of the hue, which is one in the
plane of colour (YIQ), are as torchvision's.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ucls.pretraining.draws import Draws

JITTER_SHARE, GREY_SHARE = 0.8, 0.2
BRIGHTNESS = CONTRAST = 0.4
HUE = 0.1
SIGMAS = (0.1, 2.0)
"""Of the blur, in pixels."""
_GREY = (0.299, 0.587, 0.114)
_TO_YIQ = (_GREY, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def jitter(pixels: Tensor, draws: Draws, *, saturation: float) -> Tensor:
    """Changes brightness, contrast and, of colours, saturation and hue of most images."""
    brightness, contrast, strength_of_colour = (
        draws.uniform(1 - strength, 1 + strength, 1, 1, 1).to(pixels.device)
        for strength in (BRIGHTNESS, CONTRAST, saturation)
    )
    turns = draws.uniform(-HUE, HUE)
    is_changed = draws.chosen(JITTER_SHARE).to(pixels.device)
    changed = (pixels * brightness).clamp(0, 1)
    mean = _grey(changed).mean(dim=(1, 2, 3), keepdim=True)
    changed = mean.lerp(changed, contrast).clamp(0, 1)
    if pixels.shape[1] == 3:
        changed = _grey(changed).lerp(changed, strength_of_colour).clamp(0, 1)
        changed = _turn_hue(changed, turns.to(pixels.device)).clamp(0, 1)
    return torch.where(is_changed, changed, pixels)


def lose_colour(pixels: Tensor, draws: Draws) -> Tensor:
    """Makes some images grey."""
    if pixels.shape[1] == 1:
        return pixels
    is_grey = draws.chosen(GREY_SHARE).to(pixels.device)
    return torch.where(is_grey, _grey(pixels), pixels)


def blur(pixels: Tensor, share: float, draws: Draws) -> Tensor:
    """Blurs a share of the images, each by its own Gaussian over a tenth of its side."""
    side = pixels.shape[2]
    sigmas = draws.uniform(*SIGMAS, 1)
    is_blurred = draws.chosen(share)
    radius = max(1, round(side / 20))
    offsets = torch.arange(-radius, radius + 1.0)
    kernels = (-0.5 * (offsets / sigmas).square()).softmax(dim=1).to(pixels)
    blurred = pixels
    for dim, padding in ((3, (radius, radius, 0, 0)), (2, (0, 0, radius, radius))):
        padded = F.pad(blurred, padding, mode="reflect")
        shifted = (padded.narrow(dim, place, side) for place in range(2 * radius + 1))
        weights = kernels.T[:, :, None, None, None]
        blurred = torch.zeros_like(pixels)
        for weight, part in zip(weights, shifted, strict=True):
            blurred.addcmul_(weight, part)
    return torch.where(is_blurred.to(pixels.device), blurred, pixels)


def solarize(pixels: Tensor, share: float, draws: Draws) -> Tensor:
    """Inverts the bright half of a share of the images."""
    is_solarized = draws.chosen(share).to(pixels.device)
    return torch.where(is_solarized & (pixels >= 0.5), 1 - pixels, pixels)


def _grey(pixels: Tensor) -> Tensor:
    if pixels.shape[1] == 1:
        return pixels
    weights = pixels.new_tensor(_GREY).view(3, 1, 1)
    return (pixels * weights).sum(dim=1, keepdim=True)


def _turn_hue(pixels: Tensor, turns: Tensor) -> Tensor:
    """Turns the hue by shares [B] of the circle."""
    to_yiq = pixels.new_tensor(_TO_YIQ)
    cosine, sine = (2 * math.pi * turns).cos(), (2 * math.pi * turns).sin()
    zero, one = torch.zeros_like(turns), torch.ones_like(turns)
    turn = torch.stack([one, zero, zero, zero, cosine, -sine, zero, sine, cosine], dim=1)
    matrices = torch.linalg.inv(to_yiq) @ turn.view(-1, 3, 3) @ to_yiq
    return torch.einsum("bij,bjhw->bihw", matrices, pixels)
