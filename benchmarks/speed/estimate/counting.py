"""Counts what torch computes and moves, operation by operation, while real work runs."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from benchmarks.speed.estimate.device import Operation


class OperationCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps an :class:`Operation` for all that runs while it is entered, forward and backward.

    Each operation is taken to read its inputs from memory and to write its results back, which is
    what kernels do that are not fused. Views move nothing.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Runs an operation, and counts it."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        inputs, written = _tensors_in((args, kwargs)), _written_by(func, args, kwargs, out)
        if written:
            count = flop_registry.get(func.overloadpacket)
            self.operations.append(
                Operation(
                    flops=count(*args, **kwargs, out_val=out) if count else 0,
                    n_bytes=sum(one.numel() * one.element_size() for one in [*inputs, *written]),
                    is_half=bool(inputs) and inputs[0].dtype == torch.bfloat16,
                )
            )
        return out


def count_operations(work: Callable[[], object]) -> list[Operation]:
    """What some work computes and moves, in the order of its operations."""
    with OperationCounter() as counter:
        work()
    operations: list[Operation] = counter.operations
    return operations


def _written_by(func: Any, args: Any, kwargs: Any, out: Any) -> list[torch.Tensor]:
    """The tensors that an operation fills: new ones, and inputs that it changes."""
    changed = []
    for number, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            given = args[number] if number < len(args) else kwargs.get(argument.name)
            changed += _tensors_in(given)
    there = set(map(_storage_of, _tensors_in((args, kwargs))))
    return [*changed, *(tensor for tensor in _tensors_in(out) if _storage_of(tensor) not in there)]


def _tensors_in(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def _storage_of(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
