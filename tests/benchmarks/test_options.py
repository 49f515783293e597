import pytest

from benchmarks.options import choose, names_of, parse_settings, pick
from ucls.errors import UsageError


def test_names_stay_once_and_come_in_their_own_order() -> None:
    assert names_of(" b, a,b,") == ["b", "a"]
    assert choose("c, a,c", "abc", what="--areas") == ["a", "c"]
    assert choose("all", "abc", what="--areas") == ["a", "b", "c"]


@pytest.mark.parametrize(("text", "got"), [("a,d", "got d"), (" ,", "got ' ,'")])
def test_what_is_no_name_is_told(text: str, got: str) -> None:
    with pytest.raises(UsageError, match=f"expected --areas to be 'all' or some of a, b, c, {got}"):
        choose(text, "abc", what="--areas")


def test_picked_names_come_in_the_order_of_the_known() -> None:
    assert pick(["c", "a"], "abc", what="row") == ["a", "c"]
    with pytest.raises(UsageError, match="there is no row 'd'; choose some of a; b; c"):
        pick(["d"], "abc", what="row")


def test_settings_are_read_without_those_that_are_options() -> None:
    assert parse_settings(["train.epochs=5"], "seed") == {"train.epochs": 5}
    with pytest.raises(UsageError, match="seed is not given with --set here: use the option"):
        parse_settings(["seed=5"], "device", "seed")
