"""ONNX files that torch wrote, against what torch computes."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ucls.backbones.build import build_backbone
from ucls.backbones.families import family_of
from ucls.backbones.local import find_local
from ucls.backbones.onnx_encoder import told_size
from ucls.errors import UsageError


class Encoder(nn.Module):
    """Patches of 8 pixels as tokens; their mean, or all of them."""

    def __init__(self, as_tokens=False):
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.as_tokens = nn.Conv2d(3, 6, 8, 8), as_tokens

    def forward(self, images):
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        return tokens if self.as_tokens else tokens.mean(dim=1)


class Two(nn.Module):
    def forward(self, images, others):
        return (images + others).mean(dim=(2, 3))


class Shaped(nn.Module):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, images):
        return self.change(images)


def export(path, model, *, inputs=1, channels=3, size=32, open_axes=("batch",)):
    names = [f"images{i}" for i in range(inputs)]
    axes = {i: axis for i, axis in ((0, "batch"), (2, "height"), (3, "width")) if axis in open_axes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(), (torch.zeros(2, channels, size, size),) * inputs, path, dynamo=False,
            input_names=names, dynamic_axes=dict.fromkeys(names, axes),
        )  # fmt: skip
    return str(path)


def build(path, size=32):
    return build_backbone("onnx:encoder", image_size=size, weights=path)


@pytest.fixture
def batch():
    return torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)


def normalised(batch):
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (batch / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1)


@torch.no_grad()
@pytest.mark.parametrize("as_tokens", [False, True])
@pytest.mark.parametrize("open_axes", [("batch",), ("batch", "height", "width")])
def test_features_are_those_of_torch(as_tokens, open_axes, batch, tmp_path):
    model = Encoder(as_tokens)
    backbone = build(export(tmp_path / "encoder.onnx", model, open_axes=open_axes))
    expected = model(normalised(batch))
    expected = expected[:, 0] if as_tokens else expected
    tokens = backbone.encode(batch)
    torch.testing.assert_close(tokens.cls[:, 0], expected, atol=1e-5, rtol=1e-5)
    assert tokens.patch_mean is None
    assert backbone.note == ("takes the first of 16 tokens" if as_tokens else "")
    assert (backbone.spec.n_layers, backbone.spec.n_features) == (1, 6)


@torch.no_grad()
def test_a_file_for_single_images(batch, tmp_path):
    model = Encoder()
    path = tmp_path / "encoder.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model.eval(), (torch.zeros(1, 3, 32, 32),), path, dynamo=False)
    found = build(str(path)).encode(batch).cls[:, 0]
    torch.testing.assert_close(found, model(normalised(batch)), atol=1e-5, rtol=1e-5)


def test_pictures_are_resized_and_cropped(tmp_path):
    backbone = build(export(tmp_path / "encoder.onnx", Encoder()))
    picture = Image.fromarray(np.full((50, 90, 3), 7, np.uint8))
    pixels = backbone.preprocess(picture)
    assert (pixels.shape, pixels.dtype, pixels.unique().tolist()) == ((3, 32, 32), torch.uint8, [7])


def test_the_hash_is_of_the_file(tmp_path):
    first = export(tmp_path / "a.onnx", Encoder())
    second = export(tmp_path / "b.onnx", Encoder())
    third = export(tmp_path / "c.onnx", Encoder(as_tokens=True))
    one, two, three = (build(path).spec.weights_hash for path in (first, second, third))
    assert one == two != three


def test_name_and_size_are_found(tmp_path):
    path = export(tmp_path / "encoder.onnx", Encoder())
    assert find_local(f"onnx:{path}") == find_local(path) == ("onnx:encoder", path)
    assert family_of("onnx:encoder").default_size("onnx:encoder", path) == 32
    assert family_of("onnx:encoder").gives_one_vector
    assert find_local("onnx:encoder") is None


def test_a_size_that_is_left_open_has_to_be_given(tmp_path):
    path = export(tmp_path / "a.onnx", Encoder(), open_axes=("batch", "height", "width"))
    with pytest.raises(UsageError, match=r"images of any size: .*--set extract\.image_size=224"):
        told_size(path)


def test_another_size_than_the_files(tmp_path):
    with pytest.raises(UsageError, match="takes images of 32x32 pixels, not 40x40: leave"):
        build(export(tmp_path / "a.onnx", Encoder()), size=40)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (Two(), {"inputs": 2}, r"got 2 inputs \(images0, images1\)"),
        (Shaped(lambda x: (x.mean(dim=(2, 3)), x.sum())), {}, "got 2 outputs"),
        (Shaped(lambda x: x * 2), {}, r"an output of shape \(1, 3, 32, 32\)"),
        (
            Shaped(lambda x: x.flatten(1).argmax(dim=1, keepdim=True)),
            {},
            r"output of tensor\(int64",
        ),
        (Shaped(lambda x: x.mean(dim=(2, 3))), {"channels": 1}, r"an input of shape \['batch', 1"),
    ],
)
def test_files_that_are_no_image_encoder(model, options, message, tmp_path):
    path = export(tmp_path / "a.onnx", model, **options)
    with pytest.raises(UsageError, match=rf"expected one input float32 .*{message}"):
        build(path)


def test_what_is_no_onnx(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"something else")
    with pytest.raises(UsageError, match=r"cannot read .*a\.onnx as ONNX"):
        build(str(tmp_path / "a.onnx"))


@pytest.mark.parametrize("weights", [None, "random", "gone.onnx"])
def test_the_file_is_needed(weights):
    with pytest.raises(UsageError, match="backbone onnx:encoder needs its file, got"):
        build(weights)
