import pytest
import torch

from benchmarks.speed.estimate.counting import count_operations
from benchmarks.speed.estimate.device import Operation

A, B = torch.ones(4, 8), torch.ones(8, 16)


def test_a_product_reads_both_sides_and_writes_the_result():
    assert count_operations(lambda: A @ B) == [Operation(2 * 4 * 8 * 16, 4 * (32 + 128 + 64))]


def test_a_product_in_bfloat16_is_told_apart():
    a, b = A.bfloat16(), B.bfloat16()
    assert count_operations(lambda: a @ b) == [
        Operation(2 * 4 * 8 * 16, 2 * (32 + 128 + 64), is_half=True)
    ]


def test_in_place_work_writes_what_it_changes():
    a = A.clone()
    assert count_operations(lambda: a.mul_(2.0)) == [Operation(0, 2 * 4 * 32)]
    assert count_operations(lambda: torch._foreach_mul_([a, a], 2.0)) == [Operation(0, 4 * 4 * 32)]


@pytest.mark.parametrize(
    "view", [lambda: A.T, lambda: A.view(2, 16), lambda: A[1:3], lambda: A.expand(3, 4, 8)]
)
def test_views_move_nothing(view):
    assert count_operations(view) == []


def test_the_backward_pass_counts_too():
    weight = B.clone().requires_grad_()
    forward = count_operations(lambda: A @ weight)
    both = count_operations(lambda: (A @ weight).sum().backward())
    assert sum(one.flops for one in both) == 2 * sum(one.flops for one in forward)
