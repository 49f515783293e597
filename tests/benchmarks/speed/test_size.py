import pytest

from benchmarks.speed.size import Size


@pytest.mark.parametrize("letter", "NCHD")
def test_a_letter_stands_for_a_field(letter):
    size = Size(10, 20, 30, 40)
    other = size.with_axis(letter, 9)
    assert other.on_axis(letter) == 9
    assert [size.on_axis(one) - other.on_axis(one) for one in "NCHD"].count(0) == 3


def test_a_size_names_what_was_varied():
    assert Size(1000, 20, 3, 4).text("NC") == "N=1,000, C=20"
    assert Size(1000, 20, 3, 4).text() == "N=1,000, C=20, H=3, D=4"
    assert Size(1000, 30).cap == 33
