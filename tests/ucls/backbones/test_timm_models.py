import pytest

from ucls.backbones import names
from ucls.backbones.build import build_backbone
from ucls.backbones.timm_models import Blueprint, blueprint_of, build_skeleton, is_known, is_vit
from ucls.errors import UsageError

AS_DINOV2_SMALL = {
    "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "mlp_ratio": 4,
    "image_size": 28, "patch_size": 14,
}  # fmt: skip


def test_names_that_timm_knows():
    for name in ("test_vit", "test_vit.r160_in1k", "resnet18"):
        assert is_known(name)
    for name in ("test_vit.none", "resnet", "pixels"):
        assert not is_known(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("test_vit", True), ("vit_base_patch16_siglip_224", True), ("test_vit2", False),
     ("test_resnet", False), ("swin_tiny_patch4_window7_224", False)],
)  # fmt: skip
def test_which_are_vits(name, expected):
    assert is_vit(build_skeleton(Blueprint(name, name))) is expected


@pytest.fixture
def dinov2_small(hub_model, tmp_path):
    hub_model("Dinov2", **AS_DINOV2_SMALL).save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_folder_of_the_backbone_is_taken_as_a_file_would_be(dinov2_small):
    name = names.canonical_name("facebook/dinov2-small")
    folder, file = (
        build_backbone(name, image_size=28, weights=str(path)).spec
        for path in (dinov2_small, dinov2_small / "model.safetensors")
    )
    assert folder == file
    assert folder.name == "dinov2_vits14"
    assert blueprint_of(name, str(dinov2_small)).position_offset == 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["dinov2_vitb14", "dinov2_vits14_reg4", "dino_vits16", "resnet18", "hf:vit_384x12_patch14"],
)
def test_a_folder_of_another_backbone_is_one_clear_error(name, dinov2_small):
    with pytest.raises(UsageError) as caught:
        build_backbone(name, image_size=224, weights=str(dinov2_small))
    assert str(caught.value) == (
        f"{dinov2_small} holds dinov2_384x12_patch14, which is not {name}: leave the backbone out "
        "to take what the folder holds, or give the folder of this backbone"
    )


@pytest.mark.slow
def test_other_heads_contradict_too(hub_model, tmp_path):
    hub_model("Dinov2", **AS_DINOV2_SMALL | {"num_attention_heads": 12}).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="which is not dinov2_vits14"):
        blueprint_of("dinov2_vits14", str(tmp_path))


@pytest.mark.slow
def test_what_the_folder_does_otherwise_shows_in_the_hash(hub_model, tmp_path):
    hub_model("Dinov2", **AS_DINOV2_SMALL, hidden_act="gelu_new").save_pretrained(tmp_path)
    folder, file = (
        build_backbone("dinov2_vits14", image_size=28, weights=str(path)).spec.weights_hash
        for path in (tmp_path, tmp_path / "model.safetensors")
    )
    assert folder != file
