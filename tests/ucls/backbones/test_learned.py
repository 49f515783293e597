import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from ucls.backbones.build import build_backbone
from ucls.backbones.encoder import Architecture, Encoder
from ucls.backbones.learned import read_network, write_network
from ucls.backbones.learned_files import NETWORK, learned_file, told_channels, told_size
from ucls.backbones.local import find_local
from ucls.cache import read_tensors, write_tensors
from ucls.errors import UsageError


@pytest.fixture
def network(tmp_path):
    torch.manual_seed(0)
    encoder = Encoder(Architecture("small", 1, 16)).eval()
    folder = tmp_path / "learned"
    folder.mkdir()
    write_network(folder / NETWORK, encoder, mean=[0.3], std=[0.2])
    return folder, encoder


def test_what_is_written_is_read(network):
    folder, encoder = network
    found, mean, std = read_network(folder / NETWORK)
    assert (found.architecture, mean, std) == (encoder.architecture, (0.3,), (0.2,))
    pixels = torch.randn(2, 1, 16, 16)
    assert torch.equal(found.eval()(pixels), encoder(pixels))
    assert (told_size(str(folder / NETWORK)), told_channels(str(folder / NETWORK))) == (16, 1)


def test_a_file_is_read_once(network, monkeypatch):
    folder, _ = network
    opened = []

    def counting(path, **options):
        opened.append(path)
        return safe_open(path, **options)

    monkeypatch.setattr("ucls.cache.weights.safe_open", counting)
    read_network(folder / NETWORK)
    assert len(opened) == 1


def test_a_network_that_sees_edges_is_read_as_such(tmp_path):
    encoder = Encoder(Architecture("small", 3, 16, sobel=True)).eval()
    write_network(tmp_path / NETWORK, encoder, mean=[0.3] * 3, std=[0.2] * 3)
    found, _, _ = read_network(tmp_path / NETWORK)
    pixels = torch.randn(2, 3, 16, 16)
    assert found.architecture.sobel
    assert torch.equal(found.eval()(pixels), encoder(pixels))


def test_a_network_from_before_there_were_edges_is_read(network):
    folder, encoder = network
    arrays, metadata = read_tensors(folder / NETWORK)
    del metadata["sobel"]
    write_tensors(folder / NETWORK, arrays, metadata)
    assert read_network(folder / NETWORK)[0].architecture == encoder.architecture


def test_the_folder_names_the_backbone(network):
    folder, _ = network
    for place in (folder, folder / NETWORK):
        assert find_local(str(place)) == ("learned:learned", str((folder / NETWORK).resolve()))
    assert learned_file(folder.parent) is None


def test_features_are_those_of_the_network(network):
    folder, encoder = network
    backbone = build_backbone(
        "learned:learned", image_size=16, channels=1, weights=str(folder / NETWORK)
    )
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8))
    pixels = backbone.preprocess(image)
    assert pixels.shape == (1, 16, 16)
    tokens = backbone.encode(pixels[None])
    expected = encoder((pixels[None] / 255 - 0.3) / 0.2)
    torch.testing.assert_close(tokens.cls[:, 0], expected)
    assert tokens.patch_mean is None
    assert (backbone.spec.n_features, backbone.spec.crop) == (256, "stretch")


def test_channels_that_do_not_fit(network):
    folder, _ = network
    with pytest.raises(UsageError, match=r"takes 1 channels, got 3: leave extract.channels out"):
        build_backbone("learned:x", image_size=16, channels=3, weights=str(folder / NETWORK))


def test_weights_that_are_gone():
    with pytest.raises(UsageError, match="needs its file, got None: pass --backbone and the run"):
        build_backbone("learned:x", image_size=16, channels=1)


def test_another_file_of_that_name(tmp_path):
    write_tensors(tmp_path / NETWORK, {"a": np.zeros(2)}, {})
    with pytest.raises(UsageError, match=r"is no network that `ucls pretrain` learned"):
        read_network(tmp_path / NETWORK)


def test_weights_of_another_architecture(network):
    folder, _ = network
    arrays, metadata = read_tensors(folder / NETWORK)
    write_tensors(folder / NETWORK, arrays, {**metadata, "channels": "3"})
    with pytest.raises(UsageError, match="do not fit small as this version of timm builds it"):
        read_network(folder / NETWORK)
