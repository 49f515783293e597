from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ucls.backbones.encoder import Architecture, Encoder
from ucls.backbones.learned import write_network
from ucls.backbones.learned_files import NETWORK
from ucls.errors import UsageError
from ucls.masks.contracam import build, contracam, contrastive_score
from ucls.settings.masks import ContraCAMOptions, MasksConfig

FIXTURE = Path(__file__).parent / "fixtures" / "contracam.npz"


class Network(nn.Module):
    """Two strided convolutions with a plain one between them, and a projector."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict(
            {
                "conv1": nn.Conv2d(3, 8, 3, 2, 1, bias=False),
                "bn1": nn.BatchNorm2d(8),
                "layer1": nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, bias=False)),
                "layer2": nn.Sequential(nn.BatchNorm2d(8)),
                "layer3": nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1, bias=False)),
                "layer4": nn.Sequential(nn.BatchNorm2d(12)),
            }
        )
        self.projector = nn.Sequential(
            nn.Linear(12, 12, bias=False), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 6)
        )

    def maps(self, x: Tensor) -> Tensor:
        parts = self.encoder
        x = F.relu(parts["bn1"](parts["conv1"](x)))
        x = F.relu(parts["layer2"](parts["layer1"](x)))
        return F.relu(parts["layer4"](parts["layer3"](x)))

    def embed(self, maps: Tensor) -> Tensor:
        return F.normalize(self.projector(maps.mean(dim=(2, 3))), dim=1)


@pytest.fixture(scope="module")
def reference() -> tuple[Network, dict[str, Tensor]]:
    with np.load(FIXTURE) as file:
        arrays = {name: torch.from_numpy(file[name]).double() for name in file.files}
    network = Network().double()
    state = {name: value for name, value in arrays.items() if "." in name}
    missing, unknown = network.load_state_dict(state, strict=False)
    assert not unknown
    assert all("num_batches" in name for name in missing)
    return network.eval(), arrays


@pytest.mark.parametrize(
    ("name", "iterations", "within"),
    [("map_1", 1, 1e-6), ("map_3_each", 3, 1e-6), ("map_3", 3, 1e-3)],
)
def test_the_map_is_that_of_the_public_code(
    reference: tuple[Network, dict[str, Tensor]], name: str, iterations: int, within: float
) -> None:
    network, arrays = reference
    found = contracam(
        arrays["images"], to_maps=network.maps, embed=network.embed, iterations=iterations
    )
    np.testing.assert_allclose(found, arrays[name], atol=within)


def test_the_order_of_a_batch_does_not_matter_but_who_is_in_it_does(
    reference: tuple[Network, dict[str, Tensor]],
) -> None:
    network, arrays = reference
    images = arrays["images"]

    def find(chosen: Tensor) -> Tensor:
        return contracam(chosen, to_maps=network.maps, embed=network.embed, iterations=2)

    whole = find(images)
    torch.testing.assert_close(find(images.flip(0)).flip(0), whole, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(find(images[:3]), whole[:3], atol=1e-3)
    assert (whole.amin() >= 0) & (whole.amax() <= 1)


def test_the_score_is_the_log_of_a_ratio() -> None:
    rng = np.random.default_rng(0)
    first, second = (F.normalize(torch.from_numpy(rng.normal(size=(4, 3))), dim=1) for _ in "ab")
    found = contrastive_score(second, first, [first, second])
    for row in range(4):
        against = sum(
            np.exp(float(second[row] @ queue[other])) if other != row else 1.0
            for queue in (first, second)
            for other in range(4)
        )
        expected = np.log(np.exp(float(second[row] @ first[row])) / against)
        assert float(found[row]) == pytest.approx(expected, abs=1e-12)


def learned(folder: Path, arch: str) -> Path:
    folder.mkdir()
    encoder = Encoder(Architecture(arch, 3, 32))
    write_network(folder / NETWORK, encoder, mean=(0.5,) * 3, std=(0.2,) * 3)
    return folder


def test_a_learned_network_gives_maps_of_its_own_size(tmp_path: Path) -> None:
    config = MasksConfig(backbone=str(learned(tmp_path / "run", "small")), device="cpu")
    masker = build(config, ContraCAMOptions(iterations=2, batch_size=4))
    assert (masker.image_size, masker.batch_size) == (32, 4)
    found = masker(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8))
    assert found.shape == (4, 32, 32)
    assert not found.requires_grad
    assert float(found.amax()) == pytest.approx(1.0, abs=1e-6)


def test_what_is_no_network_with_maps_is_one_sentence(tmp_path: Path) -> None:
    options = ContraCAMOptions()
    with pytest.raises(UsageError, match=r"needs a network that `ucls pretrain` learned: pass its"):
        build(MasksConfig(), options)
    with pytest.raises(UsageError, match=r"holds no network\.safetensors: pass the run folder"):
        build(MasksConfig(backbone="dino_vits16"), options)
    run = learned(tmp_path / "vit", "vit_tiny_patch16_224")
    with pytest.raises(UsageError, match=r"needs a network with maps, but the one in .* vit_tiny"):
        build(MasksConfig(backbone=str(run)), options)
