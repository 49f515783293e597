import numpy as np
import pytest
import torch
from PIL import Image

from ucls.backbones.pixels import PixelsPreprocess
from ucls.extraction.augmentations import Augmentation
from ucls.extraction.decoding import Views, decode_batches
from ucls.images.sets import load_folder

PLAIN = PixelsPreprocess((4, 4), 3)
AUGMENT = Augmentation(size=(4, 4), channels=3, interpolation="bicubic")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for row in range(7):
        Image.fromarray(rng.integers(0, 256, (9, 6, 3), dtype=np.uint8)).save(root / f"{row}.png")
    (root / "4.png").write_bytes(b"")
    return load_folder(root)


def test_the_plain_view_comes_first(images):
    views = Views(PLAIN, AUGMENT, 2)
    picture = images.read(2)
    pixels = views(picture, 2)
    assert len(views) == 3
    assert pixels.shape == (3, 3, 4, 4)
    assert torch.equal(pixels[0], PLAIN(picture))
    for view in (1, 2):
        assert torch.equal(pixels[view], AUGMENT(picture, row=2, view=view))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_whole_from_the_one_of_the_start_on(images, workers):
    views = Views(PLAIN, AUGMENT, 1)
    batches = list(decode_batches(images, views, start=4, batch_size=3, workers=workers))
    assert [batch.rows for batch in batches] == [[3, 5], [6]]
    assert [batch.stop for batch in batches] == [6, 7]
    assert [[row for row, _ in batch.errors] for batch in batches] == [[4], []]
    assert batches[0].pixels.shape == (2, 2, 3, 4, 4)
    assert torch.equal(batches[0].pixels[:, 1], views(images.read(5), 5))


def test_a_batch_without_readable_images(images):
    batch = next(decode_batches(images, Views(PLAIN), start=4, batch_size=1))
    assert (batch.rows, batch.pixels, batch.stop) == ([], None, 5)
    assert str(batch.errors[0][1]) == "empty file"


def test_nothing_is_left_to_decode(images):
    assert list(decode_batches(images, Views(PLAIN), start=7, batch_size=2)) == []


def test_some_rows_are_batched_as_if_there_were_no_others(images):
    rows = np.array([0, 2, 4, 5])
    batches = list(decode_batches(images, Views(PLAIN), start=0, batch_size=3, rows=rows))
    assert [batch.rows for batch in batches] == [[0, 2], [5]]
    assert [batch.stop for batch in batches] == [5, 6]
    resumed = list(decode_batches(images, Views(PLAIN), start=3, batch_size=3, rows=rows))
    assert [batch.rows for batch in resumed] == [[0, 2], [5]]
    resumed = list(decode_batches(images, Views(PLAIN), start=5, batch_size=3, rows=rows))
    assert [batch.rows for batch in resumed] == [[5]]
    assert list(decode_batches(images, Views(PLAIN), start=6, batch_size=3, rows=rows)) == []
