import numpy as np
import pytest
from PIL import Image

from ucls.config import ExtractConfig
from ucls.datasets import load_source
from ucls.errors import UsageError
from ucls.extract_settings import DEFAULT_BACKBONE, resolve_extract


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
