import base64
import re
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from ucls.report.mask_sheet import COLOUR, overlay, write_sheet


def test_the_foreground_alone_is_coloured() -> None:
    mask = Image.fromarray(np.array([[255, 0], [0, 255]], np.uint8))
    found = np.asarray(overlay(Image.new("L", (2, 2), 100), mask))
    assert (found[0, 1] == 100).all()
    assert np.abs(found[0, 0] - (np.array(COLOUR) + 100) / 2).max() <= 1


def test_a_page_has_each_picture_and_its_name(tmp_path: Path) -> None:
    pictures = [(f"<b>{i}.png", Image.new("RGB", (90, 60), (i * 50, 0, 0))) for i in range(3)]
    write_sheet(tmp_path / "sheet.html", pictures, title="Masks of <it>")
    page = (tmp_path / "sheet.html").read_text()
    assert "<it>" not in page
    assert "&lt;b&gt;2.png" in page
    found = re.findall(r"data:image/webp;base64,([^\"]+)", page)
    assert len(found) == 3
    assert Image.open(BytesIO(base64.b64decode(found[0]))).size == (90, 60)
    assert "http" not in page
