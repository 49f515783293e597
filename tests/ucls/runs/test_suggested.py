import pytest

from ucls.counting import Suggestion
from ucls.errors import UsageError
from ucls.runs.suggested import suggested_number, told


def suggestion(number: int, how_sure: str) -> Suggestion:
    return Suggestion(number, how_sure, (7, 3), (), 0.625)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "how_sure", "expected"),
    [
        (5, "clear", "5: the images fall apart clearly into so many (next best: 7, 3)"),
        (5, "likely", "5 are likely (next best: 7, 3)"),
        (5, "unsure", "5, but others are nearly as good: 7, 3"),
        (1, "likely", "1: the images hold together (if they must be divided: 7, 3)"),
    ],
)
def test_it_is_told_in_plain_words(number: int, how_sure: str, expected: str) -> None:
    assert told(suggestion(number, how_sure)) == expected


def test_one_cluster_is_no_number_to_go_on_with() -> None:
    assert suggested_number(suggestion(5, "clear")) == 5
    with pytest.raises(UsageError, match=r"as one cluster, .* -k NUMBER: 7 fits best, then 3$"):
        suggested_number(suggestion(1, "likely"))
