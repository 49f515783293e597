import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from ucls.extraction.augmentations import Augmentation

AUGMENTATION = Augmentation(size=(32, 48), channels=3, interpolation="bicubic")


@pytest.fixture(scope="module")
def picture():
    """Half red, half blue, brighter towards the bottom."""
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[:, :40, 0] = pixels[:, 40:, 2] = np.linspace(40, 250, 60, dtype=np.uint8)[:, None]
    return Image.fromarray(pixels)


def views(picture, numbers, rows=range(40)):
    return [AUGMENTATION(picture, row=row, view=view) for row in rows for view in numbers]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (1, "RGB"), (3, "L"), (3, "RGB")])
def test_shapes(picture, channels, mode):
    augment = Augmentation(size=(8, 12), channels=channels, interpolation="bilinear")
    view = augment(picture.convert(mode), row=0, view=1)
    assert view.shape == (channels, 8, 12)
    assert view.dtype == torch.uint8


def test_row_and_view_decide_all_that_is_random(picture):
    first = AUGMENTATION(picture, row=3, view=1)
    torch.manual_seed(5)
    assert torch.equal(AUGMENTATION(picture, row=3, view=1), first)
    assert not torch.equal(AUGMENTATION(picture, row=4, view=1), first)
    assert not torch.equal(AUGMENTATION(picture, row=3, view=3), first)


def test_the_random_state_of_others_is_left_alone(picture):
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    AUGMENTATION(picture, row=0, view=1)
    assert torch.equal(torch.rand(2), expected)


def test_about_half_are_flipped(picture):
    whole = [v.float() for v in views(picture, [2], range(200))]
    red_left = [v[0, :, :10].mean() > v[0, :, -10:].mean() for v in whole if v[0].float().std() > 9]
    assert 0.35 < np.mean(red_left) < 0.65


def test_about_a_fifth_are_grey(picture):
    grey = [bool((v[0] == v[1]).all() and (v[1] == v[2]).all()) for v in views(picture, [1, 2])]
    assert 0.08 < np.mean(grey) < 0.35


def test_odd_views_are_blurred_and_even_ones_hardly_ever():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8))

    def roughness(numbers):
        return [float(v.float().diff(dim=2).abs().mean()) for v in views(noise, numbers)]

    assert np.median(roughness([1])) < 0.6 * np.median(roughness([2]))


def test_only_even_views_are_solarised():
    white = Image.new("RGB", (64, 64), (255, 255, 255))
    darkest = {view: [int(v.min()) for v in views(white, [view])] for view in (1, 2)}
    assert min(darkest[1]) > 127  # jitter darkens white by 40 % at most
    assert 0.05 < np.mean(np.array(darkest[2]) < 128) < 0.4


def test_it_can_be_sent_to_workers(picture):
    again = pickle.loads(pickle.dumps(AUGMENTATION))
    assert torch.equal(again(picture, row=1, view=2), AUGMENTATION(picture, row=1, view=2))
