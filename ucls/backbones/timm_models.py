"""Which timm model a backbone is, and how it is built."""

import difflib
import inspect
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import nn

from ucls.backbones.hub_folder import PREFIX, HubFolder, is_hub_folder, read_hub_folder
from ucls.backbones.names import BACKBONES, RANDOM_WEIGHTS
from ucls.backbones.timm_folder import TimmFolder, cannot_be_built
from ucls.errors import UclsError, UsageError

_SEED = 0
_PLACES = {"device", "dtype"}
"""Arguments of models that say nothing of what they are."""
_BIASES = ("q_bias", "k_bias", "v_bias")


@dataclass(frozen=True)
class Blueprint:
    """How a backbone is built.

    Attributes:
        name: canonical.
        timm_name: of the model.
        options: of the model, where they are not those of its name.
        data: the same of its preprocessing.
        position_offset: see :class:`ucls.backbones.names.BackboneInfo`.
        variant: what tells it from another model of the same weights; empty if its name does.
    """

    name: str
    timm_name: str
    options: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    position_offset: float | None = None
    variant: str = ""


def blueprint_of(name: str, weights: str | None = None) -> Blueprint:
    """Tells how a backbone is built.

    Args:
        name: canonical.
        weights: where they are; a folder of the Hugging Face hub says more than a name.

    Raises:
        UsageError: if there is no such model, or the folder holds another one.
    """
    if weights not in (None, RANDOM_WEIGHTS) and is_hub_folder(weights):
        return _told_by(read_hub_folder(weights), name)
    if name.startswith(PREFIX):
        raise UsageError(
            f"backbone {name} is known by its folder alone, got weights {weights}: pass the "
            "folder with its config.json as --weights FOLDER"
        )
    return Blueprint(name, timm_name(name), position_offset=_offset_of(name))


def _offset_of(name: str) -> float | None:
    return BACKBONES[name].position_offset if name in BACKBONES else None


def timm_name(name: str) -> str:
    """Returns what timm calls a backbone of a canonical name."""
    return BACKBONES[name].timm_name if name in BACKBONES else name


def is_known(timm_name: str) -> bool:
    """Whether timm has such a model, and with this tag if there is one in the name."""
    import timm

    if not timm.is_model(timm_name):
        return False
    try:
        return timm.get_pretrained_cfg(timm_name) is not None
    except RuntimeError:  # no such tag
        return False


def build_skeleton(blueprint: Blueprint) -> Any:
    """Builds a model without memory for its weights.

    Raises:
        UsageError: if timm has none of that name.
    """
    import timm

    if not is_known(blueprint.timm_name):
        raise _unknown_name(blueprint.name)
    with torch.device("meta"):
        return timm.create_model(
            blueprint.timm_name, pretrained=False, num_classes=0, **blueprint.options
        )


def is_vit(model: Any) -> bool:
    """Whether a model gives the tokens of its blocks, and has a class token or pools by one."""
    forward = getattr(model, "forward_intermediates", None)
    if forward is None or "return_prefix_tokens" not in inspect.signature(forward).parameters:
        return False
    tokens = (getattr(model, "cls_token", None), getattr(model, "attn_pool", None))
    return hasattr(model, "set_input_size") and tokens != (None, None)


def build_random(blueprint: Blueprint) -> Any:
    """Builds a model with random weights, the same every time."""
    import timm

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_SEED)
        model = timm.create_model(blueprint.timm_name, pretrained=False, num_classes=0)
    for name, parameter in model.named_parameters():
        if "gamma" in name:
            # Layer scales start near zero, where class tokens hardly depend on the image.
            nn.init.ones_(parameter)
    return model


@cache
def _plain_skeleton(name: str) -> Any:
    return build_skeleton(Blueprint(name, timm_name(name)))


def _told_by(folder: HubFolder | TimmFolder, name: str) -> Blueprint:
    try:
        if isinstance(folder, TimmFolder):
            told = _told_by_timm(name, folder)
        else:
            told = _told_by_folder(name, folder)
        build_skeleton(told)
    except UclsError:
        raise
    except Exception as error:  # whatever a model of timm makes of values that it cannot take
        raise cannot_be_built(folder.path, error) from error
    return told


def _told_by_timm(name: str, folder: TimmFolder) -> Blueprint:
    if timm_name(name).partition(".")[0] != folder.architecture:
        raise _contradiction(name, folder)
    own_arguments = inspect.signature(type(_plain_skeleton(name))).parameters.keys() - _PLACES
    # timm would take others as its own, and read any file, or fetch weights.
    if foreign := sorted(folder.options.keys() - own_arguments):
        raise cannot_be_built(
            folder.path, f"{', '.join(foreign)} is no argument of {folder.architecture}"
        )
    own = sorted(folder.own_options.items())
    return Blueprint(
        name,
        timm_name(name),
        options=dict(folder.options),
        data=dict(folder.data),
        position_offset=_offset_of(name),
        variant=repr(own) if own else "",
    )


def _told_by_folder(name: str, folder: HubFolder) -> Blueprint:
    own, options = folder.architecture, folder.options()
    is_own = name.startswith(PREFIX)
    if not is_own:  # timm has names for models with such biases and for those without
        options.pop("qkv_bias", None)
    told = Blueprint(
        name,
        own.timm_name if is_own else timm_name(name),
        options=options,
        data=folder.data_config(),
        position_offset=own.position_offset,
        variant=repr(sorted((key, repr(value)) for key, value in options.items())),
    )
    if is_own:
        if name != folder.name:
            raise _contradiction(name, folder)
        return told
    plain = _plain_skeleton(name)
    described = build_skeleton(Blueprint(folder.name, own.timm_name, options))
    if _shape(plain) != _shape(described):
        raise _contradiction(name, folder)
    known = blueprint_of(name)
    is_plain = repr(plain) == repr(build_skeleton(told))
    return Blueprint(
        name,
        told.timm_name,
        options=options,
        data=told.data,
        position_offset=known.position_offset,
        variant="" if is_plain else told.variant,
    )


def _shape(model: Any) -> tuple[type, int | None, dict[str, torch.Size]]:
    """What of a model does not depend on the size of images."""
    blocks = getattr(model, "blocks", None)
    attention = getattr(blocks[0], "attn", None) if isinstance(blocks, nn.Sequential) else None
    shapes = {
        name: tensor.shape
        for name, tensor in model.state_dict().items()
        if name != "pos_embed" and not name.endswith(_BIASES)
    }
    return type(model), getattr(attention, "num_heads", None), shapes


def _contradiction(name: str, folder: HubFolder | TimmFolder) -> UsageError:
    return UsageError(
        f"{folder.path} holds {folder.name.removeprefix(PREFIX)}, which is not {name}: leave the "
        "backbone out to take what the folder holds, or give the folder of this backbone"
    )


def _unknown_name(name: str) -> UsageError:
    import timm

    names = ["pixels", *BACKBONES, *timm.list_models(), *timm.list_pretrained()]
    known = {name.lower(): name for name in names}
    near = [known[key] for key in difflib.get_close_matches(name.lower(), known, n=3)]
    hint = f"did you mean {', '.join(near)}?" if near else "see `ucls backbones`"
    return UsageError(f"there is no backbone {name!r}, nor does timm know it; {hint}")
