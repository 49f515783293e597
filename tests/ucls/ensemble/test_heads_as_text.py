from itertools import combinations

import pytest

from ucls.ensemble.heads_as_text import Rule, canonical_heads, format_heads, parse_heads
from ucls.errors import UsageError


@pytest.mark.parametrize(
    ("text", "heads"),
    [
        ("all", Rule("all", None)),
        ("best", Rule("best", None)),
        (" anmi ", Rule("anmi", None)),
        ("best:10", Rule("best", 10)),
        ("anmi:1", Rule("anmi", 1)),
        ("0-4,7", (0, 1, 2, 3, 4, 7)),
        ("9", (9,)),
        ("7,0-2", (0, 1, 2, 7)),
        ("3-3", (3,)),
        (" 1 , 2-3 ", (1, 2, 3)),
    ],
)
def test_parse(text, heads):
    assert parse_heads(text, 10) == heads


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10", r"0\.\.9, got 10"),
        ("0-99999999999999", r"0\.\.9, got 99999999999999"),
        ("4-2", "must rise, got 4-2: write 2-4"),
        ("0-4,3", "got 3 twice"),
        ("5,5", "got 5 twice"),
        ("", "got ''"),
        ("1,,2", "got '1,,2'"),
        ("-1", "got '-1'"),
        ("worst", "got 'worst'"),
        ("best:0", "best:0 asks for 0 heads, but there are 10: ask for 1 to 10"),
        ("best:99", "best:99 asks for 99 heads, but there are 10"),
        ("anmi:x", "got 'anmi:x'"),
        ("all:3", "got 'all:3'"),
        ("1.5", "got '1.5'"),
        ("²", "got '²'"),
    ],
)
def test_parse_says_what_is_wrong(text, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse_heads(text, 10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("heads", "text"),
    [
        ((0, 1, 2, 3, 4, 7), "0-4,7"),
        ((7, 3), "3,7"),
        ((3, 4), "3-4"),
        (range(10), "0-9"),
        ((9,), "9"),
    ],
)
def test_format(heads, text):
    assert format_heads(heads) == text


@pytest.mark.parametrize(
    ("text", "n_candidates", "count"),
    [
        ("all", 7, 7),
        ("best", 7, 4),
        ("anmi", 7, 4),
        ("best", 1, 1),
        ("best", 10, 5),
        ("best:3", 7, 3),
        ("anmi:9", 7, 7),
    ],
)
def test_a_rule_takes_all_half_rounded_up_or_as_many_as_it_asks_for(text, n_candidates, count):
    rule = parse_heads(text, 10)
    assert rule.count(n_candidates) == count


@pytest.mark.parametrize(("heads", "message"), [((), "got none"), ((3, 3), "got 3 twice")])
def test_format_says_what_is_wrong(heads, message):
    with pytest.raises(UsageError, match=message):
        format_heads(heads)


@pytest.mark.parametrize(
    ("text", "canonical"), [("7,0,1,2", "0-2,7"), ("all", "all"), ("best:3 ", "best:3")]
)
def test_canonical(text, canonical):
    assert canonical_heads(text, 10) == canonical


def test_parse_reads_everything_that_format_writes():
    for size in range(1, 6):
        for heads in combinations(range(5), size):
            assert parse_heads(format_heads(heads), 5) == heads
