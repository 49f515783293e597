from functools import partial
from typing import Any

import pytest
import torch
from torch.distributed import TCPStore

from tests.jobs import run_job
from ucls import ranks
from ucls.progress import MUTE, Reporter


def look_around(*, reporter: Reporter) -> dict[str, Any]:
    own = torch.full((1, 2), float(ranks.rank()), requires_grad=True)
    gathered, total = ranks.gather(own), ranks.summed(own)
    (gathered.square().sum() + total.sum()).backward()  # type: ignore[no-untyped-call]
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = own.grad[0] if own.grad is not None else None
    ranks.average_gradients([parameter])
    return {
        "size": ranks.world_size(),
        "ranks": ranks.everywhere(ranks.rank()),
        "agreed": ranks.everywhere(ranks.agreed(lambda: f"by {ranks.rank()}")),
        "shares": ranks.everywhere(ranks.own_share(range(5))),
        "dealt": ranks.everywhere(list(ranks.dealt("abcde"))),
        "collected": ranks.collected([letter.upper() for letter in ranks.dealt("abcde")]),
        "gathered": gathered.tolist(),
        "total": total.tolist(),
        "gradient": parameter.grad.tolist() if parameter.grad is not None else None,
        "nested": ranks.together(nested, reporter=reporter),
        "is mute": ranks.everywhere(reporter is MUTE),
    }


def nested(*, reporter: Reporter) -> int:
    return ranks.rank()


def lead() -> list[Any]:
    """The first works alone, then with the others, twice."""
    alone = (ranks.world_size(), ranks.everywhere(1), ranks.agreed(lambda: 2), ranks.n_processes())
    own = partial(look_around)
    first = ranks.together(look_around, reporter=MUTE)
    second = ranks.together(look_around, reporter=MUTE, lead=own)
    return [alone, first, second]


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 4])
def test_processes_share_what_the_first_asks_them_to(n: int) -> None:
    alone, first, second = run_job(n, lead)
    assert alone == (1, [1], 2, n)
    assert first == second
    assert (first["size"], first["ranks"], first["nested"]) == (n, list(range(n)), 0)
    assert first["agreed"] == ["by 0"] * n
    assert [row for share in first["shares"] for row in share] == list(range(5))
    assert first["dealt"] == [list("abcde"[number::n]) for number in range(n)]
    assert first["collected"] == list("ABCDE")
    assert first["gathered"] == [[number] * 2 for number in range(n)]
    assert first["total"] == [[sum(range(n))] * 2]
    # Of the gathered each has 2 n r of its own, of the sum n; the mean is over all r.
    mean = sum(2 * n * number + n for number in range(n)) / n
    assert first["gradient"] == [mean] * 2
    assert first["is mute"] == [True] * n


def test_one_process_does_all_itself() -> None:
    found = look_around(reporter=MUTE)
    assert (found["size"], found["ranks"], found["collected"]) == (1, [0], list("ABCDE"))
    assert found["shares"] == [range(5)]


def test_a_bar_moves_for_all() -> None:
    seen: list[tuple[int, dict[str, Any]]] = []
    ranks.for_all(lambda amount=1, /, **figures: seen.append((amount, figures)), 3)(2, loss=1.0)
    assert seen == [(6, {"loss": 1.0})]


def test_the_one_process_of_a_job_may_speak() -> None:
    assert ranks.speaks_first()
    assert ranks.speaks_first()


def test_of_several_the_first_speaks_and_any_where_nothing_is_kept_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper = TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    member = TCPStore("localhost", keeper.port, is_master=False)
    monkeypatch.setattr(ranks._Job, "store", member)
    assert [ranks.speaks_first() for _ in range(3)] == [True, False, False]
    del keeper
    assert ranks.speaks_first()
