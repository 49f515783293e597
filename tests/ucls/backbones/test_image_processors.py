import json

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from timm.data.transforms_factory import create_transform

from ucls.backbones.image_processors import data_config, processed_size

CROPPED = {"do_center_crop": True, "crop_size": {"height": 48, "width": 48}}
PROCESSORS = [
    ("BitImageProcessor", {**CROPPED, "size": {"shortest_edge": 56}}, 48),
    ("CLIPImageProcessor", {**CROPPED, "size": {"shortest_edge": 48}}, 48),
    ("ViTImageProcessor", {"size": {"height": 48, "width": 48}}, 48),
    ("SiglipImageProcessor", {"size": {"height": 48, "width": 64}, "resample": 3}, (48, 64)),
    ("ConvNextImageProcessor", {"size": {"shortest_edge": 48}, "crop_pct": 0.875}, 48),
]


@pytest.fixture
def picture():
    noise = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    return Image.fromarray(noise).resize((120, 90), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(("library", "options", "size"), PROCESSORS)
def test_pictures_are_those_of_transformers(library, options, size, picture, tmp_path):
    processor = getattr(transformers, library)(**options)
    processor.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert processed_size(saved) == size
    height, width = (size, size) if isinstance(size, int) else size
    transform = create_transform((3, height, width), **data_config(saved))
    expected = processor(picture, return_tensors="pt")["pixel_values"][0]
    found = transform(picture)
    assert found.shape == expected.shape
    # transformers resizes by torchvision, in other precision than Pillow.
    assert (found - expected).abs().max() < 0.1
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("processor", "size", "data"),
    [
        ({}, None, {}),
        ({"size": 224}, 224, {"crop_mode": "squash", "crop_pct": 1.0}),
        (
            {"size": 256, "crop_size": 224, "do_center_crop": True},
            224,
            {"crop_mode": "center", "crop_pct": 0.875},
        ),
        ({"size": {"shortest_edge": 224}}, 224, {"crop_mode": "center", "crop_pct": 1.0}),
        ({"do_normalize": False, "image_mean": [1]}, None, {"mean": (0,) * 3, "std": (1,) * 3}),
    ],
)
def test_older_forms(processor, size, data):
    assert processed_size(processor) == size
    assert data_config(processor) == data


def test_a_filter_that_there_is_not():
    with pytest.raises(ValueError, match="resample is 9, not 0, 1"):
        data_config({"resample": 9})
