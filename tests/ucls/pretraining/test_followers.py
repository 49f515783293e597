import torch
from torch import nn

from ucls.pretraining.followers import follow, follower_of


def test_a_follower_moves_by_a_share_and_learns_nothing_itself():
    leader = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    follower = follower_of(leader)
    assert not any(one.requires_grad for one in follower.parameters())
    before = follower[0].weight.clone()
    with torch.no_grad():
        leader[0].weight.add_(1)
    leader(torch.randn(5, 3))
    follow(follower, leader, momentum=0.75)
    torch.testing.assert_close(follower[0].weight, before + 0.25)
    assert torch.equal(follower[1].running_mean, torch.zeros(2))
