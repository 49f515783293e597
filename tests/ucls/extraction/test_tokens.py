import os
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from ucls.backbones.pixels import PixelsBackbone
from ucls.backbones.vit import ViTBackbone
from ucls.errors import UclsError, UsageError
from ucls.extraction.augmentations import Augmentation
from ucls.extraction.tokens import extract_tokens
from ucls.images.files import UnreadableImageError
from ucls.images.sets import load_folder
from ucls.sources import load_source

N_IMAGES = 23
UNREADABLE = (0, 6, 7, 8, 12, 13, 14, 15, 22)  # all of batch 3 when batches hold 4


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for row in range(N_IMAGES):
        pixels = generator.integers(0, 256, (20 + row, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{row:02d}.png")
        if row in UNREADABLE:
            (root / f"{row:02d}.png").write_bytes(b"" if row % 2 else b"no image")
    return load_folder(root)


@pytest.fixture(scope="module")
def vit():
    torch.manual_seed(0)
    model = timm.create_model("test_vit", pretrained=False, img_size=32, num_classes=0)
    return ViTBackbone(model, name="test_vit", image_size=32)


@pytest.fixture
def pixels():
    return PixelsBackbone(image_size=8, channels=3)


@dataclass(frozen=True)
class Failing:
    """A preprocessing that fails or kills its process."""

    kill: bool

    def __call__(self, image):
        if self.kill:
            os._exit(3)
        raise ZeroDivisionError("a bug")


def join(batches):
    """Everything that batches hold, as comparable values."""
    batches = list(batches)
    axes = {"cls": 1, "patch_mean": 1, "rows": 0}
    arrays = [
        np.concatenate([getattr(batch, name) for batch in batches], axis=axis)
        for name, axis in axes.items()
    ]
    paths = [path for batch in batches for path in batch.paths]
    skipped = [item for batch in batches for item in batch.skipped]
    return [array.tobytes() for array in arrays], paths, skipped


def test_batches_cover_fixed_rows_and_skip_unreadable_images(images, vit):
    batches = list(extract_tokens(images, vit, batch_size=4))
    assert [batch.n_seen for batch in batches] == [4, 8, 12, 16, 20, 23]
    kept = [[1, 2, 3], [4, 5], [9, 10, 11], [], [16, 17, 18, 19], [20, 21]]
    assert [batch.rows.tolist() for batch in batches] == kept
    for batch, rows in zip(batches, kept, strict=True):
        assert batch.paths == [f"{row:02d}.png" for row in rows]
        assert batch.cls.shape == (1, len(rows), 4, 64)
        assert batch.patch_mean.shape == (1, len(rows), 64)
        assert batch.cls.dtype == batch.patch_mean.dtype == np.float32
    assert batches[1].skipped == [
        ("06.png", "not an image, but a text file"),
        ("07.png", "empty file"),
    ]
    assert sum(len(batch.skipped) for batch in batches) == len(UNREADABLE)


def test_rows_are_what_the_backbone_makes_of_the_images(images, vit):
    for batch in extract_tokens(images, vit, batch_size=8):
        inputs = torch.stack([vit.preprocess(images.read(row)) for row in batch.rows])
        tokens = vit.encode(inputs)
        np.testing.assert_array_equal(batch.cls[0], tokens.cls.numpy())
        np.testing.assert_array_equal(batch.patch_mean[0], tokens.patch_mean.numpy())


@pytest.fixture(scope="module")
def whole(images, vit):
    return list(extract_tokens(images, vit, batch_size=8))


@pytest.mark.parametrize("start", [0, 1, 4, 5, 7, 8, 13, 15, 20, 22, 23])
def test_a_resume_gives_exactly_the_remaining_rows(images, vit, whole, start):
    resumed = list(extract_tokens(images, vit, batch_size=8, start=start))
    assert len(resumed) == len({row // 8 for row in range(start, N_IMAGES)})
    expected_rows = [row for row in range(start, N_IMAGES) if row not in UNREADABLE]
    assert [row for batch in resumed for row in batch.rows] == expected_rows
    cls = {row: batch.cls[:, i] for batch in whole for i, row in enumerate(batch.rows)}
    patch_mean = {
        row: batch.patch_mean[:, i] for batch in whole for i, row in enumerate(batch.rows)
    }
    for batch in resumed:
        for i, row in enumerate(batch.rows):
            assert batch.cls[:, i].tobytes() == cls[row].tobytes()
            assert batch.patch_mean[:, i].tobytes() == patch_mean[row].tobytes()
    skipped = [path for batch in resumed for path, _ in batch.skipped]
    assert skipped == [f"{row:02d}.png" for row in UNREADABLE if row >= start]


@pytest.mark.parametrize("start", [0, 5, 13])
def test_augmented_views_come_after_the_plain_one(images, vit, start):
    plain = list(extract_tokens(images, vit, batch_size=8, start=start))
    several = list(extract_tokens(images, vit, batch_size=8, start=start, n_augmented=2))
    for one, all_views in zip(plain, several, strict=True):
        assert all_views.cls.shape == (3, *one.cls.shape[1:])
        assert all_views.cls[:1].tobytes() == one.cls.tobytes()
        assert all_views.patch_mean[:1].tobytes() == one.patch_mean.tobytes()
        for i, row in enumerate(all_views.rows):
            augmentation = Augmentation((32, 32), 3, "bicubic")
            expected = vit.encode(augmentation(images.read(row), row=row, view=2)[None])
            np.testing.assert_allclose(
                all_views.cls[2, i], expected.cls[0].numpy(), rtol=1e-4, atol=1e-5
            )


def test_n_seen_is_where_to_resume(images, vit):
    whole = list(extract_tokens(images, vit, batch_size=4))
    rest = extract_tokens(images, vit, batch_size=4, start=whole[2].n_seen)
    assert join(rest) == join(whole[3:])


def test_workers_change_nothing(images, vit):
    expected = join(extract_tokens(images, vit, batch_size=4, start=5))
    assert join(extract_tokens(images, vit, batch_size=4, start=5, workers=2)) == expected


def test_extraction_leaves_the_random_state_alone(images, pixels):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(extract_tokens(images, pixels, batch_size=4))
    assert torch.equal(torch.rand(3), expected)


def test_progress_counts_images_from_the_start_on(images, pixels):
    steps, bottlenecks = [], []

    def note(amount=1, /, *, bottleneck):
        steps.append(amount)
        bottlenecks.append(bottleneck)

    list(extract_tokens(images, pixels, batch_size=8, start=5, advance=note))
    assert steps == [3, 8, 7]
    assert set(bottlenecks) <= {"decode", "model", "write"}


@pytest.mark.parametrize("workers", [0, 1])
def test_stopping_at_the_first_unreadable_image(images, pixels, workers):
    batches = extract_tokens(
        images, pixels, batch_size=2, start=1, workers=workers, on_unreadable="stop"
    )
    assert [next(batches).n_seen for _ in range(3)] == [2, 4, 6]
    with pytest.raises(UclsError, match=r"cannot read 06\.png: not an image") as caught:
        next(batches)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bug_in_the_preprocessing_names_the_image(images, pixels, workers):
    pixels.preprocess = Failing(kill=False)
    with pytest.raises(UclsError) as caught:
        list(extract_tokens(images, pixels, batch_size=4, workers=workers))
    assert str(caught.value) == "cannot preprocess 01.png: ZeroDivisionError: a bug"
    assert not isinstance(caught.value, UnreadableImageError)
    assert "Traceback" in caught.value.__notes__[0]


def test_a_worker_that_dies_is_a_clear_error(images, pixels):
    pixels.preprocess = Failing(kill=True)
    with pytest.raises(UclsError, match=r"processes that read.*failed.*extract\.workers=0") as info:
        list(extract_tokens(images, pixels, batch_size=4, workers=1))
    assert info.value.__cause__ is not None
    assert "\n" not in str(info.value)


def test_an_error_of_the_listener_passes_unchanged(images, pixels):
    def fail(amount=1, /, **figures):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        next(extract_tokens(images, pixels, batch_size=4, advance=fail))


def test_digits_through_pixels():
    train = load_source("digits").splits["train"]
    backbone = PixelsBackbone(image_size=8, channels=1)
    batches = list(extract_tokens(train, backbone, batch_size=512))
    cls = np.concatenate([batch.cls[0] for batch in batches])
    assert cls.shape == (1437, 1, 64)
    assert all(batch.patch_mean is None for batch in batches)
    shades = np.asarray(train.read(9), float).ravel()
    np.testing.assert_allclose(
        cls[9, 0], (shades - shades.mean()) / shades.std(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("start", [0, 3, 10])
def test_feature_files_pass_as_they_are(tmp_path, start):
    values = np.random.default_rng(0).normal(size=(10, 3))
    np.save(tmp_path / "a.npy", values)
    features = load_source(str(tmp_path / "a.npy")).splits["train"]
    batches = list(extract_tokens(features, start=start, batch_size=4))
    rows = [row for batch in batches for row in batch.rows]
    assert rows == list(range(start, 10))
    for batch in batches:
        assert batch.cls.dtype == np.float32
        np.testing.assert_array_equal(batch.cls[0, :, 0], values[batch.rows].astype(np.float32))
        assert batch.paths == [features.paths[row] for row in batch.rows]
        assert (batch.patch_mean, batch.skipped) == (None, [])
    assert not batches or batches[-1].n_seen == 10


def test_wrong_use(images, pixels):
    with pytest.raises(UsageError, match="start within 23 images, got 24"):
        next(extract_tokens(images, pixels, start=24))
    with pytest.raises(UsageError, match="expected a backbone"):
        next(extract_tokens(images))


def test_what_goes_to_the_workers_is_small_and_can_be_pickled(images, vit):
    # Systems that spawn workers instead of forking them send exactly these two.
    again, preprocess = pickle.loads(pickle.dumps((images, vit.preprocess)))
    assert torch.equal(preprocess(again.read(1)), vit.preprocess(images.read(1)))
    assert len(pickle.dumps(vit.preprocess)) < 10_000
