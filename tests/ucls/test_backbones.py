import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from ucls.backbones import DEFAULT_BACKBONE, build_backbone, resolve_extract
from ucls.config import ExtractConfig
from ucls.datasets import load_source
from ucls.errors import UsageError


def noise(*shape):
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(values)


def pixels(image_size=8, channels=3):
    return build_backbone("pixels", image_size=image_size, channels=channels)


def test_the_pixels_spec():
    spec = pixels(image_size=6).spec
    assert (spec.name, spec.weights_hash, spec.timm_version) == ("pixels", "none", "none")
    assert (spec.image_size, spec.channels) == (6, 3)
    assert (spec.n_layers, spec.n_features, spec.has_patch_mean) == (1, 108, False)


def test_digits_pass_unchanged():
    image = load_source("digits").splits["train"].read(0)
    tensor = pixels(channels=1).preprocess(image)
    assert tensor.dtype == torch.float32
    assert tensor.shape == (1, 8, 8)
    np.testing.assert_array_equal((tensor[0] * 255).round().numpy(), np.asarray(image))


def test_colours_keep_their_place():
    image = noise(8, 8, 3)
    tensor = pixels().preprocess(image)
    assert tensor.shape == (3, 8, 8)
    np.testing.assert_array_equal((tensor * 255).round().permute(1, 2, 0), np.asarray(image))


def test_grey_images_fill_three_channels_and_colours_become_grey():
    grey, colour = noise(8, 8), noise(8, 8, 3)
    as_colour = pixels().preprocess(grey)
    assert torch.equal(as_colour[0], as_colour[2])
    as_grey = pixels(channels=1).preprocess(colour)
    np.testing.assert_array_equal((as_grey[0] * 255).round(), np.asarray(colour.convert("L")))


def test_shrinking_is_antialiased():
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (64, 32)))
    tensor = pixels(channels=1).preprocess(stripes)
    assert (tensor - 0.5).abs().max() < 0.1


def test_each_image_is_standardised_by_itself():
    backbone = pixels()
    batch = torch.stack([backbone.preprocess(noise(20, 30, 3)), torch.rand(3, 8, 8) * 5 + 2])
    tokens = backbone.encode(batch)
    assert tokens.patch_mean is None
    assert tokens.cls.shape == (2, 1, 192)
    assert tokens.cls.dtype == torch.float32
    flat = batch.double().flatten(1).numpy()
    expected = (flat - flat.mean(1, keepdims=True)) / flat.std(1, keepdims=True)
    np.testing.assert_allclose(tokens.cls[:, 0].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 1 / 3, 77 / 255, 1.0])
def test_an_image_of_one_colour_gives_zeros(value):
    tokens = pixels().encode(torch.full((2, 3, 8, 8), value))
    assert torch.equal(tokens.cls, torch.zeros(2, 1, 192))


def test_the_preprocessing_can_be_pickled():
    preprocess = pixels().preprocess
    image = noise(20, 30, 3)
    again = pickle.loads(pickle.dumps(preprocess))
    assert torch.equal(again(image), preprocess(image))


def test_pixels_take_no_weights():
    with pytest.raises(UsageError, match="takes no weights"):
        build_backbone("pixels", image_size=8, weights="x.safetensors")


def test_a_vit_takes_three_channels():
    with pytest.raises(UsageError, match="takes 3 channels, got 1"):
        build_backbone("test_vit", image_size=32, channels=1)


def folder_source(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    return load_source(str(tmp_path))


def features_source(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(4))
    return load_source(str(tmp_path / "a.npy"))


def test_a_folder_gets_the_default_vit(tmp_path):
    resolved = resolve_extract(ExtractConfig(), folder_source(tmp_path))
    assert resolved.backbone == DEFAULT_BACKBONE
    assert (resolved.image_size, resolved.channels) == (224, 3)
    assert 1 <= resolved.workers <= 8


@pytest.mark.parametrize(("n_cores", "expected"), [(None, 1), (3, 3), (64, 8)])
def test_one_worker_per_core_up_to_eight(monkeypatch, n_cores, expected):
    monkeypatch.setattr("os.cpu_count", lambda: n_cores)
    assert resolve_extract(ExtractConfig(), load_source("digits")).workers == expected


def test_pixels_of_a_folder(tmp_path):
    resolved = resolve_extract(ExtractConfig(backbone="pixels"), folder_source(tmp_path))
    assert (resolved.image_size, resolved.channels) == (32, 3)


def test_digits_get_pixels_at_their_own_size():
    resolved = resolve_extract(ExtractConfig(), load_source("digits"))
    assert (resolved.backbone, resolved.image_size, resolved.channels) == ("pixels", 8, 1)


def test_a_vit_on_digits():
    resolved = resolve_extract(ExtractConfig(backbone="test_vit"), load_source("digits"))
    assert (resolved.image_size, resolved.channels) == (224, 3)


def test_what_is_set_stays():
    given = ExtractConfig(
        backbone="pixels", image_size=5, channels=3, workers=0, batch_size=7, strict=True
    )
    assert resolve_extract(given, load_source("digits")) == given


def test_a_feature_file_needs_no_backbone(tmp_path):
    resolved = resolve_extract(ExtractConfig(), features_source(tmp_path))
    assert (resolved.backbone, resolved.workers) == ("features", 0)
    assert (resolved.image_size, resolved.channels) == (None, None)


def test_backbones_that_do_not_fit_the_source(tmp_path):
    with pytest.raises(UsageError, match="no images for backbone pixels"):
        resolve_extract(ExtractConfig(backbone="pixels"), features_source(tmp_path))
    with pytest.raises(UsageError, match="needs a feature file"):
        resolve_extract(ExtractConfig(backbone="features"), load_source("digits"))
