import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from ucls.backbones.build import build_backbone
from ucls.sources import load_source


def noise(*shape):
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(values)


def pixels(image_size=8, channels=3):
    return build_backbone("pixels", image_size=image_size, channels=channels)


def test_the_pixels_spec():
    spec = pixels(image_size=6).spec
    assert (spec.name, spec.weights_hash, spec.timm_version) == ("pixels", "none", "none")
    assert (spec.image_size, spec.channels, spec.precision) == (6, 3, "float32")
    assert (spec.n_layers, spec.n_features, spec.has_patch_mean) == (1, 108, False)


def test_digits_pass_unchanged():
    image = load_source("digits").splits["train"].read(0)
    tensor = pixels(channels=1).preprocess(image)
    assert tensor.dtype == torch.uint8
    assert tensor.shape == (1, 8, 8)
    np.testing.assert_array_equal(tensor[0], np.asarray(image))


def test_colours_keep_their_place():
    image = noise(8, 8, 3)
    tensor = pixels().preprocess(image)
    assert tensor.shape == (3, 8, 8)
    np.testing.assert_array_equal(tensor.permute(1, 2, 0), np.asarray(image))


def test_grey_images_fill_three_channels_and_colours_become_grey():
    grey, colour = noise(8, 8), noise(8, 8, 3)
    as_colour = pixels().preprocess(grey)
    assert torch.equal(as_colour[0], as_colour[2])
    as_grey = pixels(channels=1).preprocess(colour)
    np.testing.assert_array_equal(as_grey[0], np.asarray(colour.convert("L")))


def test_shrinking_is_antialiased():
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (64, 32)))
    tensor = pixels(channels=1).preprocess(stripes)
    assert (tensor.float() - 127.5).abs().max() < 25


def test_each_image_is_standardised_by_itself():
    backbone = pixels()
    batch = torch.stack([backbone.preprocess(image) for image in (noise(20, 30, 3), noise(8, 8))])
    tokens = backbone.encode(batch)
    assert tokens.patch_mean is None
    assert tokens.cls.shape == (2, 1, 192)
    assert tokens.cls.dtype == torch.float32
    flat = batch.double().flatten(1).numpy()
    expected = (flat - flat.mean(1, keepdims=True)) / flat.std(1, keepdims=True)
    np.testing.assert_allclose(tokens.cls[:, 0].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("value", [0, 77, 85, 255])
def test_an_image_of_one_colour_gives_zeros(value):
    tokens = pixels().encode(torch.full((2, 3, 8, 8), value, dtype=torch.uint8))
    assert torch.equal(tokens.cls, torch.zeros(2, 1, 192))


def test_pixels_need_not_be_square():
    backbone = pixels(image_size=(4, 6))
    image = noise(4, 6, 3)
    tensor = backbone.preprocess(image)
    np.testing.assert_array_equal(tensor.permute(1, 2, 0), np.asarray(image))
    assert backbone.spec.image_size == (4, 6)
    assert backbone.encode(tensor[None]).cls.shape == (1, 1, 72)
    assert backbone.spec.n_features == 72


def test_a_square_has_one_length():
    assert pixels(image_size=(6, 6)).spec == pixels(image_size=6).spec


def test_the_preprocessing_can_be_pickled():
    preprocess = pixels().preprocess
    image = noise(20, 30, 3)
    again = pickle.loads(pickle.dumps(preprocess))
    assert torch.equal(again(image), preprocess(image))
