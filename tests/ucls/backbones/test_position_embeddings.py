import pytest
import torch

from ucls.backbones.position_embeddings import resample_position_embedding, trained_grid


def embedding(side, prefix=1, width=3):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, prefix + side * side, width, generator=generator)


@pytest.mark.parametrize("offset", [0.0, 0.1])
def test_the_same_grid_changes_nothing(offset):
    native = embedding(14)
    assert torch.equal(resample_position_embedding(native, (14, 14), offset=offset), native)


@pytest.mark.parametrize("offset", [0.0, 0.1])
@pytest.mark.parametrize("prefix", [0, 1, 5])
@pytest.mark.parametrize("grid", [(5, 9), (16, 12), (7, 28), (1, 1)])
def test_prefix_tokens_are_kept_and_the_grid_is_filled(grid, prefix, offset):
    native = embedding(14, prefix)
    native[:, prefix:] = 2.5
    resampled = resample_position_embedding(native, grid, offset=offset)
    assert resampled.shape == (1, prefix + grid[0] * grid[1], 3)
    assert torch.equal(resampled[:, :prefix], native[:, :prefix])
    torch.testing.assert_close(resampled[:, prefix:], torch.full((1, grid[0] * grid[1], 3), 2.5))


@pytest.mark.parametrize(("offset", "grid"), [(0.0, (9, 12)), (0.1, (9, 12)), (0.1, (30, 20))])
def test_the_offset_moves_the_sampling_points(offset, grid):
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    native = torch.stack([rows, columns], dim=-1).reshape(1, 256, 2)
    resampled = resample_position_embedding(native, grid, offset=offset).reshape(*grid, 2)
    for length, values in zip(grid, (resampled[:, 4, 0], resampled[4, :, 1]), strict=True):
        # The cubic kernel strays from a straight line by up to 0.05; the offset moves by more.
        points = (torch.arange(length) + 0.5) * 16 / (length + offset) - 0.5
        inner = slice(length // 4, -(length // 4))
        torch.testing.assert_close(values[inner], points[inner], atol=0.06, rtol=0)


@pytest.mark.parametrize("offset", [0.0, 0.1])
def test_a_grid_that_is_not_square_is_resampled_as_it_lies(offset):
    native = embedding(6)  # 1 prefix token and 36 patches, here 4 rows of 9
    tall = native[:, 1:].reshape(1, 4, 9, 3).transpose(1, 2).flatten(1, 2)
    tall = torch.cat([native[:, :1], tall], dim=1)
    wide = resample_position_embedding(native, (6, 5), offset=offset, trained=(4, 9))
    turned = resample_position_embedding(tall, (5, 6), offset=offset, trained=(9, 4))
    turned_back = turned[:, 1:].reshape(1, 5, 6, 3).transpose(1, 2).flatten(1, 2)
    torch.testing.assert_close(turned_back, wide[:, 1:])
    assert torch.equal(wide[:, :1], native[:, :1])
    same = resample_position_embedding(native, (4, 9), offset=offset, trained=(4, 9))
    assert torch.equal(same, native)


@pytest.mark.parametrize(
    ("n_patches", "asked", "grid"),
    [
        (196, (112, 448), (14, 14)),  # the model's own, though 7x28 are as many
        (1369, (224, 224), (37, 37)),
        (1369, (224, 168), (37, 37)),
        (392, (224, 448), (14, 28)),
        (98, (448, 224), (14, 7)),
        (12, (30, 40), (3, 4)),
    ],
)
def test_the_grid_of_trained_embeddings(n_patches, asked, grid):
    assert trained_grid(n_patches, usual=(14, 14), asked=asked) == grid


@pytest.mark.parametrize(
    ("n_patches", "asked"),
    [(392, (224, 224)), (64, (2, 8)), (7, (3, 2)), (0, (1, 1)), (-1, (1, 2))],
)
def test_a_grid_that_cannot_be_told(n_patches, asked):
    with pytest.raises(ValueError, match=f"position embeddings for {n_patches} patches, which are"):
        trained_grid(n_patches, usual=(14, 14), asked=asked)
