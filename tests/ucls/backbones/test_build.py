import pytest

from ucls.backbones.build import build_backbone
from ucls.errors import UsageError


def test_pixels_take_no_weights():
    with pytest.raises(UsageError, match="takes no weights"):
        build_backbone("pixels", image_size=8, weights="x.safetensors")


def test_a_vit_takes_three_channels():
    with pytest.raises(UsageError, match="takes 3 channels, got 1"):
        build_backbone("test_vit", image_size=32, channels=1)
