"""A family of backbones from outside of the package, from its line to a finished run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from ucls import pipeline
from ucls.backbones import families
from ucls.backbones.build import build_backbone
from ucls.backbones.families import Family, family_of, register
from ucls.backbones.pixels import PixelsPreprocess
from ucls.backbones.protocol import BackboneSpec, Tokens
from ucls.cache import FeatureCache
from ucls.config import Config
from ucls.errors import UsageError
from ucls.settings.extraction import resolve_extractions
from ucls.sources import load_source


class Means:
    """The mean of each colour."""

    def __init__(self, name: str, *, image_size: int, channels: int, **options: Any) -> None:
        pixels = build_backbone("pixels", image_size=image_size, channels=channels).spec
        self.spec: BackboneSpec = replace(pixels, name=name, n_features=channels)
        self.preprocess = PixelsPreprocess((image_size, image_size), channels)
        self.device = "cpu"

    def encode(self, batch: Tensor) -> Tokens:
        return Tokens(cls=batch.float().mean(dim=(2, 3)).unsqueeze(1), patch_mean=None)


@pytest.fixture(autouse=True)
def means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "FAMILIES", list(families.FAMILIES))
    register(
        Family(
            name="means",
            claims=lambda name: name.startswith("means"),
            build=f"{__name__}:Means",
            image_size=lambda _: 4,
            has_weights=False,
            gives_one_vector=True,
        )
    )


def test_names_find_their_family() -> None:
    names = ("means", "means-of-colours", "pixels", "dinov2_vits14", "timm/whatever")
    assert [family_of(name).name for name in names] == ["means", "means", "pixels", "vit", "vit"]


def test_what_it_takes_follows_from_its_line(photos: Path) -> None:
    source = load_source(str(photos))
    config = Config().with_values({"extract.backbone": "means"})
    (extraction,) = resolve_extractions(config, source).values()
    assert (extraction.image_size, extraction.channels) == (4, 3)
    with pytest.raises(UsageError, match="backbone means takes 3 channels, got 1"):
        resolve_extractions(config.with_values({"extract.channels": 1}), source)
    with pytest.raises(UsageError, match="backbone means gives one vector per image"):
        resolve_extractions(config.with_values({"features": "cls+patch"}), source)
    with pytest.raises(UsageError, match="backbone means takes no weights"):
        build_backbone("means", image_size=4, weights="x.pth")


def test_its_features_are_extracted(photos: Path) -> None:
    config = Config().with_values({"extract.backbone": "means", "extract.workers": 0})
    (path,) = pipeline.extract_source(str(photos), config=config)["train"].values()
    with FeatureCache(path) as cache:
        features = cache.read("cls")
        assert cache.spec.backbone == "means"
    assert features.shape[1] == 3
    image = load_source(str(photos)).splits["train"].read(0).convert("RGB").resize((4, 4), 3)
    expected = np.asarray(image, dtype=np.float32).mean(axis=(0, 1))
    np.testing.assert_allclose(features[0], expected, rtol=2e-3)
