"""Several processes that train one network, each on its share of every batch (torchrun).

What each computes is a loss whose mean over the ranks is the loss of the whole batch.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def world_size() -> int:
    """How many processes there are; 1 without torchrun."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this process; 0 without torchrun."""
    return dist.get_rank() if dist.is_initialized() else 0


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Joins the other processes of torchrun, if there are any; gives the device of this one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    is_cuda = device.type == "cuda"
    if is_cuda:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if is_cuda else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def agreed(answer: bool) -> bool:
    """What the first process says; the others wait for it."""
    answers = [answer]
    if world_size() > 1:
        dist.broadcast_object_list(answers, src=0)
    return answers[0]


def from_first(values: Tensor) -> Tensor:
    """What the first process has of values that all but rounding makes the same; on the CPU."""
    if world_size() == 1:
        return values
    answers = [values]
    dist.broadcast_object_list(answers, src=0)
    return answers[0]


def gather(values: Tensor, *, dim: int = 0) -> Tensor:
    """Puts the values of all ranks one after the other; gradients flow into one's own."""
    if world_size() == 1:
        return values
    gathered: Tensor = _Gather.apply(values.contiguous(), dim)
    return gathered


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Gives all ranks the mean of their gradients."""
    if world_size() == 1:
        return
    gradients = [one.grad for one in parameters if one.grad is not None]
    joint = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(joint)
    joint /= world_size()
    parts = torch.split(joint, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def summed(values: Tensor) -> Tensor:
    """The sum over all ranks; gradients flow into all of them."""
    if world_size() == 1:
        return values
    total: Tensor = _Sum.apply(values)
    return total


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor, dim: int) -> Tensor:
        context.dim, context.size = dim, values.shape[dim]
        parts = [torch.empty_like(values) for _ in range(world_size())]
        dist.all_gather(parts, values)
        return torch.cat(parts, dim=dim)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        # All ranks compute the same loss; the mean of the gradients shall be its gradient.
        own = gradient.narrow(context.dim, rank() * context.size, context.size)
        return own * world_size(), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total
