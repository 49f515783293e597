import pytest
import torch

from benchmarks.speed.training import (
    PEERS,
    STRAIGHTFORWARD,
    accuracy_ratio,
    epoch_ratios,
    simulated_training,
    step_ratios,
    ucls_config,
)
from benchmarks.step_products import Size

SIZE = Size(n_heads=2, n_features=64, n_clusters=4, batch_size=32, hidden_dim=16, bottleneck_dim=8)


@pytest.fixture(scope="module")
def data():
    return simulated_training(256, 64, 4)


def test_the_settings_are_those_of_ucls():
    config = ucls_config(SIZE, precision="bfloat16", epochs=7, n_images=256)
    assert (config.objective, config.prior, config.symmetric) == ("ucls", "uniform", False)
    assert (config.epochs, config.precision, config.scales) == (7, "bfloat16", (1.0,))
    assert (config.n_heads, config.batch_size, config.hidden_dim) == (2, 32, 16)


@pytest.mark.parametrize("peer", [False, True])
def test_steps_of_each_size_and_precision(peer):
    ratios = list(step_ratios([SIZE], ["float32", "bfloat16"], repeats=2, peer=peer))
    references = ["bare matmuls", STRAIGHTFORWARD][: 1 + peer]
    assert [(m.name.split()[-1], m.against) for m in ratios] == [
        (precision, against) for precision in ("float32", "bfloat16") for against in references
    ]
    assert all(len(m.ratios) == 2 for m in ratios)


def test_epochs_against_each_peer(data):
    ratios = epoch_ratios(data, SIZE, precision="float32", repeats=1)
    assert [m.against for m in ratios] == list(PEERS)
    assert ratios[0].name == "epoch of 256 simulated images, H=2 C=4 D=64 float32"


def test_a_training_to_its_end_tells_both_accuracies(data):
    whole, to_target = accuracy_ratio(data, SIZE, precision="float32", epochs=3, reached=0.9)
    final = whole.facts
    assert 0.25 <= min(final.values()) <= max(final.values()) <= 1.0
    assert to_target.facts["acc"] == pytest.approx(0.9 * min(final.values()))
    assert to_target.seconds <= whole.seconds
    assert to_target.reference_seconds <= whole.reference_seconds


def test_the_graph_is_that_of_the_simulated_features(data):
    assert data.features.shape == (256, 64)
    assert data.graph.cap == 64
    rows = torch.arange(256).repeat_interleave(torch.from_numpy(data.graph.counts))
    same = data.labels[rows] == data.labels[data.graph.indices]
    assert same.mean() > 0.5
