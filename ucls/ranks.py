"""Several processes that do one job (torchrun): the first leads, the others follow.

The first does all there is to do, and calls :func:`together` for what pays to share; only then do
the others have a part. Outside of it, and in one process, each function here does nothing.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous

from ucls.errors import UclsError
from ucls.progress import MUTE, Advance, Reporter

LONGEST_WAIT = timedelta(days=30)
"""The first may work alone for long. A process that dies is noticed at once, as it hangs up."""
TOLD = "ucls/told"

Value = TypeVar("Value")


class LostError(UclsError):
    """Another process of the job has ended."""


class _Job:
    """What this process knows of the others."""

    store: Any = None
    """What torchrun keeps for all."""
    is_shared = False
    """Whether all processes are at the same work."""
    is_broken = False
    """Whether the first left such work early, so that the others do not listen any more."""


def world_size() -> int:
    """How many processes share the work; 1 without torchrun, and outside of :func:`together`."""
    return dist.get_world_size() if _Job.is_shared else 1


def rank() -> int:
    """The number of this process among them."""
    return dist.get_rank() if _Job.is_shared else 0


@contextmanager
def joined() -> Iterator[bool]:
    """Joins the other processes of torchrun; yields whether this one leads."""
    backend = "gloo"
    if torch.cuda.is_available():
        backend = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    _Job.store, number, size = next(rendezvous("env://"))
    dist.init_process_group(
        backend, store=_Job.store, rank=number, world_size=size, timeout=LONGEST_WAIT
    )
    try:
        yield number == 0
    finally:
        dist.destroy_process_group()
        _Job.store = None


def speaks_first() -> bool:
    """Whether no process of the job has said yet why it ends; from now on one has.

    Where the process that keeps it for all is gone, nobody knows, and each may speak.
    """
    try:
        return _Job.store is None or _Job.store.add(TOLD, 1) == 1
    except RuntimeError:
        return True


def is_in_job() -> bool:
    """Whether there are other processes, also while the first works alone."""
    return _Job.store is not None


def n_processes() -> int:
    """How many processes :func:`together` finds."""
    is_alone = _Job.store is None or _Job.is_shared or _Job.is_broken
    return 1 if is_alone else dist.get_world_size()


def together(
    work: Callable[..., Value],
    *arguments: Any,
    reporter: Reporter,
    lead: Callable[..., Value] | None = None,
) -> Value:
    """Does the same work in all processes at the same time, each on its share.

    Args:
        work: a function of a module, which takes the arguments and, by keyword, a ``reporter``.
        arguments: of any kind that can be sent to other processes.
        reporter: of the first; the others have none.
        lead: what the first does meanwhile, which takes a ``reporter``; None for the same.

    Returns:
        What the first makes of it.
    """
    own = lead or partial(work, *arguments)
    if n_processes() == 1:
        return own(reporter=reporter)
    _broadcast((work, arguments))
    try:
        return _share(own, reporter)
    except BaseException:
        _Job.is_broken = True
        raise


def follow() -> int:
    """Does what the first asks for, until it says with which exit code to end."""
    while not isinstance(asked := _broadcast(None), int):
        work, arguments = asked
        _share(partial(work, *arguments), MUTE)
    return asked


def dismiss(exit_code: int) -> None:
    """Lets the others end."""
    if not _Job.is_broken:
        with suppress(LostError):
            _broadcast(exit_code)


def _share(work: Callable[..., Value], reporter: Reporter) -> Value:
    _Job.is_shared = True
    try:
        return work(reporter=reporter)
    finally:
        _Job.is_shared = False


@contextmanager
def _listening() -> Iterator[None]:
    """Tells that another process is gone.

    Raises:
        LostError: if it is.
    """
    try:
        yield
    except RuntimeError as error:
        raise LostError(
            "another process of this job has ended, so it cannot go on; the same command "
            "continues where it stopped"
        ) from error


def _broadcast(value: Any) -> Any:
    values = [value]
    with _listening():
        dist.broadcast_object_list(values, src=0)
    return values[0]


def agreed(find: Callable[[], Value]) -> Value:
    """What the first finds; the others wait for it."""
    if world_size() == 1:
        return find()
    found: Value = _broadcast(find() if rank() == 0 else None)
    return found


def everywhere(value: Value) -> list[Value]:
    """What each process has, in their order, in all of them."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    with _listening():
        dist.all_gather_object(values, value)
    return values


def own_share(units: Sequence[Value]) -> Sequence[Value]:
    """What this process does of some units of work: neighbouring ones, as many as the others."""
    first, last = (len(units) * number // world_size() for number in (rank(), rank() + 1))
    return units[first:last]


def dealt(units: Sequence[Value]) -> Sequence[Value]:
    """What this process does of some units of work, which are dealt one by one."""
    return units[rank() :: world_size()]


def collected(found: Sequence[Value]) -> list[Value]:
    """What all processes made of the units that they were dealt, in their order, in all of them."""
    hands = everywhere(found)
    return [hands[i % len(hands)][i // len(hands)] for i in range(sum(map(len, hands)))]


def for_all(advance: Advance, n_processes: int) -> Advance:
    """Moves a progress bar for so many processes, of which each does as much."""

    def advance_all(amount: int = 1, /, **figures: float | str) -> None:
        advance(amount * n_processes, **figures)

    return advance_all


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
    with _listening():
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
        with _listening():
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
        return _all_reduced(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return _all_reduced(gradient)


def _all_reduced(values: Tensor) -> Tensor:
    total = values.clone()
    with _listening():
        dist.all_reduce(total)
    return total
