import os

import pytest

from ucls.images.names import MOST_BYTES, distinct, key_of, numbered


@pytest.mark.parametrize(
    ("one", "other"), [("A.PNG", "a.png"), ("é", "e\u0301"), ("Straße", "STRASSE")]
)
def test_names_that_some_system_takes_for_the_same_have_one_key(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


def test_the_number_comes_before_the_extension() -> None:
    assert numbered("cat", 1, ".png") == "cat.png"
    assert numbered("cat", 2, ".png") == "cat (2).png"


@pytest.mark.parametrize("stem", ["x" * 300, "é" * 200, "\U0001f600" * 70, "\udcff" * 300])
def test_a_name_never_outgrows_a_file_system(stem: str) -> None:
    name = numbered(stem, 12, ".jpeg")
    assert MOST_BYTES - 4 < len(os.fsencode(name)) <= MOST_BYTES
    assert name.endswith(" (12).jpeg")


def test_the_first_free_number_is_taken() -> None:
    assert distinct("Cat", {"cat", "cat (2)"}) == "Cat (3)"
