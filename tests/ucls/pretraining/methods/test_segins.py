import numpy as np
import pytest
import torch

from ucls.backbones.dense_stage import dense_stage
from ucls.backbones.encoder import Architecture, Encoder
from ucls.errors import UsageError
from ucls.pretraining.draws import Draws
from ucls.pretraining.methods.segins import Segmentation, build_m, build_s
from ucls.pretraining.protocol import Batch, Task
from ucls.pretraining.segmentation import bce_loss, dice_loss
from ucls.pretraining.views import MultiCrop
from ucls.settings.pretraining_methods import SegInsMOptions, SegInsOptions, SegInsSOptions

N_IMAGES, SIZE = 12, 32
SMALL = {"dim": 16, "predictor_dim": 8}


def discs(size: int) -> np.ndarray:
    """Masks of discs at several places, uint8 [N, S, S]."""
    rng = np.random.default_rng(0)
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    centres = rng.uniform(0.3, 0.7, (N_IMAGES, 2, 1, 1))
    inside = (x - centres[:, 0]) ** 2 + (y - centres[:, 1]) ** 2 < 0.06
    return np.where(inside, 255, 0).astype(np.uint8)


def task() -> Task:
    return Task(N_IMAGES, 1, read_masks=discs)


def batch_of(rows: list[int], *, n_local: int = 0, size: int = SIZE) -> Batch:
    """Views of pictures that are white where their mask is."""
    crops = MultiCrop(
        size=size, local_size=12, n_global=2, n_local=n_local, global_scale=(0.3, 1.0),
        local_scale=(0.05, 0.4), flips=True, recolours=None, mean=(0.0,) * 3, std=(1.0,) * 3,
    )  # fmt: skip
    pixels = torch.from_numpy(discs(2 * size))[rows].unsqueeze(1).expand(-1, 3, -1, -1)
    views = crops(pixels, torch.ones(len(rows)), Draws(3, len(rows)))
    return Batch(views, torch.tensor(rows))


def encoder(name: str = "small") -> Encoder:
    torch.manual_seed(0)
    return Encoder(Architecture(name, 3, SIZE))


def test_masks_are_cut_and_flipped_as_the_images_are() -> None:
    batch = batch_of(list(range(N_IMAGES)), size=8)
    masks = torch.from_numpy(discs(16))
    segmentation = Segmentation(dense_stage(encoder()), masks, SegInsOptions(masks="m"))
    assert any(batch.views.boxes[0].is_flipped)
    for pixels, boxes in zip(batch.views.pixels, batch.views.boxes, strict=True):
        found = segmentation.cut(batch.rows, boxes, 8)
        expected = (pixels[:, :1] * 255 >= 128).float()
        assert 0.1 < float(expected.mean()) < 0.9
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("name", "loss_of"), [("dice", dice_loss), ("bce", bce_loss)])
@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_the_loss_is_that_of_both_branches(name: str, loss_of, weight: float) -> None:
    options = SegInsSOptions(masks="m", segmentation=name, segmentation_weight=weight, **SMALL)
    method = build_s(encoder(), options, task()).train()
    batch = batch_of([3, 1, 4, 5, 9, 2], n_local=1)
    found = method.loss(batch)
    plain = super(type(method), method).loss(batch)
    expected = []
    for view, boxes in list(zip(batch.views.pixels, batch.views.boxes, strict=True))[:2]:
        logits = method.segmentation.branch(method.encoder.maps(view))
        assert logits.shape == (6, 1, 8, 8)
        expected.append(loss_of(logits, method.segmentation.cut(batch.rows, boxes, 8)))
    torch.testing.assert_close(found, plain + weight * (expected[0] + expected[1]) / 2)


def test_no_view_is_encoded_twice() -> None:
    method = build_s(encoder(), SegInsSOptions(masks="m", **SMALL), task()).train()
    seen: list[torch.Tensor] = []
    method.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    batch = batch_of([0, 1, 2], n_local=2)
    method.loss(batch)
    assert len(seen) == 4
    assert not method.segmentation.stage.module._forward_hooks


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_of_moco_both_global_views_learn_their_masks(weight: float) -> None:
    options = SegInsMOptions(
        masks="m", segmentation_weight=weight, dim=8, queue=6, batch_norm_groups=1
    )
    method = build_m(encoder(), options, task()).train()
    batch = batch_of([3, 1, 4, 5, 9, 2], n_local=1)
    state = {name: value.clone() for name, value in method.state_dict().items()}
    torch.manual_seed(0)
    found = method.loss(batch)
    method.load_state_dict(state)
    torch.manual_seed(0)
    plain = super(type(method), method).loss(batch)
    losses = [
        dice_loss(
            method.segmentation.branch(method.encoder.maps(batch.views.pixels[view])),
            method.segmentation.cut(batch.rows, batch.views.boxes[view], 8),
        )
        for view in (0, 1)
    ]
    torch.testing.assert_close(found, plain + weight * (losses[0] + losses[1]) / 2)
    assert not any("segmentation" in n or "hook" in n for n in method.key_encoder.state_dict())
    assert not method.key_encoder._forward_pre_hooks


@pytest.mark.slow
def test_gradients_reach_the_encoder_through_the_masks() -> None:
    method = build_s(encoder("resnet18"), SegInsSOptions(masks="m", **SMALL), task()).train()
    batch = batch_of([0, 1, 2, 3])
    with method.segmentation.watch(method.encoder) as seen:
        for view in batch.views.pixels:
            method.encoder(view)
    method.segmentation.loss(method.encoder, batch, seen).backward()
    assert float(method.encoder.network.conv1.weight.grad.norm()) > 0
    # The last stage is beyond the one that the branch is on.
    assert all(one.grad is None for one in method.encoder.network.layer4.parameters())


def test_masks_are_no_part_of_the_state() -> None:
    method = build_s(encoder(), SegInsSOptions(masks="m", **SMALL), task())
    names = method.state_dict().keys()
    assert {name.partition(".")[0] for name in names} == {
        "encoder", "projector", "predictor", "segmentation",
    }  # fmt: skip
    assert all(n.startswith("segmentation.branch.") for n in names if n.startswith("segm"))
    assert method.segmentation.masks.shape == (N_IMAGES, 16, 16)
    assert method.segmentation.masks.dtype == torch.uint8


def test_a_vit_has_no_maps() -> None:
    with pytest.raises(UsageError, match=r"vit_tiny_patch16_224 has none: take a conv"):
        build_s(encoder("vit_tiny_patch16_224"), SegInsSOptions(masks="m"), task())
