import pytest

from ucls.ensemble import consensus
from ucls.ensemble.methods import method_names, n_steps
from ucls.ensemble.steps import Steps, n_pairs


def counter():
    told = []
    return told, lambda amount=1, /, **figures: told.append((amount, figures))


def test_steps_are_passed_on():
    told, advance = counter()
    steps = Steps(advance, 5)
    steps()
    steps(2, loss=0.5)
    assert told == [(1, {}), (2, {"loss": 0.5})]


def test_what_is_left_is_taken_at_the_end():
    told, advance = counter()
    steps = Steps(advance, 5)
    steps(2)
    steps.finish()
    steps.finish()
    assert told == [(2, {}), (3, {})]


def test_there_are_never_too_many():
    told, advance = counter()
    steps = Steps(advance, 3)
    steps(2)
    steps(2)
    steps(2)
    assert [amount for amount, _ in told] == [2, 1, 0]


@pytest.mark.parametrize("method", method_names())
@pytest.mark.parametrize("n_equal", [0, 2, 6])
@pytest.mark.parametrize("n_constant", [0, 2])
def test_every_consensus_takes_all_its_steps(method, n_equal, n_constant, make_heads):
    told, advance = counter()
    _, heads = make_heads(0, n_images=60, n_clusters=4, n_heads=6)
    heads[:n_equal] = heads[0]
    heads[6 - n_constant :] = 0
    consensus(heads, 4, method=method, advance=advance)
    assert sum(amount for amount, _ in told) == n_steps(method, 6)


def test_pairs_of_heads():
    assert [n_pairs(n_heads) for n_heads in (1, 2, 5)] == [0, 1, 10]
