from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ucls.errors import UsageError
from ucls.images.sets import load_folder
from ucls.masks.folder import is_fresh, mask_paths, read_mask, read_masks, write_mask


def test_a_mask_has_the_path_of_its_image(tmp_path: Path) -> None:
    images = ["a/b.jpg", "c.d.tif", "../out/e.png", "/abs/f", "g"]
    assert [str(path.relative_to(tmp_path)) for path in mask_paths(tmp_path, images)] == [
        "a/b.png", "c.d.png", "out/e.png", "abs/f.png", "g.png",
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"a/b.jpg and a/b.webp would have the same mask"):
        mask_paths(tmp_path, ["a/b.jpg", "a/b.webp"])


@pytest.mark.parametrize("size", [(40, 30), (7, 90), (1, 1)])
def test_a_mask_has_the_size_of_its_image(tmp_path: Path, size: tuple[int, int]) -> None:
    soft = np.zeros((4, 4), np.float32)
    soft[:, :2] = 1
    write_mask(tmp_path / "a.png", soft, size=size, threshold=0.5)
    with Image.open(tmp_path / "a.png") as mask:
        assert (mask.mode, mask.format, mask.size) == ("L", "PNG", size)
        pixels = np.asarray(mask)
    assert set(np.unique(pixels).tolist()) <= {0, 255}
    if size[0] == 40:
        assert (pixels[:, :20] == 255).all()
        assert (pixels[:, 20:] == 0).all()


def test_what_is_read_is_the_share_of_the_foreground(tmp_path: Path) -> None:
    pixels = np.zeros((12, 20), np.uint8)
    pixels[:, :12] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_mask(tmp_path / "a.png", 2).tolist() == [[255, 51], [255, 51]]
    Image.fromarray(pixels // 255).save(tmp_path / "b.png")  # 0 and 1, as others have them
    assert read_masks(tmp_path, ["a.jpg", "b.jpg"], 2).tolist() == [[[255, 51], [255, 51]]] * 2


def test_missing_and_broken_masks_are_told(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"2 images of 3 have no mask in .*, such as b\.jpg: make"):
        read_masks(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], 2)
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(UsageError, match=r"b\.png is no image .*: remove it"):
        read_masks(tmp_path, ["a.jpg", "b.jpg"], 2)


def test_a_mask_older_than_its_image_is_stale(tmp_path: Path) -> None:
    for name in "ab":
        Image.new("RGB", (9, 9)).save(tmp_path / f"{name}.jpg")
    images = load_folder(tmp_path)
    paths = mask_paths(tmp_path / "masks", images.paths)
    assert is_fresh(images, paths).tolist() == [False, False]
    for path in paths:
        write_mask(path, np.ones((2, 2), np.float32), size=(9, 9), threshold=0.5)
    assert is_fresh(images, paths).tolist() == [True, True]
    Image.new("RGB", (9, 9), "red").save(tmp_path / "b.jpg")
    later = load_folder(tmp_path)
    assert later.paths[:2] == ["a.jpg", "b.jpg"]
    assert is_fresh(later.of_rows(np.arange(2)), paths).tolist() == [True, False]
