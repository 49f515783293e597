import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image

from ucls.report.plots.style import house_style, new_figure, save_figure, shorten

HOSTILE = r"$\frac{1}{$ & <b>'\"</b> חתול القط"


def draw(path: Path, kind: str, text: str = HOSTILE) -> Path:
    with house_style():
        figure = new_figure(2, 1)
        figure.text(0.1, 0.5, text)
        save_figure(figure, path, kind)
    return path


def test_text_stays_text_and_no_mathematics(tmp_path: Path) -> None:
    root = ET.parse(draw(tmp_path / "a.svg", "svg")).getroot()
    (text,) = root.iter("{http://www.w3.org/2000/svg}text")
    assert text.text == HOSTILE
    assert "sans-serif" in text.get("style", "")


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, kind: str) -> None:
    first, again = (draw(tmp_path / name, kind).read_bytes() for name in ("a", "b"))
    assert first == again
    assert draw(tmp_path / "c", kind, "other").read_bytes() != first


def test_the_size_is_that_of_a_paper(tmp_path: Path) -> None:
    with Image.open(draw(tmp_path / "a.png", "png")) as picture:
        assert picture.size == (600, 300)


def test_the_settings_of_a_user_neither_matter_nor_change(tmp_path: Path) -> None:
    expected = draw(tmp_path / "a.svg", "svg").read_bytes()
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "figure.facecolor": "red"}):
        assert draw(tmp_path / "b.svg", "svg").read_bytes() == expected
        assert mpl.rcParams["font.size"] == 30


@pytest.mark.filterwarnings("error")
def test_signs_without_a_glyph_are_no_reason_to_complain(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", "png", "猫 \U0001f431 \ue000")


def test_the_first_line_is_cut_until_it_fits() -> None:
    with house_style():
        figure = new_figure(4, 1)
        short, long = (
            figure.text(0, 0, "cats\n3 images"),
            figure.text(0, 0, "W" * 30 + "\n3 images"),
        )
        shorten(short, 1.0)
        shorten(long, 1.0)
        wide = figure.text(0, 0, "W" * 30)
        shorten(wide, 0.001)
    assert short.get_text() == "cats\n3 images"
    assert long.get_text().startswith("WWW")
    assert long.get_text().endswith("W…\n3 images")
    assert len(long.get_text()) < 25
    assert wide.get_text() == "…"
