from pathlib import Path

from benchmarks.pages import is_page
from benchmarks.speed.estimate import TEMPLATE


def test_a_page_is_known_by_the_title_of_its_template(tmp_path: Path) -> None:
    test, path = is_page(TEMPLATE), tmp_path / "x.md"
    for text, expected in (
        ("# Time and memory on paper\n\nas measured", True),
        ("# Time and memory\n", False),
        ("", False),
    ):
        path.write_text(text)
        assert test(path) is expected
    path.write_bytes(b"\xff\xd8 a photograph")
    assert not test(path)
