from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ucls.errors import UsageError
from ucls.masks.classes import read_values, values_of

VALUES = np.array([[0, 7, 7], [255, 0, 7]], np.uint8)


def test_values_of_grey_and_of_palettes(tmp_path: Path) -> None:
    Image.fromarray(VALUES).save(tmp_path / "grey.png")
    palette = Image.fromarray(np.minimum(VALUES, 9), "P")
    palette.putpalette([7, 70, 170] * 256)
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_values(tmp_path / "grey.png"), VALUES)
    np.testing.assert_array_equal(read_values(tmp_path / "palette.png"), np.minimum(VALUES, 9))
    assert values_of([tmp_path / "grey.png", tmp_path / "palette.png"]).tolist() == [0, 7, 9, 255]


def test_stretching_mixes_no_values(tmp_path: Path) -> None:
    Image.fromarray(VALUES).save(tmp_path / "grey.png")
    stretched = read_values(tmp_path / "grey.png", 60)
    assert stretched.shape == (60, 60)
    assert np.unique(stretched).tolist() == [0, 7, 255]
    assert (stretched[:30, 20:] == 7).all()


def test_what_is_no_mask_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "colour.png")
    (tmp_path / "torn.png").write_bytes(b"torn")
    with pytest.raises(UsageError, match="has 3 values per pixel, expected one"):
        read_values(tmp_path / "colour.png")
    with pytest.raises(UsageError, match=r"torn.png is no image"):
        read_values(tmp_path / "torn.png")
