"""timm ViTs with their weights: from the hub, from a file, or random."""

import difflib
import inspect
import textwrap
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ucls.backbones.checkpoints import read_weights
from ucls.backbones.layouts import fit_to_model
from ucls.backbones.names import BACKBONES, RANDOM_WEIGHTS
from ucls.backbones.position_embeddings import resample_position_embedding, trained_grid
from ucls.errors import UclsError, UsageError

_HUB_TIMEOUT = 10.0  # seconds
_SEED = 0


def load_vit(name: str, *, weights: str | None = None, size: tuple[int, int] | None = None) -> Any:
    """Builds a timm ViT for the image size that its weights were trained with.

    Args:
        name: a canonical name, see :func:`ucls.backbones.names.canonical_name`.
        weights: a file for :func:`ucls.backbones.checkpoints.read_weights`; ``random`` for
            untrained ones, the same every time; None for those of the hub, from its cache or
            downloaded.
        size: height and width that are asked for, in pixels: tells the shape of position
            embeddings that are for a grid of patches which is not square.

    Raises:
        UsageError: if the weights do not fit the model.
        UclsError: if there are no weights to be had.
    """
    if weights == RANDOM_WEIGHTS:
        return _build_random(timm_name(name))
    if weights is not None:
        return _load_from_file(name, Path(weights).expanduser(), size)
    if name in BACKBONES and not BACKBONES[name].is_hosted:
        raise UsageError(
            f"no hub has weights of {name}: get the checkpoint of the original release and pass "
            f"--weights FILE, or try --weights {RANDOM_WEIGHTS}"
        )
    return _load_from_hub(name)


def check_vit(name: str, size: tuple[int, int]) -> None:
    """Finds mistakes before any download, on a model without memory for its weights.

    Args:
        name: a canonical name.
        size: height and width of the images, in pixels.

    Raises:
        UsageError: if there is no such model, it is no ViT, or its patches do not fill the size.
    """
    model = _build_skeleton(name)
    if not _is_supported(model):
        raise UsageError(
            f"backbone {name} is not a ViT with a class token or attention pooling: take one, "
            "such as dinov2_vits14_reg4"
        )
    patch: tuple[int, int] = model.patch_embed.patch_size
    if any(length % side for length, side in zip(size, patch, strict=True)):
        fit = [max(round(n / side), 1) * side for n, side in zip(size, patch, strict=True)]
        raise UsageError(
            f"backbone {name} cuts images into patches of {patch[0]} pixels, which do not fill an "
            f"image size of {_show(*size)}: take a multiple of {patch[0]}, such as {_show(*fit)}"
        )


def fit_to_size(model: Any, size: tuple[int, int], *, position_offset: float | None) -> None:
    """Sets the image size of a model, in place, and resamples its position embeddings.

    Args:
        model: a timm ViT.
        size: height and width in pixels, multiples of the patch size.
        position_offset: how to resample, see :class:`ucls.backbones.names.BackboneInfo`.
    """
    native, trained = getattr(model, "pos_embed", None), model.patch_embed.grid_size
    model.set_input_size(size)
    if native is not None and position_offset is not None:
        resampled = resample_position_embedding(
            native.detach(), model.patch_embed.grid_size, offset=position_offset, trained=trained
        )
        model.pos_embed = nn.Parameter(resampled)


def timm_name(name: str) -> str:
    """Returns what timm calls a backbone of a canonical name."""
    return BACKBONES[name].timm_name if name in BACKBONES else name


def _show(height: int, width: int) -> str:
    return str(height) if height == width else f"{height}x{width}"


def _build_skeleton(name: str) -> Any:
    import timm

    if not timm.is_model(timm_name(name)):
        raise _unknown_name(name)
    try:
        with torch.device("meta"):
            return timm.create_model(timm_name(name), pretrained=False, num_classes=0)
    except RuntimeError as error:
        if "Invalid pretrained tag" not in str(error):
            raise
        raise _unknown_name(name) from error


def _is_supported(model: Any) -> bool:
    forward = getattr(model, "forward_intermediates", None)
    if forward is None or "return_prefix_tokens" not in inspect.signature(forward).parameters:
        return False
    tokens = (getattr(model, "cls_token", None), getattr(model, "attn_pool", None))
    return hasattr(model, "set_input_size") and tokens != (None, None)


def _unknown_name(name: str) -> UsageError:
    import timm

    names = ["pixels", *BACKBONES, *timm.list_models(), *timm.list_pretrained()]
    known = {name.lower(): name for name in names}
    near = [known[key] for key in difflib.get_close_matches(name.lower(), known, n=3)]
    hint = f"did you mean {', '.join(near)}?" if near else "see `ucls backbones`"
    return UsageError(f"there is no backbone {name!r}, nor does timm know it; {hint}")


def _build_random(architecture: str) -> Any:
    import timm

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_SEED)
        model = timm.create_model(architecture, pretrained=False, num_classes=0)
    for name, parameter in model.named_parameters():
        if "gamma" in name:
            # Layer scales start near zero, where class tokens hardly depend on the image.
            nn.init.ones_(parameter)
    return model


def _load_from_hub(name: str) -> Any:
    try:
        path = _find_in_hub(timm_name(name))
    except Exception as error:
        raise UclsError(
            f"no weights for {name}: they are not in the cache of the Hugging Face hub and cannot "
            f"be downloaded ({type(error).__name__}); run once where there is a network, pass "
            f"--weights FILE, try it with --weights {RANDOM_WEIGHTS}, or use --backbone pixels"
        ) from error
    return _load_from_file(name, Path(path))


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


def _load_from_file(name: str, path: Path, size: tuple[int, int] | None = None) -> Any:
    import timm

    state = read_weights(path)
    try:
        skeleton = _build_skeleton(name)
        state = fit_to_model(state, skeleton.state_dict().keys())
        _check_shapes(state, skeleton.state_dict())
        # Told that the weights have no classifier, timm loads them strictly.
        overlay = {"state_dict": state, "num_classes": 0, "classifier": None}
        model: Any = timm.create_model(
            timm_name(name),
            pretrained=True,
            pretrained_cfg_overlay=overlay,
            num_classes=0,
            **_trained_size(state, skeleton, size),
        )
        _check_all_loaded(state, model)
    except Exception as error:
        lines = str(error).splitlines()
        details = "; ".join(textwrap.shorten(line, 150) for line in lines[1:4] or lines)
        raise UsageError(
            f"{path} does not hold weights of {name} ({details}): give the file that belongs to "
            "this backbone"
        ) from error
    model.pretrained_cfg.pop("state_dict")  # a second copy of all weights
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
        ("pixels per side of a patch", _show(*found[-2:]), _show(*own[-2:])),
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
    embedding = state.get("pos_embed")
    if embedding is None or embedding.ndim != 3 or model.pos_embed is None:
        return {}
    n_prefix = 0 if getattr(model, "no_embed_class", False) else model.num_prefix_tokens
    n_patches = embedding.shape[1] - n_prefix
    grid = trained_grid(n_patches, usual=model.patch_embed.grid_size, asked=size or (1, 1))
    patch = model.patch_embed.patch_size
    return {"img_size": (grid[0] * patch[0], grid[1] * patch[1])}


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
