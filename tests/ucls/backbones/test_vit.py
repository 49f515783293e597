import pickle
from functools import cache

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data.transforms_factory import create_transform

from ucls.backbones.build import build_backbone
from ucls.backbones.vit import ViTBackbone

REGISTERS = "vit_small_patch14_reg4_dinov2.lvd142m"


def random_model(name, image_size, **options):
    torch.manual_seed(0)
    return timm.create_model(name, pretrained=False, img_size=image_size, **options).eval()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The weights of a tiny ViT at its own size, with its classifier."""
    path = tmp_path_factory.mktemp("weights") / "vit.safetensors"
    save_file(random_model("test_vit", 160).state_dict(), path)
    return str(path)


@pytest.fixture(scope="module")
def with_registers(tmp_path_factory):
    """A backbone with 4 register tokens, and the model it was saved from."""
    path = tmp_path_factory.mktemp("weights") / "registers.safetensors"
    model = random_model(REGISTERS, 28, num_classes=0)
    save_file(model.state_dict(), path)
    return build_backbone(REGISTERS, image_size=28, weights=str(path)), model


@cache
def untrained(name, image_size):
    return build_backbone(name, image_size=image_size, weights="random")


def images(n, height, width=None):
    """Normalised images."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, 3, height, width or height, generator=generator)


def bytes_of_images(n, image_size):
    generator = torch.Generator().manual_seed(1)
    shape = (n, 3, image_size, image_size)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


@torch.no_grad()
def test_dense_tokens_lie_as_the_patches_do():
    backbone = build_backbone("test_vit", image_size=(32, 64), weights="random")
    batch = torch.randint(0, 256, (2, 3, 32, 64), dtype=torch.uint8)
    final = backbone.model.forward_features(backbone.normalised(batch))
    dense = backbone.dense(batch)
    assert dense.shape == (2, 2, 4, 64)
    torch.testing.assert_close(dense[:, 1, 2], final[:, backbone.model.num_prefix_tokens + 6])
    torch.testing.assert_close(dense.mean(dim=(1, 2)), backbone.encode(batch).patch_mean)


@torch.no_grad()
def test_tokens_are_those_of_forward_features(with_registers):
    backbone, model = with_registers
    batch = images(3, 28)
    tokens = backbone.tokens(batch)
    final = model.forward_features(batch)  # [B, 1 class + 4 registers + 4 patches, D]
    assert final.shape == (3, 9, 384)
    assert tokens.cls.shape == (3, 4, 384)
    torch.testing.assert_close(tokens.cls[:, -1], final[:, 0])
    torch.testing.assert_close(tokens.patch_mean, final[:, 5:].mean(dim=1))


@torch.no_grad()
def test_each_layer_is_its_block_after_the_final_norm(with_registers):
    backbone, model = with_registers
    outputs = []
    hooks = [
        block.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
        for block in model.blocks[-4:]
    ]
    model.forward_features(images(2, 28))
    for hook in hooks:
        hook.remove()
    expected = torch.stack([model.norm(output)[:, 0] for output in outputs], dim=1)
    torch.testing.assert_close(backbone.tokens(images(2, 28)).cls, expected)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "height", "width", "n_prefix"),
    [
        ("dinov3_vits16", 32, 48, 5),  # rotary position embeddings
        ("clip_vitb32", 64, 32, 1),  # a norm before the blocks
        ("test_vit", 48, 32, 1),
    ],
)
def test_patch_grids_need_not_be_square(name, height, width, n_prefix):
    backbone = build_backbone(name, image_size=(height, width), weights="random")
    assert backbone.spec.image_size == (height, width)
    tokens = backbone.tokens(images(2, height, width))
    final = backbone.model.forward_features(images(2, height, width))
    torch.testing.assert_close(tokens.cls[:, -1], final[:, 0])
    torch.testing.assert_close(tokens.patch_mean, final[:, n_prefix:].mean(dim=1))
    picture = Image.fromarray(np.zeros((50, 90), np.uint8))
    assert backbone.preprocess(picture).shape == (3, height, width)


@torch.no_grad()
def test_attention_pooling_stands_in_for_a_class_token():
    backbone = build_backbone("test_vit3", image_size=(48, 32), weights="random")
    tokens = backbone.tokens(images(2, 48, 32))
    final = backbone.model.forward_features(images(2, 48, 32))  # [B, 1 register + 6 patches, D]
    assert (backbone.spec.n_layers, final.shape) == (1, (2, 7, 96))
    pooled = backbone.model.forward_head(final, pre_logits=True)
    torch.testing.assert_close(tokens.cls, pooled[:, None])
    torch.testing.assert_close(tokens.patch_mean, final[:, 1:].mean(dim=1))


@pytest.mark.slow
@torch.no_grad()
def test_models_that_norm_after_pooling():
    backbone = build_backbone("eva02_tiny_patch14_224", image_size=28, weights="random")
    model = backbone.model
    torch.nn.init.uniform_(model.fc_norm.weight)
    tokens = backbone.tokens(images(2, 28))
    final = model.fc_norm(model.forward_features(images(2, 28)))
    torch.testing.assert_close(tokens.cls[:, -1], final[:, 0])
    torch.testing.assert_close(tokens.patch_mean, final[:, 1:].mean(dim=1))


def test_the_spec(with_registers):
    backbone, _ = with_registers
    spec = backbone.spec
    assert (spec.name, spec.image_size, spec.channels) == ("dinov2_vits14_reg4", 28, 3)
    assert (spec.n_layers, spec.n_features, spec.has_patch_mean) == (4, 384, True)
    assert (spec.crop, spec.interpolation, spec.precision) == ("center 1.0", "bicubic", "float32")
    assert spec.mean == pytest.approx((0.485, 0.456, 0.406))
    assert spec.std == pytest.approx((0.229, 0.224, 0.225))
    assert spec.timm_version == timm.__version__
    assert len(spec.weights_hash) == 64


def test_untrained_features_have_another_name(saved):
    trained = build_backbone("timm/test_vit", image_size=32, weights=saved).spec
    untrained = build_backbone("timm/test_vit", image_size=32, weights="random").spec
    assert (trained.name, untrained.name) == ("test_vit", "test_vit-untrained")
    assert trained.weights_hash != untrained.weights_hash


@pytest.mark.parametrize("size", [(40, 80), (80, 40), (28, 28), (100, 300)])
@pytest.mark.parametrize("name", ["dino_vits16", "test_vit3"])
def test_images_are_normalised_as_timm_does_bit_for_bit(name, size, monkeypatch):
    backbone = untrained(name, 32)
    values = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(values)
    spec = backbone.spec
    transform = create_transform(
        (3, 32, 32),
        interpolation="bicubic",
        mean=spec.mean,
        std=spec.std,
        crop_pct=float(spec.crop.split()[1]),
    )
    seen = []
    monkeypatch.setattr(backbone, "tokens", seen.append)
    picture = backbone.preprocess(image)
    assert picture.dtype == torch.uint8
    backbone.encode(picture[None])
    assert torch.equal(seen[0][0], transform(image))


@pytest.mark.parametrize("size", [(4000, 100), (100, 4000)])
@pytest.mark.parametrize("image_size", [32, (32, 48)])
def test_a_strip_gives_its_middle(size, image_size):
    preprocess = untrained("dino_vits16", image_size).preprocess
    # Stripes that grow wider, so that every place of the strip looks different.
    stripes = np.add.outer(np.arange(size[1]), np.arange(size[0])) ** 2 // 60_000 % 2 * 255
    image = Image.fromarray(stripes.astype(np.uint8)).convert("RGB")
    whole = preprocess.transform(image).int()
    left = preprocess.transform(image.crop((0, 0, size[0] * 3 // 4, size[1] * 3 // 4))).int()
    assert (left - whole).abs().float().mean() > 40
    # The scale of timm's resizing is rounded, to other numbers for another length.
    assert (preprocess(image).int() - whole).abs().float().mean() < 10
    assert (whole - whole.float().mean()).abs().float().mean() > 50


@pytest.mark.parametrize("size", [(2000, 100), (100, 2000)])
def test_no_pixel_changes_up_to_a_ratio_of_twenty(size):
    preprocess = untrained("dino_vits16", 32).preprocess
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(values)
    assert torch.equal(preprocess(image), preprocess.transform(image))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dino_vits16", "siglip_vitb16"])
def test_a_strip_of_one_row_of_pixels(name, tmp_path):
    preprocess = build_backbone(name, image_size=224, weights="random").preprocess
    Image.new("RGB", (65_000, 1), (200, 100, 0)).save(tmp_path / "strip.jpg", quality=100)
    with Image.open(tmp_path / "strip.jpg") as image:
        tensor = preprocess(image)  # timm alone takes minutes and 12 GB
    assert tensor.shape == (3, 224, 224)
    assert tensor.float().mean(dim=(1, 2)).tolist() == pytest.approx([200, 100, 0], abs=3)


def test_the_transform_follows_the_asked_size(with_registers):
    preprocess = with_registers[0].preprocess
    ramp = np.tile(np.arange(80, dtype=np.uint8), (40, 1))  # twice as wide as high
    shades = preprocess(Image.fromarray(ramp))  # grey
    assert shades.shape == (3, 28, 28)
    # The centre of the ramp runs from 20 to 60.
    assert int(shades[1, 14, -1]) - int(shades[1, 14, 0]) == pytest.approx(39, abs=2)


def test_the_preprocessing_is_pickled_without_the_model(with_registers):
    preprocess = with_registers[0].preprocess
    stored = pickle.dumps(preprocess)
    assert len(stored) < 10_000
    image = Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40).astype(np.uint8))
    assert torch.equal(pickle.loads(stored)(image), preprocess(image))


@torch.no_grad()
def test_weights_of_another_size_are_resampled(saved):
    backbone = build_backbone("test_vit", image_size=64, weights=saved)
    model = random_model("test_vit", 160)
    model.set_input_size((64, 64))
    final = model.forward_features(images(2, 64))
    torch.testing.assert_close(backbone.tokens(images(2, 64)).cls[:, -1], final[:, 0])


def test_all_blocks_where_there_are_fewer_than_four():
    model = random_model("test_vit", 32, depth=3, num_classes=0)
    backbone = ViTBackbone(model, name="shallow", image_size=32)
    assert backbone.spec.n_layers == 3
    assert backbone.encode(bytes_of_images(2, 32)).cls.shape == (2, 3, 64)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_gives_nearly_the_same_float32_tokens(saved, precision):
    full = build_backbone("test_vit", image_size=32, weights=saved)
    half = build_backbone("test_vit", image_size=32, weights=saved, precision=precision)
    assert half.spec.weights_hash == full.spec.weights_hash
    assert half.spec.precision == precision
    tokens, expected = (backbone.encode(bytes_of_images(2, 32)) for backbone in (half, full))
    assert tokens.cls.dtype == tokens.patch_mean.dtype == torch.float32
    torch.testing.assert_close(tokens.cls, expected.cls, atol=0.05, rtol=0)
    assert not torch.equal(tokens.cls, expected.cls)


@torch.no_grad()
@pytest.mark.parametrize("name", ["test_vit", "test_vit3"])
def test_half_precision_is_autocast(name):
    full, half = (
        build_backbone(name, image_size=32, weights="random", precision=precision)
        for precision in ("float32", "bfloat16")
    )
    with torch.autocast("cpu", torch.bfloat16):
        expected = full.model.forward_head(full.model.forward_features(images(2, 32)))
    tokens = half.tokens(images(2, 32))
    assert torch.equal(tokens.cls[:, -1], expected.float())


def test_the_hash_does_not_depend_on_the_image_size(saved):
    hashes = {
        build_backbone("test_vit", image_size=size, weights=saved).spec.weights_hash
        for size in (32, 160, (32, 64))
    }
    assert len(hashes) == 1


def test_the_hash_follows_the_weights(saved, tmp_path):
    model = random_model("test_vit", 160)
    save_file(model.state_dict(), tmp_path / "same.safetensors")
    with torch.no_grad():
        model.norm.bias[3] += 1e-3
    save_file(model.state_dict(), tmp_path / "other.safetensors")
    first, same, other = (
        build_backbone("test_vit", image_size=160, weights=str(path)).spec.weights_hash
        for path in (saved, tmp_path / "same.safetensors", tmp_path / "other.safetensors")
    )
    assert first == same != other


def test_the_model_is_frozen(saved):
    backbone = build_backbone("test_vit", image_size=32, weights=saved)
    assert not backbone.model.training
    assert not any(parameter.requires_grad for parameter in backbone.model.parameters())
    assert not backbone.encode(bytes_of_images(1, 32)).cls.requires_grad
