"""Tokens against those of the reference code; fixtures/README.md says how these were made."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from ucls.backbones.build import build_backbone

FIXTURES = Path(__file__).with_name("fixtures")
SIZES = {
    "dinov2_vits14": ((224, 224), (224, 168)),
    "dinov2_vits14_reg4": ((224, 224), (224, 168)),
    "dino_vits16": ((224, 224), (192, 224)),
}


def make_weights(shapes):
    """Weights that depend on nothing but their names and shapes, at the scale of trained ones."""
    return {name: torch.from_numpy(make_tensor(name, shape)) for name, shape in shapes.items()}


def make_tensor(name, shape):
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    noise = generator.standard_normal(shape, dtype=np.float32)
    if name.endswith("gamma"):
        return 0.5 + 0.1 * noise
    if "norm" in name and name.endswith("weight"):
        return 1 + 0.1 * noise
    if name.endswith("bias"):
        return 0.1 * noise
    if name.endswith("weight"):
        return noise / np.sqrt(np.float32(np.prod(shape[1:])))
    return 0.5 * noise  # class, register and mask tokens, position embeddings


def make_images(size):
    generator = np.random.default_rng(0)
    return torch.from_numpy(generator.standard_normal((2, 3, *size), dtype=np.float32))


@pytest.fixture(scope="module", params=list(SIZES))
def checkpoint(request, tmp_path_factory):
    shapes = json.loads((FIXTURES / f"{request.param}.json").read_text())
    path = tmp_path_factory.mktemp("weights") / f"{request.param}.pth"
    torch.save(make_weights(shapes), path)
    yield request.param, str(path)
    path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 1])
def test_tokens_equal_the_reference(checkpoint, at):
    name, path = checkpoint
    size = SIZES[name][at]
    tokens = build_backbone(name, image_size=size, weights=path).tokens(make_images(size))
    with np.load(FIXTURES / f"{name}.npz") as expected:
        for kind, values in (("cls", tokens.cls), ("patch_mean", tokens.patch_mean)):
            reference = expected[f"{kind}_{size[0]}x{size[1]}"]
            assert reference.std() > 0.1
            np.testing.assert_allclose(values, reference, rtol=0, atol=1e-4)
            np.testing.assert_allclose(values.half().float(), reference, rtol=0, atol=2e-3)
