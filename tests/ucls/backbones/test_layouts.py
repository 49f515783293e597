import re

import pytest
import timm
import torch

from ucls.backbones.build import build_backbone
from ucls.backbones.checkpoints import select_backbone
from ucls.backbones.layouts import fit_to_model, to_timm
from ucls.backbones.timm_backbone import hash_weights
from ucls.errors import UsageError

T = torch.ones(2)
DINOV3_NAMES = (
    (r"^reg_token", "storage_tokens"),
    (r"\.gamma_([12])", r".ls\1.gamma"),
    (r"mlp\.fc1_g\.", "mlp.w1."),
    (r"mlp\.fc1_x\.", "mlp.w2."),
    (r"mlp\.fc2\.", "mlp.w3."),
)


def dinov3_release(model):
    """The tensors of a model as DINOv3 was released, with all that comes beside them."""
    state, is_gated = {}, "blocks.0.mlp.fc1_g.weight" in model.state_dict()
    for name, tensor in model.state_dict().items():
        new = name
        for pattern, replacement in DINOV3_NAMES if is_gated else DINOV3_NAMES[:2]:
            new = re.sub(pattern, replacement, new)
        state[new] = tensor.clone()
        if name.endswith("qkv.weight"):
            third = torch.zeros(len(tensor) // 3)
            state[new.replace("weight", "bias")] = torch.cat([third, third + 7, third])
            state[new.replace("weight", "bias_mask")] = torch.cat([third + 1, third, third + 1])
    periods = model.rope.periods.bfloat16()
    return state | {"rope_embed.periods": periods, "mask_token": torch.zeros(1, 384)}


@pytest.fixture(scope="module")
def dinov3():
    torch.manual_seed(0)
    return timm.create_model("vit_small_patch16_dinov3", num_classes=0).eval()


def build(tmp_path, state, name="dinov3_vits16"):
    torch.save(state, tmp_path / "weights.pth")
    return build_backbone(name, image_size=32, weights=str(tmp_path / "weights.pth"))


@pytest.mark.slow
def test_the_release_of_dinov3(dinov3, tmp_path):
    backbone = build(tmp_path, dinov3_release(dinov3))
    assert backbone.spec.weights_hash == hash_weights(dinov3.state_dict())


def test_the_gates_of_dinov3():
    with torch.device("meta"):
        model = timm.create_model("vit_small_plus_patch16_dinov3", num_classes=0)
        state = dinov3_release(model)
    found, expected = (
        {name: tensor.shape for name, tensor in tensors.items() if ".mlp." in name}
        for tensors in (to_timm(state), model.state_dict())
    )
    assert found == expected != {}
    assert "blocks.0.mlp.w2.bias" in state


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("blocks.3.attn.qkv.bias", 0.1, r"blocks\.3\.attn\.q_bias is not zero, .*_qkvb"),
        ("rope_embed.periods", 0.5, r"rope\.periods is not what this model has"),
        ("rope_embed.inner", 1.0, r"no place for rope\.inner"),
        ("blocks.0.attn.rope", 1.0, r"no place for blocks\.0\.attn\.rope"),
    ],
)
def test_what_timm_would_leave_out_of_dinov3(dinov3, tmp_path, name, value, message):
    state = dinov3_release(dinov3)
    state[name] = state.get(name, T) + value
    with pytest.raises(UsageError, match=message):
        build(tmp_path, state)


@pytest.mark.slow
def test_biases_that_are_not_zero_have_a_model_of_their_own(dinov3, tmp_path):
    state = dinov3_release(dinov3)
    state["blocks.0.attn.qkv.bias"] = torch.arange(1152.0)
    model = build(tmp_path, state, "vit_small_patch16_dinov3_qkvb").model
    assert torch.equal(model.blocks[0].attn.q_bias, torch.arange(384.0))
    assert torch.equal(model.blocks[0].attn.v_bias, torch.arange(768.0, 1152.0))


def test_every_tensor_changes_the_hash_but_those_that_say_nothing(dinov3):
    names = dinov3.state_dict().keys()
    state = {n: t for n, t in dinov3_release(dinov3).items() if not re.match(r"blocks\.[1-9]", n)}
    whole = hash_weights(fit_to_model(select_backbone(state), names))
    same = set()
    for name, tensor in state.items():
        changed = select_backbone(state | {name: tensor + 0.25})
        if re.search(r"blocks.*bias(_mask)?$", name) and "qkv" in name:
            with pytest.raises(ValueError, match="is not zero"):
                fit_to_model(changed, names)
        elif hash_weights(fit_to_model(changed, names)) == whole:
            same.add(name)
    assert same == {"mask_token"}


@pytest.mark.parametrize(
    "state",
    [
        {"cls_token": T, "embeddings.cls_token": T},
        {"blocks.0.norm1.bias": T, "encoder.layer.0.layernorm_before.bias": T},
        {"blocks.0.0.norm1.bias": T, "blocks.1.0.norm1.bias": T},
        {"blocks.0.attn.qkv.bias": T, "encoder.layer.0.attention.attention.value.bias": T},
        {"attn_pool.q.weight": T, "attn_pool.in_proj_weight": T},
        {"reg_token": T, "register_tokens": T},
    ],
)
def test_two_layouts_in_one_file(state):
    with pytest.raises(ValueError, match="there are two of"):
        to_timm(state)


def test_the_names_of_a_model_stay():
    for name in ("test_vit3", "eva02_tiny_patch14_224", "vit_small_patch16_dinov3_qkvb"):
        with torch.device("meta"):
            state = timm.create_model(name, num_classes=0).state_dict()
        assert fit_to_model(to_timm(state), state).keys() == state.keys()
