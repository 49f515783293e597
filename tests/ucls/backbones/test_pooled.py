"""Models of timm that are no ViT, against what timm itself computes."""

import pytest
import timm
import torch

from ucls.backbones.build import build_backbone
from ucls.backbones.families import family_of
from ucls.backbones.pooled import is_pooled, pooled_size
from ucls.errors import UsageError

# A small one of each kind, and a size other than its own where it takes any.
MODELS = [
    ("test_resnet", 96, 160),
    ("test_convnext", 100, 160),
    ("test_efficientnet", 96, 160),
    ("test_vit2", 160, 160),
    pytest.param("mobilenetv3_small_050", 64, 224, marks=pytest.mark.slow),
    pytest.param("swin_tiny_patch4_window7_224", 224, 224, marks=pytest.mark.slow),
    pytest.param("hiera_tiny_224", 224, 224, marks=pytest.mark.slow),
    pytest.param("coatnet_nano_rw_224", 224, 224, marks=pytest.mark.slow),
]


def randomised(name):
    """No scale at zero, which would hide a whole branch."""
    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    for key, parameter in model.named_parameters():
        if parameter.ndim == 1 and key.endswith(("weight", "gamma")):
            parameter.data.uniform_(0.5, 1.5)
    return model


@torch.no_grad()
@pytest.mark.parametrize(("name", "size", "default"), MODELS)
def test_the_vector_is_what_the_classifier_sees(name, size, default, tmp_path):
    model = randomised(name)
    state = {f"module.{key}": tensor for key, tensor in model.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "trained.pth")
    family = family_of(name)
    assert (family.name, family.image_size(name)) == ("pooled", default)
    backbone = build_backbone(name, image_size=size, weights=str(tmp_path / "trained.pth"))
    images = torch.randn(2, 3, size, size)
    tokens = backbone.tokens(images)
    expected = model.forward_head(model.forward_features(images), pre_logits=True)
    assert expected.std() > 1e-3
    torch.testing.assert_close(tokens.cls[:, 0], expected, atol=1e-4, rtol=1e-4)
    assert tokens.patch_mean is None
    spec = backbone.spec
    assert (spec.n_layers, spec.n_features, spec.has_patch_mean) == (1, expected.shape[1], False)


def test_who_is_pooled():
    names = ("test_resnet", "resnet18-untrained", "hf:ijepa_64x3_patch8", "test_vit2")
    assert all(map(is_pooled, names))
    names = ("test_vit", "dinov2_vits14", "hf:dinov2_with_registers_64x3_patch8", "no_model")
    assert not any(map(is_pooled, names))
    assert pooled_size("hf:ijepa_64x3_patch8") == 224


def test_random_weights_are_marked():
    backbone = build_backbone("test_resnet", image_size=64, weights="random")
    assert backbone.spec.name == "test_resnet-untrained"
    batch = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    assert backbone.encode(batch).cls.shape == (2, 1, backbone.spec.n_features)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("cait_xxs24_224", 128, r"does not take an image size of 128 \(.*\): .* such as 224"),
        ("test_vit2", 10, "does not take an image size of 10 "),
    ],
)
def test_sizes_that_do_not_fit(name, size, message):
    with pytest.raises(UsageError, match=message):
        build_backbone(name, image_size=size, weights="random")


def test_weights_of_another_model(tmp_path):
    torch.save(timm.create_model("test_convnext").state_dict(), tmp_path / "other.pth")
    with pytest.raises(UsageError, match=r"does not hold weights of test_resnet \(Missing"):
        build_backbone("test_resnet", image_size=64, weights=str(tmp_path / "other.pth"))
