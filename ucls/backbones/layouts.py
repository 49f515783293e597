"""Tensors under timm's names, whichever library saved them.

timm's own loading converts some layouts too, but leaves out without a word what its model has no
place for; under the names of the model itself, tensors are loaded strictly.
"""

import re
from collections.abc import Container

import torch
from torch import Tensor

_Tensors = dict[str, Tensor]

# From the names in DINOv2, DINOv3, transformers, OpenAI's CLIP and OpenCLIP, one after the other.
_RENAMES = [
    (re.compile(pattern), name)
    for pattern, name in (
        # DINOv2 trains with its blocks in chunks, and numbers them through.
        (r"^blocks\.\d+\.(?=\d+\.)", "blocks."),
        (r"^(?:(?:(?:encoder|model)\.)?layers?|transformer\.resblocks)\.(?=\d)", "blocks."),
        (r"^embeddings\.", ""),
        (r"^class_embedding$", "cls_token"),
        (r"^(?:position_embeddings|position_embedding\.weight|positional_embedding)$", "pos_embed"),
        (r"^storage_tokens$", "register_tokens"),
        (r"^rope_embed\.", "rope."),
        (r"^(?:patch_embeddings?(?:\.projection)?|conv1)\.", "patch_embed.proj."),
        (r"^(?:pre_layrnorm|ln_pre)\.", "norm_pre."),
        (r"^(?:layernorm|post_layernorm|ln_post)\.", "norm."),
        (r"\.(?:layernorm_before|layer_norm1|ln_1)\.", ".norm1."),
        (r"\.(?:layernorm_after|layer_norm2|ln_2)\.", ".norm2."),
        (r"\.(?:layer_scale|ls_)([12])\.(?:lambda1|gamma)$", r".ls\1.gamma"),
        (
            r"\.(?:attention|self_attn)\.(?:attention\.)?([qkv])(?:uery|ey|alue|_proj)\.",
            r".attn.\1.",
        ),
        (r"\.attention\.(?:o_proj|output\.dense)\.|\.(?:self_)?attn\.out_proj\.", ".attn.proj."),
        (r"\.(?:intermediate\.dense|mlp\.(?:c_fc|w12|weights_in))\.", ".mlp.fc1."),
        (r"\.(?:output\.dense|mlp\.(?:c_proj|w3|weights_out|down_proj))\.", ".mlp.fc2."),
        (r"\.mlp\.(?:w1|gate_proj)\.", ".mlp.fc1_g."),
        (r"\.mlp\.(?:w2|up_proj)\.", ".mlp.fc1_x."),
        # The attention pooling of SigLIP and of the Perception Encoder.
        (r"^(?:head|attn_pool)\.probe$", "attn_pool.latent"),
        (r"^(?:head\.attention|attn_pool\.attn)\.(?:out_(?=proj))?", "attn_pool."),
        (r"^(?:head|attn_pool)\.layernorm\.", "attn_pool.norm."),
        (r"^head\.mlp\.(?=fc\d)", "attn_pool.mlp."),
        (r"\.in_proj_", ".qkv."),
    )
]


def to_timm(state: _Tensors) -> _Tensors:
    """Gives the tensors of a vision transformer the names that timm has for them.

    Args:
        state: in the layout of timm, DINOv2, DINOv3, transformers, CLIP or OpenCLIP.

    Returns:
        The same, with queries, keys and values joined; what has none of these names as it is.

    Raises:
        ValueError: if two tensors would get the same name.
    """
    renamed: _Tensors = {}
    for name, tensor in state.items():
        new = name
        for pattern, replacement in _RENAMES:
            new = pattern.sub(replacement, new)
        _put(renamed, new, tensor)
    _join_attention(renamed)
    _split_pooling(renamed)
    _shape_tokens(renamed)
    return renamed


def fit_to_model(state: _Tensors, names: Container[str]) -> _Tensors:
    """Chooses between the names that timm has for the same tensors in different models.

    Args:
        state: from :func:`to_timm`.
        names: those that the model has for its tensors.

    Returns:
        The tensors by the model's names; what it has no place for under its own.

    Raises:
        ValueError: if the state has biases of queries, keys or values that are not zero, and the
            model has none.
    """
    state = dict(state)
    if "blocks.0.mlp.fc1.weight" in names:
        _join(state, ".mlp.fc1_g.", ".mlp.fc1_x.", into=".mlp.fc1.")
    for name in [name for name in state if name not in names]:
        scale = re.sub(r"\.ls([12])\.gamma$", r".gamma_\1", name)
        if scale in names:
            _put(state, scale, state.pop(name))
        elif name.endswith(".attn.qkv.bias"):
            _split_bias(state, name, names)
        elif name.endswith((".attn.q_bias", ".attn.v_bias")):
            _drop_zeros(state, name)
    return state


def _put(state: _Tensors, name: str, tensor: Tensor) -> None:
    if name in state:
        raise ValueError(f"there are two of {name}, in two layouts")
    state[name] = tensor


def _join(state: _Tensors, *parts: str, into: str) -> None:
    """Joins what is there of the parts, where the last one is."""
    for name in [name for name in state if parts[-1] in name]:
        found = [other for part in parts if (other := name.replace(parts[-1], part)) in state]
        _put(state, name.replace(parts[-1], into), torch.cat([state.pop(o) for o in found]))


def _join_attention(state: _Tensors) -> None:
    for name in [name for name in state if name.endswith(".attn.v.bias")]:
        for part in (".attn.q.", ".attn.k."):  # DINOv3's keys have no bias
            state.setdefault(name.replace(".attn.v.", part), torch.zeros_like(state[name]))
    _join(state, ".attn.q.", ".attn.k.", ".attn.v.", into=".attn.qkv.")
    for name in [name for name in state if f"{name}_mask" in state and name.endswith("qkv.bias")]:
        # DINOv3 multiplies the two in every forward pass.
        state[name] = state[name] * state.pop(f"{name}_mask")


def _split_pooling(state: _Tensors) -> None:
    for kind in ("weight", "bias"):
        if (joint := state.pop(f"attn_pool.qkv.{kind}", None)) is not None:
            query, *rest = joint.chunk(3)
            _put(state, f"attn_pool.q.{kind}", query)
            _put(state, f"attn_pool.kv.{kind}", torch.cat(rest))


def _shape_tokens(state: _Tensors) -> None:
    for name in state.keys() & {"cls_token", "pos_embed"}:
        if state[name].ndim < 3:
            state[name] = state[name].reshape(1, -1, state[name].shape[-1])
    if "register_tokens" in state:
        _put(state, "reg_token", state.pop("register_tokens"))
        if {"cls_token", "pos_embed"} <= state.keys():
            # DINOv2's class token has a position, timm's has it added.
            state["cls_token"] = state["cls_token"] + state["pos_embed"][:, :1]
            state["pos_embed"] = state["pos_embed"][:, 1:]


def _split_bias(state: _Tensors, name: str, names: Container[str]) -> None:
    """Leaves out the parts of a bias that the model has no place for, which must be zero."""
    for part, bias in zip("qkv", state.pop(name).chunk(3), strict=True):
        own = name.replace("qkv.bias", f"{part}_bias")
        _put(state, own, bias)
        if own not in names:
            _drop_zeros(state, own)


def _drop_zeros(state: _Tensors, name: str) -> None:
    if state.pop(name).any():
        raise ValueError(
            f"{name} is not zero, and this model has no such bias; of DINOv3, timm's models with "
            "_qkvb in their names have it"
        )
