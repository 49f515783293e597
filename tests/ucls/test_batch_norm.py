import pytest
import timm
import torch
from torch import nn

from ucls.batch_norm import split_batch_statistics


def norms(n_groups, layer=nn.BatchNorm2d, **options):
    plain = nn.Sequential(layer(3, **options))
    split = nn.Sequential(layer(3, **options))
    split_batch_statistics(split, n_groups)
    split.load_state_dict(plain.state_dict())
    return plain, split


@pytest.mark.parametrize("options", [{}, {"affine": False}])
def test_one_group_is_plain_batch_norm(options):
    plain, split = norms(1, **options)
    values = 2 + torch.randn(8, 3, 4, 4)
    for _ in range(2):
        torch.testing.assert_close(split(values), plain(values))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(split.state_dict()[name], value)
    torch.testing.assert_close(split.eval()(values), plain.eval()(values))


def test_each_group_has_its_own_statistics_and_their_mean_is_learned():
    plain, split = norms(2)
    values = torch.cat([torch.randn(4, 3, 2, 2), 5 + torch.randn(4, 3, 2, 2)])
    expected = torch.cat([plain(half) for half in values.chunk(2)])
    torch.testing.assert_close(split(values), expected)
    means = [half.mean(dim=(0, 2, 3)) for half in values.chunk(2)]
    torch.testing.assert_close(split[0].running_mean, 0.1 * torch.stack(means).mean(dim=0))
    assert int(split[0].num_batches_tracked) == 1


def test_vectors_are_split_too():
    plain, split = norms(2, nn.BatchNorm1d)
    values = torch.randn(8, 3)
    torch.testing.assert_close(split(values), torch.cat([plain(one) for one in values.chunk(2)]))


def test_an_activation_inside_of_it_is_kept():
    torch.manual_seed(0)
    plain = timm.create_model("test_efficientnet", num_classes=0)
    split = timm.create_model("test_efficientnet", num_classes=0)
    split_batch_statistics(split, 1)
    assert split.state_dict().keys() == plain.state_dict().keys()
    split.load_state_dict(plain.state_dict())
    pixels = torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(split(pixels), plain(pixels), atol=1e-4, rtol=1e-4)
