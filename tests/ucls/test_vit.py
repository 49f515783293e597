import pickle

import huggingface_hub.constants
import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from ucls.backbones import build_backbone
from ucls.errors import UclsError, UsageError
from ucls.vit import ViTBackbone

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


def images(n, image_size):
    return torch.randn(n, 3, image_size, image_size, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_tokens_are_those_of_forward_features(with_registers):
    backbone, model = with_registers
    batch = images(3, 28)
    tokens = backbone.encode(batch)
    final = model.forward_features(batch)  # [B, 1 class + 4 registers + 4 patches, D]
    assert final.shape == (3, 9, 384)
    assert tokens.cls.shape == (3, 4, 384)
    torch.testing.assert_close(tokens.cls[:, -1], final[:, 0])
    torch.testing.assert_close(tokens.patch_mean, final[:, 5:].mean(dim=1))


@torch.no_grad()
def test_each_layer_is_its_block_after_the_final_norm(with_registers):
    backbone, model = with_registers
    outputs = []
    for block in model.blocks[-4:]:
        block.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    model.forward_features(images(2, 28))
    expected = torch.stack([model.norm(output)[:, 0] for output in outputs], dim=1)
    torch.testing.assert_close(backbone.encode(images(2, 28)).cls, expected)


def test_the_spec(with_registers):
    backbone, _ = with_registers
    spec = backbone.spec
    assert (spec.name, spec.image_size, spec.channels) == (REGISTERS, 28, 3)
    assert (spec.n_layers, spec.n_features, spec.has_patch_mean) == (4, 384, True)
    assert (spec.crop, spec.interpolation, spec.dtype) == ("center 1.0", "bicubic", "float32")
    assert spec.mean == pytest.approx((0.485, 0.456, 0.406))
    assert spec.std == pytest.approx((0.229, 0.224, 0.225))
    assert spec.timm_version == timm.__version__
    assert len(spec.weights_hash) == 64


def test_the_transform_follows_the_asked_size(with_registers):
    preprocess = with_registers[0].preprocess
    ramp = np.tile(np.arange(80, dtype=np.uint8), (40, 1))  # twice as wide as high
    tensor = preprocess(Image.fromarray(ramp))  # grey
    assert tensor.shape == (3, 28, 28)
    assert tensor.dtype == torch.float32
    shades = 255 * (tensor * torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) + 0.45)
    # The centre of the ramp runs from 20 to 60.
    assert shades[1, 14, 0] - shades[1, 14, -1] == pytest.approx(-39, abs=2)


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
    torch.testing.assert_close(backbone.encode(images(2, 64)).cls[:, -1], final[:, 0])


def test_all_blocks_where_there_are_fewer_than_four():
    model = random_model("test_vit", 32, depth=3, num_classes=0)
    backbone = ViTBackbone(model, name="shallow", image_size=32, device="cpu", dtype="float32")
    assert backbone.spec.n_layers == 3
    assert backbone.encode(images(2, 32)).cls.shape == (2, 3, 64)


def test_half_precision_gives_nearly_the_same_float32_tokens(saved):
    full = build_backbone("test_vit", image_size=32, weights=saved)
    half = build_backbone("test_vit", image_size=32, weights=saved, dtype="bfloat16")
    assert half.spec.weights_hash == full.spec.weights_hash
    assert half.spec.dtype == "bfloat16"
    tokens, expected = half.encode(images(2, 32)), full.encode(images(2, 32))
    assert tokens.cls.dtype == tokens.patch_mean.dtype == torch.float32
    torch.testing.assert_close(tokens.cls, expected.cls, atol=0.1, rtol=0)


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
    assert not backbone.encode(images(1, 32)).cls.requires_grad


def test_missing_and_unexpected_weights_are_named(tmp_path):
    state = random_model("test_vit", 160).state_dict()
    state["blocks.0.extra"] = state.pop("blocks.1.norm1.weight")
    path = tmp_path / "wrong.safetensors"
    save_file(state, path)
    with pytest.raises(UsageError) as caught:
        build_backbone("test_vit", image_size=160, weights=str(path))
    message = str(caught.value)
    assert message.startswith(f"{path} does not hold weights of test_vit")
    assert "Missing" in message
    assert '"blocks.1.norm1.weight"' in message
    assert '"blocks.0.extra"' in message
    assert "\n" not in message


def test_weights_of_another_model(saved):
    with pytest.raises(UsageError, match="does not hold weights of vit_tiny") as caught:
        build_backbone("vit_tiny_patch16_224", image_size=32, weights=saved)
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.safetensors", r"none\.safetensors: there is no such file"),
        ("model.pth", r"expected a \.safetensors file .*it is another kind"),
        ("damaged.safetensors", r"damaged or incomplete"),
        ("empty.safetensors", r"a file without tensors"),
    ],
)
def test_weight_files_that_cannot_be_used(tmp_path, name, message):
    (tmp_path / "model.pth").touch()
    (tmp_path / "damaged.safetensors").write_bytes(b"\x80" * 100)
    save_file({}, tmp_path / "empty.safetensors")
    with pytest.raises(UsageError, match=message):
        build_backbone("test_vit", image_size=32, weights=str(tmp_path / name))


def test_no_weights_and_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UclsError, match="no weights for test_vit: ") as caught:
        build_backbone("test_vit", image_size=32)
    message = str(caught.value)
    for way_out in ("network", "extract.weights=FILE.safetensors", "--backbone pixels"):
        assert way_out in message
    assert caught.value.__cause__ is not None
    assert caught.value.exit_code == 1
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("vit_tiny_patch16_225", "vit_tiny_patch16_224"),
        ("test_vit.r160_in2k", "test_vit.r160_in1k"),
    ],
)
def test_unknown_names_give_close_ones(name, near):
    with pytest.raises(UsageError, match=f"no backbone '{name}'; did you mean .*{near}"):
        build_backbone(name, image_size=32)


@pytest.mark.parametrize(
    "name", ["resnet18", "swin_tiny_patch4_window7_224", "vit_base_patch16_siglip_224"]
)
def test_models_without_class_token_or_patches(name):
    with pytest.raises(UsageError, match=f"{name} is not a ViT with a class token"):
        build_backbone(name, image_size=224)


@pytest.mark.parametrize(("size", "near"), [(224, None), (225, 224), (230, 224), (5, 14)])
def test_the_image_size_is_a_multiple_of_the_patch_size(size, near, monkeypatch):
    monkeypatch.setattr("ucls.vit._load_from_hub", lambda *_: pytest.fail("went on to load"))
    error = pytest.fail.Exception if near is None else UsageError
    with pytest.raises(error, match=f"multiple of 14, such as {near}" if near else "went on"):
        build_backbone(REGISTERS, image_size=size)
