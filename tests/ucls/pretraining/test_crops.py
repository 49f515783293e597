import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from ucls.pretraining.crops import Boxes, crop, draw_boxes
from ucls.pretraining.draws import Draws


def boxes(n=4000, *, aspect=1.0, scale=(0.2, 0.8), seed=0, flipped=True):
    return draw_boxes(
        torch.full((n,), aspect), scale=scale, is_flipped=flipped, draws=Draws(seed, n)
    )


@pytest.mark.parametrize("aspect", [1.0, 0.5, 3.0])
def test_boxes_lie_inside_and_have_the_areas_and_ratios_asked_for(aspect):
    drawn = boxes(aspect=aspect, scale=(0.1, 0.25))
    for place, side in ((drawn.x, drawn.width), (drawn.y, drawn.height)):
        assert (place >= 0).all()
        assert (place + side <= 1 + 1e-6).all()
    area = drawn.width * drawn.height
    ratio = drawn.width * aspect / drawn.height
    fits = (area >= 0.1 - 1e-6) & (area <= 0.25 + 1e-6)
    assert fits.float().mean() > 0.999
    assert (ratio[fits] >= 3 / 4 - 1e-5).all()
    assert (ratio[fits] <= 4 / 3 + 1e-5).all()


def test_boxes_are_drawn_as_by_torchvision():
    image = torch.zeros(3, 300, 500)
    torch.manual_seed(0)
    transform = v2.RandomResizedCrop(10, scale=(0.3, 1.0))
    expected = np.array([list(transform.make_params([image]).values()) for _ in range(4000)], float)
    drawn = boxes(aspect=500 / 300, scale=(0.3, 1.0))
    ours = torch.stack([drawn.y * 300, drawn.x * 500, drawn.height * 300, drawn.width * 500], 1)
    np.testing.assert_allclose(ours.mean(0), expected.mean(0), rtol=0.06)
    np.testing.assert_allclose(ours.std(0), expected.std(0), rtol=0.06)


def test_an_extreme_strip_gets_its_central_box():
    drawn = boxes(8, aspect=1000.0, scale=(0.5, 1.0))
    torch.testing.assert_close(drawn.height, torch.ones(8))
    torch.testing.assert_close(drawn.width, torch.full((8,), 4 / 3 / 1000))
    torch.testing.assert_close(drawn.x, (1 - drawn.width) / 2)


def test_half_of_the_crops_are_flipped_or_none():
    assert 0.45 < boxes().is_flipped.float().mean() < 0.55
    assert not boxes(flipped=False).is_flipped.any()


@pytest.mark.parametrize("flipped", [False, True])
def test_a_crop_is_what_pillow_cuts_out(flipped):
    pixels = torch.rand(1, 1, 20, 40)
    box = Boxes(
        *(torch.tensor([value]) for value in (0.25, 0.1, 0.5, 0.4)), torch.tensor([flipped])
    )
    cut = crop(pixels, box, 8)[0, 0]
    image = Image.fromarray(pixels[0, 0].numpy())
    # Pillow widens its filter where it shrinks; here the box has one pixel per pixel of height.
    expected = np.asarray(image.crop((10, 2, 30, 10)))
    rows = cut.flip(-1) if flipped else cut
    places = (torch.arange(8) + 0.5) * 20 / 8 - 0.5
    low, share = places.floor().long(), places - places.floor()
    table = torch.from_numpy(expected.copy())
    between = table[:, low] * (1 - share) + table[:, low + 1] * share
    torch.testing.assert_close(rows, between, atol=1e-5, rtol=1e-5)


def test_the_same_seed_draws_the_same():
    for one, other in zip(boxes(seed=3), boxes(seed=3), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(boxes(seed=3).x, boxes(seed=4).x)
