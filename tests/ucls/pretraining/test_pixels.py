from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import Lines
from ucls.errors import UclsError
from ucls.images.sets import ArrayReader, ImageSet, load_folder
from ucls.pretraining import pixels as module
from ucls.pretraining.pixels import Decoded, InMemory, Stretch, load_pixels, mean_and_deviation
from ucls.progress import MUTE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for row in range(7):
        size = (20, 30, 3) if row % 2 else (24, 12, 3)
        Image.fromarray(rng.integers(0, 256, size, np.uint8)).save(tmp_path / f"{row}.png")
    (tmp_path / "3.png").write_bytes(b"none")
    return tmp_path


def of_array(pixels: np.ndarray) -> ImageSet:
    native = (pixels.shape[1], 1 if pixels.ndim == 3 else 3)
    names = [str(row) for row in range(len(pixels))]
    return ImageSet("a", "train", names, None, (), "0", ArrayReader(pixels), native=native)


@pytest.mark.parametrize("is_in_memory", [True, False])
@pytest.mark.parametrize("workers", [0, 2])
def test_images_are_stretched_and_keep_their_aspect(
    folder: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch, is_in_memory: bool, workers: int
) -> None:
    if not is_in_memory:
        monkeypatch.setattr(module, "available_memory", lambda: 0)
    images = load_folder(folder)
    found = load_pixels(images, size=14, channels=3, workers=workers, reporter=lines)
    assert isinstance(found, InMemory if is_in_memory else Decoded)
    (batch,) = found.batches(
        [np.array([0, 1, 3, 6])] if not is_in_memory else [np.array([0, 1, 6])]
    )
    assert batch.rows.tolist() == [0, 1, 6]
    assert batch.pixels.shape == (3, 3, 16, 16)
    torch.testing.assert_close(batch.aspects, torch.tensor([0.5, 1.5, 0.5]))
    with Image.open(folder / "1.png") as image:
        expected = image.resize((16, 16), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(batch.pixels[1].permute(1, 2, 0), np.asarray(expected))
    assert sum("3.png is left out" in line for line in lines.said) == 1
    if is_in_memory:
        assert found.rows.tolist() == [0, 1, 2, 4, 5, 6]


@pytest.mark.parametrize(
    ("n_here", "of_others", "kind"),
    [
        (1, False, InMemory),
        (2, False, Decoded),
        (1, True, Decoded),
    ],
)
def test_processes_share_memory_and_do_the_same(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_here: int,
    of_others: bool,
    kind: type,
) -> None:
    monkeypatch.setattr(module, "available_memory", lambda: 3 * 7 * 3 * 16 * 16)
    monkeypatch.setattr(module, "everywhere", lambda own: [own, of_others])
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(n_here))
    images = load_folder(folder)
    assert type(load_pixels(images, size=14, channels=3, workers=0, reporter=MUTE)) is kind


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 3)])
def test_arrays_of_the_very_size_are_taken_as_they_are(
    shape: tuple[int, ...], lines: Lines
) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    channels = 1 if len(shape) == 3 else 3
    array.flags.writeable = False  # as where it is read from a file
    found = load_pixels(of_array(array), size=8, channels=channels, workers=0, reporter=lines)
    (batch,) = found.batches([np.array([4, 0])])
    expected = array[[4, 0]].reshape(2, 8, 8, channels).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(batch.pixels, expected)
    mean, deviation = mean_and_deviation(found)
    values = array.reshape(-1, channels) / 255
    np.testing.assert_allclose(mean, values.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(deviation, values.std(axis=0), atol=1e-6)


def test_grey_and_colour(lines: Lines) -> None:
    array = np.full((2, 8, 8), 100, np.uint8)
    found = load_pixels(of_array(array), size=10, channels=3, workers=0, reporter=lines)
    (batch,) = found.batches([np.array([1])])
    assert batch.pixels.unique().tolist() == [100]
    assert batch.pixels.shape == (1, 3, 11, 11)
    assert mean_and_deviation(found)[1] == pytest.approx((1e-3,) * 3)


def test_nothing_that_can_be_read(tmp_path: Path, lines: Lines) -> None:
    (tmp_path / "a.png").write_bytes(b"none")
    images = load_folder(tmp_path)
    with pytest.raises(UclsError, match=r"none of the images of .* can be read"):
        load_pixels(images, size=8, channels=3, workers=0, reporter=lines)


@pytest.mark.parametrize("workers", [0, 2])
def test_whole_batches_keep_their_size(folder: Path, lines: Lines, workers: int) -> None:
    (folder / "4.png").write_bytes(b"none")
    (folder / "6.png").write_bytes(b"none")
    images = load_folder(folder)
    found = Decoded(images, Stretch(8, 3), workers=workers, reporter=lines)
    asked = [np.array(rows) for rows in ([2, 3, 1], [3, 4], [6, 5])]
    whole = list(found.whole_batches(asked))
    assert [batch.rows.tolist() for batch in whole] == [[2, 5, 1], [5, 5], [0, 5]]
    assert [len(batch.pixels) for batch in whole] == [3, 2, 2]
    assert [batch.rows.tolist() for batch in found.batches(asked)] == [[2, 1], [5]]
    for name in ("3.png", "4.png", "6.png"):
        assert sum(f"{name} is left out" in line for line in lines.said) == 1


def test_whole_batches_of_nothing(tmp_path: Path, lines: Lines) -> None:
    (tmp_path / "a.png").write_bytes(b"none")
    (tmp_path / "b.png").write_bytes(b"none")
    found = Decoded(load_folder(tmp_path), Stretch(8, 3), workers=0, reporter=lines)
    with pytest.raises(UclsError, match=r"none of the images of .* can be read"):
        list(found.whole_batches([np.array([1, 0])]))


def test_a_stretched_picture() -> None:
    pixels, size = Stretch(4, 1)(Image.new("RGB", (12, 6), (255, 255, 255)))
    assert (pixels.shape, pixels.unique().tolist(), size) == ((1, 4, 4), [255], (12, 6))
