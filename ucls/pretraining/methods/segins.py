"""SegIns (thesis, chapter 3): instance discrimination that also learns where the foreground is.

Shapes: N images, B of a batch, S pixels per side of stored masks, C channels of a map of h x h.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ucls.backbones.dense_stage import DenseStage, dense_stage
from ucls.backbones.encoder import Encoder
from ucls.errors import UsageError
from ucls.pretraining.crops import Boxes, crop
from ucls.pretraining.methods.moco import Moco, check_groups, queue_size
from ucls.pretraining.methods.simsiam import SimSiam
from ucls.pretraining.precision import widened
from ucls.pretraining.protocol import Batch, Task
from ucls.pretraining.segmentation import LOSSES, SegmentationBranch, binary
from ucls.pretraining.views import N_GLOBAL
from ucls.ranks import gather
from ucls.settings.config import required
from ucls.settings.pretraining_methods import SegInsMOptions, SegInsOptions, SegInsSOptions

STORED = 2
"""Pixels of a stored mask for each of the loss, so that crops still have their shape."""

Seen = list[tuple[Tensor, Tensor]]
"""What went into an encoder, and the map of its stage."""


class Segmentation(nn.Module):
    """The segmentation branch on a stage of an encoder, with the masks it learns from.

    The loss is taken at twice the side of the map, 28 x 28 of images of 224 pixels in a ResNet.

    Args:
        stage: of the encoder.
        masks: uint8 [N, S, S], on the CPU.
        options: of the method.
    """

    def __init__(self, stage: DenseStage, masks: Tensor, options: SegInsOptions) -> None:
        super().__init__()
        self.branch = SegmentationBranch(stage.width)
        self.stage, self.masks = stage, masks  # neither is part of the state
        self.of_masks, self.weight = LOSSES[options.segmentation], options.segmentation_weight

    @contextmanager
    def watch(self, encoder: Encoder) -> Iterator[Seen]:
        """Notes what goes through the encoder."""
        inputs: list[Tensor] = []
        seen: Seen = []
        hooks = (
            encoder.register_forward_pre_hook(lambda _, given: inputs.append(given[0])),
            self.stage.module.register_forward_hook(
                lambda _, __, maps: seen.append((inputs[-1], maps))
            ),
        )
        try:
            yield seen
        finally:
            for hook in hooks:
                hook.remove()

    def loss(self, encoder: Encoder, batch: Batch, seen: Seen) -> Tensor:
        """The weighted loss, the mean over the global views, over the images of all ranks, []."""
        losses = []
        for view, boxes in list(zip(batch.views.pixels, batch.views.boxes, strict=True))[:N_GLOBAL]:
            logits = self.branch(self._maps_of(view, encoder, seen))
            masks = self.cut(batch.rows, boxes, logits.shape[-1])
            losses.append(self.of_masks(gather(widened(logits), dim=0), gather(masks, dim=0)))
        return self.weight * torch.stack(losses).mean()

    def cut(self, rows: Tensor, boxes: Boxes, size: int) -> Tensor:
        """Cuts the masks of images as their views were cut, float32 [B, 1, size, size] of 0 and 1.

        Args:
            rows: of the images, int64 [B].
            boxes: where the views were cut out, on the device.
            size: pixels per side.
        """
        masks = self.masks[rows.cpu()].to(boxes.x.device, torch.float32)
        return binary(crop(masks.unsqueeze(1), boxes, size))

    def _maps_of(self, view: Tensor, encoder: Encoder, seen: Seen) -> Tensor:
        for given, maps in seen:
            if given is view:
                return maps
        with self.watch(encoder) as noted:  # the method does not encode it by this encoder
            encoder(view)
        return noted[0][1]


class SegInsS(SimSiam):
    """SimSiam with a segmentation branch, thesis eq. 3.5.

    Args:
        encoder: that is learned.
        options: of the method.
        segmentation: of the encoder.
    """

    def __init__(
        self, encoder: Encoder, options: SegInsSOptions, segmentation: Segmentation
    ) -> None:
        super().__init__(encoder, options)
        self.segmentation = segmentation

    def loss(self, batch: Batch) -> Tensor:
        """The loss of SimSiam, and that of the masks."""
        with self.segmentation.watch(self.encoder) as seen:
            loss = super().loss(batch)
        return loss + self.segmentation.loss(self.encoder, batch, seen)


class SegInsM(Moco):
    """MoCo v2 with a segmentation branch, thesis eq. 3.5.

    MoCo gives the second view to the network of the keys, through which no gradient flows; so the
    encoder that is learned sees that view for its mask alone.

    Args:
        encoder: that is learned.
        options: of the method.
        queue: K.
        segmentation: of the encoder.
    """

    def __init__(
        self, encoder: Encoder, options: SegInsMOptions, *, queue: int, segmentation: Segmentation
    ) -> None:
        super().__init__(encoder, options, queue=queue)
        self.segmentation = segmentation

    def loss(self, batch: Batch) -> Tensor:
        """The loss of MoCo, and that of the masks."""
        with self.segmentation.watch(self.encoder) as seen:
            loss = super().loss(batch)
        return loss + self.segmentation.loss(self.encoder, batch, seen)


def build_segmentation(encoder: Encoder, options: SegInsOptions, task: Task) -> Segmentation:
    """Builds the branch, and reads the masks.

    Raises:
        UsageError: if the encoder has no maps, or masks are missing.
    """
    stage = dense_stage(encoder)
    if stage is None:
        raise UsageError(
            f"SegIns needs a network with maps of what is where, but architecture "
            f"{encoder.architecture.name} has none: take a convolutional one, such as "
            "--arch resnet18"
        )
    masks = required(task.read_masks)(STORED * 2 * stage.side)
    return Segmentation(stage, torch.from_numpy(masks), options)


def build_s(encoder: Encoder, options: SegInsSOptions, task: Task) -> SegInsS:
    """Builds SegIns on SimSiam with random weights."""
    return SegInsS(encoder, options, build_segmentation(encoder, options, task))


def build_m(encoder: Encoder, options: SegInsMOptions, task: Task) -> SegInsM:
    """Builds SegIns on MoCo v2 with random weights.

    Raises:
        UsageError: as :func:`build_segmentation` and :func:`ucls.pretraining.methods.moco.build`.
    """
    check_groups(options)
    segmentation = build_segmentation(encoder, options, task)
    queue = queue_size(options, task)
    return SegInsM(encoder, options, queue=queue, segmentation=segmentation)
