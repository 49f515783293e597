"""One network out of a checkpoint that wraps it, holds several, or holds what trained it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

_Tensors = dict[str, Tensor]

# What wraps single modules, in the midst of names.
_INNER = re.compile(
    r"(?:^|(?<=\.))(?:_orig_mod|_forward_module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
# Says nothing of features: heads, decoders, and the state of a training.
_ASIDE = re.compile(
    r"(?:\w+_)?heads?(?:_dist)?|fc|(?:\w+_)?classifier|(?:\w+_)?(?:project(?:or|ion)s?|predictor)"
    r"|neck|pred|proj|pooler|pre_logits|decoder(?:_\w+)?|mask_token|logit_(?:scale|bias)"
    r"|(?:opt(?:im(?:i[sz]ers?)?)?|(?:lr_)?sched(?:ulers?)?|(?:\w+_)?scaler)(?:_states?)?(?:_dict)?"
    r"|criterion|(?:\w+_)?loss|center|prototypes|queue(?:_ptr)?|(?:\w+_)?rng_states?|epoch|iteration|(?:global_)?step"
    r"|callbacks|loops|args|config|(?:hyper_)?parameters|local_cls_norm|n_averaged"
)
# Integers that models compute from the shape of their grid.
_COMPUTED = ("position_ids", "relative_position_index")
_TRAINED = (
    r"(?:\w+_)?student(?:_\w+)?|gram_teacher|online(?:_\w+)?|(?:context_|base_)?encoder(?:_q)?"
    r"|(?:model|module|net(?:work)?|backbone)(?:_state_dict)?|state_dict"
)
_AVERAGED = (
    r"(?!gram_)(?:\w+_)?teacher(?:_\w+)?",
    r"target(?:_\w+)?|encoder_k",
    r"(?:\w+_)?ema(?:_\w+)?",
    r"momentum_\w+|\w+_momentum",
)
_TEXT = (
    r"text(?:_\w+)?|transformer|token_embedding|positional_embedding|ln_final|attn_mask"
    r"|input_resolution|context_length|vocab_size"
)
# The network that is taken, the best one first, and what it may be taken from: one that was
# averaged over the training from one trained by gradients, one for images from one for text.
_TAKEN = (
    *((taken, "|".join((_TRAINED, *_AVERAGED))) for taken in _AVERAGED),
    (r"visual(?:_encoder)?|vision(?:_\w+)?|ima?ge?_encoder", _TEXT),
)


def unwrap(checkpoint: Any) -> _Tensors:
    """Finds the one network that a checkpoint is there for.

    Args:
        checkpoint: what a checkpoint file holds: nested dicts, or names with dots, or both.

    Returns:
        Its tensors by name, without any wrapper such as ``module.backbone.`` before the name; its
        heads too, where they are part of it. Of teacher and student, the teacher; empty if there
        are no tensors.

    Raises:
        ValueError: if something of unknown kind lies beside it, or if there are several.
    """
    if not isinstance(checkpoint, dict):
        return {}
    state = _unique((_INNER.sub("", name), tensor) for name, tensor in flatten(checkpoint))
    while wrapper := _find_wrapper(state):
        state = _under(state, wrapper)
    return state


def drop_aside(state: _Tensors) -> _Tensors:
    """Leaves out heads and all else that has no part in features."""
    return {
        name: tensor
        for name, tensor in state.items()
        if not (_ASIDE.fullmatch(_first(name)) or name.endswith(_COMPUTED))
    }


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors in nested dicts and lists, by their names with dots."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from flatten(inner, f"{name}.{key}" if name else str(key))


def _unique(items: Iterable[tuple[str, Tensor]]) -> _Tensors:
    state: _Tensors = {}
    for name, tensor in items:
        if name in state:
            raise ValueError(f"two tensors are named {name}")
        state[name] = tensor
    return state


def _first(name: str) -> str:
    return name.partition(".")[0]


def _under(state: _Tensors, part: str) -> _Tensors:
    start = f"{part}."
    return {n.removeprefix(start): tensor for n, tensor in state.items() if n.startswith(start)}


def _find_wrapper(state: _Tensors) -> str | None:
    parts = {_first(name) for name in state}
    kept = {part for part in parts if not _ASIDE.fullmatch(part)}
    networks = {part for part in kept if _is_network(_under(state, part))}
    if not networks:
        return kept.pop() if len(kept) == 1 and not kept & state.keys() else None
    taken, beside = _choose(networks)
    unknown = sorted(part for part in kept - {taken} if not re.fullmatch(beside, part))
    if unknown:
        raise ValueError(f"beside {taken} there is {', '.join(unknown)}, of unknown kind")
    return taken


def _choose(networks: set[str]) -> tuple[str, str]:
    """Names the network that is taken, and the pattern of what may be left out beside it."""
    for pattern, beside in _TAKEN:
        found = [part for part in networks if re.fullmatch(pattern, part)]
        if len(found) == 1:
            return found[0], beside
    if len(networks) > 1:
        raise ValueError(f"there are several networks: {', '.join(sorted(networks))}")
    return networks.pop(), "(?!)"


def _is_network(state: _Tensors) -> bool:
    """Whether there are both blocks by number and what comes before them."""
    names = "\n".join(state)
    return bool(
        re.search(r"(?:^|\.)\d+\.", names, re.MULTILINE)
        and re.search(
            r"(?:^|\.)(?:cls_token|class_embedding|patch_embed|conv1\.|pos\w*embed)",
            names,
            re.MULTILINE,
        )
    )
