from pathlib import Path

import pytest
import torch

from ucls.backbones.build import build_backbone
from ucls.backbones.encoder import Architecture, Encoder
from ucls.backbones.learned import build_learned, write_network
from ucls.backbones.learned_files import NETWORK
from ucls.backbones.patch_keys import PatchKeys


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "vit_small_patch16_dinov3"])
def test_they_are_the_second_third_of_the_last_qkv(name: str) -> None:
    backbone = build_backbone(name, image_size=(64, 96), weights="random")
    model = backbone.model
    seen: list[torch.Tensor] = []
    model.blocks[-1].attn.qkv.register_forward_hook(lambda *parts: seen.append(parts[2]))
    pixels = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8)
    keys = PatchKeys(backbone)(pixels)
    n_heads = model.blocks[-1].attn.num_heads
    whole = seen[0].view(2, seen[0].shape[1], 3, n_heads, -1)[:, :, 1].flatten(2)
    assert keys.shape == (2, 4, 6, model.embed_dim)
    expected = whole[:, model.num_prefix_tokens :]
    torch.testing.assert_close(keys.flatten(1, 2), expected, atol=1e-5, rtol=1e-5)


def test_a_learned_vit_has_them_too(tmp_path: Path) -> None:
    encoder = Encoder(Architecture("vit_tiny_patch16_224", 3, 32))
    write_network(tmp_path / NETWORK, encoder, mean=(0.5,) * 3, std=(0.2,) * 3)
    backbone = build_learned(
        "learned:run", weights=str(tmp_path / NETWORK), image_size=32, channels=3, device="cpu",
        precision="float32",
    )  # fmt: skip
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    assert PatchKeys(backbone)(pixels).shape == (2, 8, 8, 192)
