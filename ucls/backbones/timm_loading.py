"""timm ViTs with their weights: from the hub, from a file, or random."""

import textwrap
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ucls.backbones.checkpoints import read_checkpoint, read_weights
from ucls.backbones.layouts import fit_to_model
from ucls.backbones.names import BACKBONES, RANDOM_WEIGHTS
from ucls.backbones.networks import find_network
from ucls.backbones.position_embeddings import resample_position_embedding, trained_grid
from ucls.backbones.timm_models import Blueprint, build_random, build_skeleton, is_vit
from ucls.errors import UclsError, UsageError

_HUB_TIMEOUT = 10.0  # seconds


def load_model(
    blueprint: Blueprint, *, weights: str | None = None, size: tuple[int, int] | None = None
) -> Any:
    """Builds a timm model for the image size that its weights were trained with.

    Args:
        blueprint: from :func:`ucls.backbones.timm_models.blueprint_of`, told of the weights.
        weights: what :func:`ucls.backbones.checkpoints.read_weights` takes; ``random`` for
            untrained ones, the same every time; None for those of the hub, from its cache or
            downloaded.
        size: height and width that are asked for, in pixels: tells the shape of position
            embeddings that are for a grid of patches which is not square.

    Raises:
        UsageError: if the weights do not fit the model.
        UclsError: if there are no weights to be had.
    """
    name = blueprint.name
    if weights == RANDOM_WEIGHTS:
        return build_random(blueprint)
    if weights is not None:
        return _load_from_file(blueprint, Path(weights).expanduser(), size)
    if name in BACKBONES and not BACKBONES[name].is_hosted:
        raise UsageError(
            f"no hub has weights of {name}: get the checkpoint of the original release and pass "
            f"--weights FILE, or try --weights {RANDOM_WEIGHTS}"
        )
    return _load_from_hub(blueprint)


def check_patches(blueprint: Blueprint, size: tuple[int, int]) -> None:
    """Finds mistakes before any download, on a model without memory for its weights.

    Args:
        blueprint: of a ViT.
        size: height and width of the images, in pixels.

    Raises:
        UsageError: if there is no such model, or its patches do not fill the size.
    """
    patch = _patch_of(build_skeleton(blueprint))
    if any(length % side for length, side in zip(size, patch, strict=True)):
        fit = [max(round(n / side), 1) * side for n, side in zip(size, patch, strict=True)]
        raise UsageError(
            f"backbone {blueprint.name} cuts images into patches of {patch[0]} pixels, which do "
            f"not fill an image size of {show_size(*size)}: take a multiple of {patch[0]}, such as "
            f"{show_size(*fit)}"
        )


class NoWeightsError(UclsError):
    """The weights of a backbone are not here, and cannot be downloaded."""

    def __init__(self, why: str, *, otherwise: str) -> None:
        super().__init__(
            f"{why}; run once where there is a network, pass --weights FILE, try it with --weights "
            f"{RANDOM_WEIGHTS}, or {otherwise}"
        )
        self.why = why


def fit_to_size(model: Any, size: tuple[int, int], *, position_offset: float | None) -> None:
    """Sets the image size of a model, in place, and resamples its position embeddings.

    Args:
        model: a timm model; one that takes images of any size stays as it is.
        size: height and width in pixels, for a ViT multiples of the patch size.
        position_offset: how to resample, see :class:`ucls.backbones.names.BackboneInfo`.
    """
    if not hasattr(model, "set_input_size"):
        return
    if position_offset is None or getattr(model, "pos_embed", None) is None:
        model.set_input_size(size)
    else:
        native, trained = model.pos_embed, model.patch_embed.grid_size
        model.set_input_size(size)
        resampled = resample_position_embedding(
            native.detach(), model.patch_embed.grid_size, offset=position_offset, trained=trained
        )
        model.pos_embed = nn.Parameter(resampled)


def show_size(height: int, width: int) -> str:
    """Writes one side of a square, or height and width."""
    return str(height) if height == width else f"{height}x{width}"


def _load_from_hub(blueprint: Blueprint) -> Any:
    name = blueprint.name
    try:
        path = _find_in_hub(blueprint.timm_name)
    except Exception as error:
        raise NoWeightsError(
            f"no weights for {name}: they are not in the cache of the Hugging Face hub and cannot "
            f"be downloaded ({type(error).__name__})",
            otherwise="use --backbone pixels",
        ) from error
    return _load_from_file(blueprint, Path(path))


def _find_in_hub(architecture: str) -> str:
    """Returns the path of the weights in the cache of the hub, downloaded if need be."""
    import timm
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import LocalEntryNotFoundError

    config: Any = timm.get_pretrained_cfg(architecture)
    repository, file = config.hf_hub_id, config.hf_hub_filename or "model.safetensors"
    try:
        return str(hf_hub_download(repository, file, local_files_only=True))
    except LocalEntryNotFoundError:
        # Without a network this fails at once, where a download tries again for a minute.
        get_hf_file_metadata(hf_hub_url(repository, file), timeout=_HUB_TIMEOUT)
        return str(hf_hub_download(repository, file))


def _load_from_file(blueprint: Blueprint, path: Path, size: tuple[int, int] | None = None) -> Any:
    import timm
    from timm.models.vision_transformer import VisionTransformer

    skeleton = build_skeleton(blueprint)
    names = skeleton.state_dict().keys()
    is_transformer = isinstance(skeleton, VisionTransformer) or is_vit(skeleton)
    state = read_weights(path) if is_transformer else read_checkpoint(path)
    try:
        state = fit_to_model(state, names) if is_transformer else find_network(state, names)
        _check_shapes(state, skeleton.state_dict())
        has_grid = hasattr(getattr(skeleton, "patch_embed", None), "grid_size")
        trained_size = _trained_size(state, skeleton, size) if has_grid else {}
        # Told that the weights have no classifier, timm loads them strictly.
        overlay = {"state_dict": state, "num_classes": 0, "classifier": None}
        model: Any = timm.create_model(
            blueprint.timm_name,
            pretrained=True,
            pretrained_cfg_overlay=overlay,
            num_classes=0,
            **(blueprint.options | trained_size),
        )
        _check_all_loaded(state, model)
    except Exception as error:
        lines = str(error).splitlines()
        details = "; ".join(textwrap.shorten(line, 150) for line in lines[1:4] or lines)
        raise UsageError(
            f"{path} does not hold weights of {blueprint.name} ({details}): give the "
            "file that belongs to this backbone"
        ) from error
    model.pretrained_cfg.pop("state_dict")  # a second copy of all weights
    model.pretrained_cfg |= blueprint.data
    return model


def _check_shapes(state: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """With one of these wrong, timm fails while resampling, or resamples without a word."""
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise ValueError(f"{name} holds {kind}, not floating point numbers")
    projections = (weights.get("patch_embed.proj.weight") for weights in (state, expected))
    found, own = (None if weight is None else tuple(weight.shape) for weight in projections)
    if found is None or own is None:
        return
    for what, value, right in (
        ("dimensions of the weights of a patch", len(found), len(own)),
        ("pixels per side of a patch", show_size(*found[-2:]), show_size(*own[-2:])),
        ("numbers per token", found[0], own[0]),
        ("class tokens", _count(state, "cls_token"), _count(expected, "cls_token")),
        ("register tokens", _count(state, "reg_token"), _count(expected, "reg_token")),
    ):
        if value != right:
            raise ValueError(f"{value} {what}, not {right}")


def _count(state: dict[str, Tensor], tokens: str) -> int:
    return state[tokens].shape[1] if tokens in state else 0


def _trained_size(
    state: dict[str, Tensor], model: Any, size: tuple[int, int] | None
) -> dict[str, Any]:
    """Tells the image size that the position embeddings are for, which may differ from timm's."""
    embedding, own = state.get("pos_embed"), getattr(model, "pos_embed", None)
    if embedding is None or own is None or embedding.ndim != 3:
        return {}
    usual: tuple[int, int] = model.patch_embed.grid_size
    n_prefix = own.shape[1] - usual[0] * usual[1]
    grid = trained_grid(embedding.shape[1] - n_prefix, usual=usual, asked=size or (1, 1))
    patch = _patch_of(model)
    return {} if grid == usual else {"img_size": (grid[0] * patch[0], grid[1] * patch[1])}


def _patch_of(model: Any) -> tuple[int, int]:
    """Height and width in pixels of what becomes a token; a hybrid cuts feature maps instead."""
    patch: tuple[int, int] = model.patch_embed.feat_ratio(as_scalar=False)
    return patch


def _check_all_loaded(state: dict[str, Tensor], model: Any) -> None:
    """Strict loading says nothing of what timm has left out before it."""
    buffers = dict(model.named_buffers())
    for name in state.keys() & buffers.keys():
        # DINOv3 was released with its wavelengths rounded to bfloat16.
        if not torch.allclose(state[name].float(), buffers[name], rtol=1e-2, atol=0):
            raise ValueError(f"{name} is not what this model has")
    given = {name: tensor for name, tensor in state.items() if name not in buffers}
    held = dict(model.named_parameters())
    if sum(map(torch.numel, given.values())) != sum(map(torch.numel, held.values())):
        unused = ", ".join(sorted(given.keys() - held.keys())) or "some of its tensors"
        raise ValueError(f"this model has no place for {unused}")
