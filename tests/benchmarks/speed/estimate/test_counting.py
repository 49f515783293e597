import pytest
import torch

from benchmarks.speed.estimate.counting import count_operations
from benchmarks.speed.estimate.device import Operation

ROWS, COLUMNS = torch.ones(4, 8), torch.ones(8, 16)


def test_a_product_reads_both_sides_and_writes_the_result():
    assert count_operations(lambda: ROWS @ COLUMNS) == [
        Operation(2 * 4 * 8 * 16, 4 * (32 + 128 + 64))
    ]


def test_a_product_in_bfloat16_is_told_apart():
    rows, columns = ROWS.bfloat16(), COLUMNS.bfloat16()
    assert count_operations(lambda: rows @ columns) == [
        Operation(2 * 4 * 8 * 16, 2 * (32 + 128 + 64), is_half=True)
    ]


def test_in_place_work_writes_what_it_changes():
    rows = ROWS.clone()
    assert count_operations(lambda: rows.mul_(2.0)) == [Operation(0, 2 * 4 * 32)]
    assert count_operations(lambda: torch._foreach_mul_([rows, rows], 2.0)) == [
        Operation(0, 4 * 4 * 32)
    ]


@pytest.mark.parametrize(
    "view",
    [lambda: ROWS.T, lambda: ROWS.view(2, 16), lambda: ROWS[1:3], lambda: ROWS.expand(3, 4, 8)],
)
def test_views_move_nothing(view):
    assert count_operations(view) == []


def test_the_backward_pass_counts_too():
    weight = COLUMNS.clone().requires_grad_()
    forward = count_operations(lambda: ROWS @ weight)
    both = count_operations(lambda: (ROWS @ weight).sum().backward())
    assert sum(one.flops for one in both) == 2 * sum(one.flops for one in forward)
