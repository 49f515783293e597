"""Counts the operations of some work."""

from torch.utils.flop_counter import FlopCounterMode


def flops_of(work):
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
