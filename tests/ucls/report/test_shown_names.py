import pytest

from ucls.report.shown_names import shown_cluster, shown_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cats", "cats"),
        ("two\nlines\r\n\tand  more", "two lines and more"),
        ("\x1b[31mred", "[31mred"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u05d7\u05ea\u05d5\u05dc", "\u05d7\u05ea\u05d5\u05dc"),
        ("\udcff.png", ".png"),
        ("a\u2028b\x00c", "a b c"),
        ("", ""),
        ("x" * 40, "x" * 40),
        ("x" * 4000, "x" * 39 + "…"),
        (" " * 200 + "far", "…"),
    ],
)
def test_one_line_that_leaves_other_text_alone(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_the_length_is_that_wanted() -> None:
    assert shown_name("abcdef", 6) == "abcdef"
    assert shown_name("abcdef", 5) == "abcd…"


def test_clusters_by_number_and_name() -> None:
    assert shown_cluster(3) == "3"
    assert shown_cluster(3, "grey\ncats") == "3 grey cats"
    assert shown_cluster(-1, "gone") == "in no cluster"
