"""The tensors of a network that is no plain vision transformer, out of a checkpoint."""

import re
from collections.abc import Collection
from typing import Any

from torch import Tensor

from ucls.backbones.wrappers import drop_aside, flatten

_Tensors = dict[str, Tensor]

# Counts batches of the training; no forward pass looks at it.
_COUNTER = "num_batches_tracked"

# From the names that transformers has for DINOv3's ConvNeXt.
_CONVNEXT = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^(?:model\.)?stages\.0\.downsample_layers\.", "stem."),
        (r"^(?:model\.)?(stages\.\d+)\.downsample_layers\.", r"\1.downsample."),
        (r"^(?:model\.)?(stages\.\d+)\.layers\.", r"\1.blocks."),
        (r"^layer_norm\.", "head.norm."),
        (r"(?<=\.)depthwise_conv\.", "conv_dw."),
        (r"(?<=\.)layer_norm\.", "norm."),
        (r"(?<=\.)pointwise_conv(?=[12]\.)", "mlp.fc"),
    )
]


def find_network(checkpoint: Any, names: Collection[str]) -> _Tensors:
    """Finds the tensors of a network by the names that timm has for them.

    Args:
        checkpoint: what a checkpoint file holds.
        names: of the network.

    Returns:
        Tensors under these names, and what else lies under the same wrapper, without heads. If
        no part of the checkpoint has all names, all of it, for timm to convert.

    Raises:
        ValueError: if there are several such networks.
    """
    wanted = {name for name in names if not name.endswith(_COUNTER)}
    state = {name: tensor for name, tensor in flatten(checkpoint) if not name.endswith(_COUNTER)}
    if any(".depthwise_conv." in name for name in state):
        state = {_rename(name): tensor for name, tensor in state.items()}
    probe = min(wanted)
    wrappers = {name.removesuffix(probe) for name in state if name.endswith(probe)}
    found = [wrapper for wrapper in wrappers if all(wrapper + name in state for name in wanted)]
    if len(found) > 1:
        raise ValueError(f"there are several networks: {', '.join(sorted(found))}")
    start = found[0] if found else ""
    inner = {n.removeprefix(start): tensor for n, tensor in state.items() if n.startswith(start)}
    own = {name: tensor for name, tensor in inner.items() if name in wanted}
    return drop_aside(inner) | own


def _rename(name: str) -> str:
    for pattern, new in _CONVNEXT:
        name = pattern.sub(new, name)
    return name
