import itertools

import pytest
import torch

from ucls.backbones.wrappers import drop_aside, unwrap

NET = {"cls_token": torch.zeros(1, 1, 4), "blocks.0.norm1.weight": torch.ones(4)}
OTHER = {name: tensor + 100 for name, tensor in NET.items()}
T = torch.zeros(2)


def under(prefix, state=NET):
    return {f"{prefix}.{name}": tensor for name, tensor in state.items()}


def nested(prefix, state=NET):
    for part in reversed(prefix.split(".")):
        state = {part: state}
    return state


def assert_is_net(state):
    assert state.keys() == NET.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in NET.items())


WRAPPERS = (
    "teacher", "student", "model", "module", "backbone", "state_dict", "encoder", "_orig_mod",
    "timm_model", "visual", "trunk", "base_model", "net", "_forward_module", "ema", "featurizer",
)  # fmt: skip


@pytest.mark.parametrize("wrap", [under, nested])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_wrappers_of_any_name_in_any_order(wrap, depth):
    for parts in itertools.permutations(WRAPPERS, depth):
        assert_is_net(unwrap(wrap(".".join(parts)) if parts else NET))
    assert_is_net(unwrap(wrap(".".join(WRAPPERS))))


@pytest.mark.parametrize(
    "inner", ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"]
)
def test_wrappers_of_single_blocks(inner):
    state = {name.replace("blocks.0.", f"blocks.0.{inner}."): value for name, value in NET.items()}
    assert_is_net(unwrap(state))


@pytest.mark.parametrize("wrap", [under, nested])
@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ("teacher", "student"),
        ("teacher.backbone", "student.module.backbone"),
        ("model.teacher", "model.student"),
        ("teacher", "model_ema"),
        ("teacher", "gram_teacher"),
        ("teacher_backbone", "student_backbone"),
        ("target_encoder", "encoder"),
        ("target_encoder.module", "encoder.module"),
        ("ema", "model"),
        ("model_ema", "model"),
        ("state_dict_ema", "state_dict"),
        ("ema_state_dict", "model_state_dict"),
        ("momentum_encoder", "base_encoder"),
        ("encoder_k", "encoder_q"),
        ("backbone_momentum", "backbone"),
        ("visual", "text"),
        ("vision_model", "text_model"),
    ],
)
def test_the_averaged_network_is_taken_whole(taken, left, wrap):
    for parts in ((taken, NET), (left, OTHER)), ((left, OTHER), (taken, NET)):
        state = {}
        for prefix, tensors in parts:
            part = wrap(prefix, tensors)
            top = next(iter(part))
            state[top] = state[top] | part[top] if wrap is nested and top in state else part[top]
            state |= {name: value for name, value in part.items() if name != top}
        assert_is_net(unwrap(state))


@pytest.mark.parametrize(
    "beside",
    [
        {"dino_head.mlp.0.weight": T, "ibot_head.last_layer.weight_g": T},
        {"head.weight": T, "fc.bias": T, "classifier.weight": T},
        {"projection_head.layers.0.weight": T, "projector.0.running_mean": T},
        {"optimizer": {"state": {0: {"exp_avg": T}}}, "epoch": T, "fp16_scaler": {"scale": T}},
        {"optimizer_state_dict": {"state": [T]}, "scaler_state_dict": T, "lr_scheduler": T},
        {"optimizer_states": [{"state": {0: {"step": T}}}], "dino_loss": {"center": T}},
        {"prototypes": T, "queue": T, "rng_state": T, "loss": T, "args": None},
        {"decoder.decoder_pos_embed": T, "decoder.mask_token": T, "decoder.blocks.0.weight": T},
        {"logit_scale": T, "visual_projection.weight": T, "text_projection.weight": T},
    ],
)
def test_what_has_no_part_in_features_is_left_out(beside):
    assert_is_net(unwrap(under("model") | beside))
    assert_is_net(drop_aside(unwrap(NET | beside)))


def test_the_text_tower_of_openai_is_left_out_beside_the_visual_one_alone():
    text = {"positional_embedding": T, "transformer.resblocks.0.ln_1.weight": T, "ln_final.bias": T}
    assert_is_net(unwrap(under("visual") | text))
    with pytest.raises(ValueError, match="beside model there is ln_final, positional_embedding, t"):
        unwrap(under("model") | text)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (under("model") | {"adapter.weight": T}, "beside model there is adapter, of unknown kind"),
        (under("model") | {"norm.weight": T}, "beside model there is norm,"),  # half of the names
        ({"model": NET, "lora": {"A": T}}, "beside model there is lora,"),
        (under("teacher") | under("student") | {"delta": T}, "beside teacher there is delta,"),
        (under("a") | under("b"), "there are several networks: a, b"),
        (under("model") | under("state_dict"), "several networks: model, state_dict"),
        ({"model.norm.bias": T, "model": {"norm.bias": T}}, r"two tensors are named model\.norm"),
        (NET | {"blocks.0._orig_mod.norm1.weight": T}, "two tensors are named blocks"),
    ],
)
def test_what_is_not_known_is_named(state, message):
    with pytest.raises(ValueError, match=message):
        unwrap(state)


@pytest.mark.parametrize("nothing", [{}, {"epoch": 3}, [T], T, None, {"model": {"head.weight": T}}])
def test_no_network(nothing):
    assert drop_aside(unwrap(nothing)) == {}


def test_parts_of_a_network_are_no_wrappers():
    state = {
        "embeddings.cls_token": T, "encoder.layer.0.norm1.weight": T, "layernorm.weight": T,
        "embeddings.position_ids": T,
    }  # fmt: skip
    assert unwrap(state) == state
    assert drop_aside(state).keys() == state.keys() - {"embeddings.position_ids"}
