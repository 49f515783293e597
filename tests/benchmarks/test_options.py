import pytest

from benchmarks.options import choose, names_of
from ucls.errors import UsageError


def test_names_stay_once() -> None:
    assert names_of(" b, a,b,") == ["b", "a"]


def test_names_come_in_their_own_order() -> None:
    assert choose("c, a,c", "abc", what="--areas") == ["a", "c"]
    assert choose("all", "abc", what="--areas") == ["a", "b", "c"]


@pytest.mark.parametrize(("text", "got"), [("a,d", "got d"), (" ,", "got ' ,'")])
def test_what_is_no_name_is_told(text: str, got: str) -> None:
    with pytest.raises(UsageError, match=f"expected --areas to be 'all' or some of a, b, c, {got}"):
        choose(text, "abc", what="--areas")
