"""ContraCAM (Mo et al., NeurIPS 2021): the foreground by what tells an image from others.

Shapes: B images of a batch, S pixels per side, C channels of a map of h x w, D of an embedding.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ucls.backbones.learned import read_network
from ucls.backbones.learned_files import NETWORK, learned_file
from ucls.backbones.timm_backbone import hash_weights
from ucls.devices import resolve_device
from ucls.errors import UsageError
from ucls.settings.masks import ContraCAMOptions, MasksConfig

Layer = Callable[[Tensor], Tensor]
_LEAST = 1e-20


def contrastive_score(embeddings: Tensor, keys: Tensor, others: Sequence[Tensor]) -> Tensor:
    """How well each image is told from the others of its batch, [B].

    The public code sums the likeness over the whole batch before the logarithm. That is the same in
    the first iteration, and later nearly so; here it is that of each image, as in the paper.

    Args:
        embeddings: of length 1, [B, D].
        keys: of the images as they were at first, [B, D].
        others: of the images in each iteration so far, [B, D] each; an image is not told from
            itself, and has 1 in that place of the sum, as in the public code.
    """
    likeness = (embeddings * keys).sum(dim=1)
    is_other = 1 - torch.eye(len(embeddings), device=embeddings.device)
    against = torch.cat([embeddings @ one.T * is_other for one in others], dim=1)
    return likeness - against.logsumexp(dim=1)


def activation_map(maps: Tensor, gradients: Tensor, size: int) -> Tensor:
    """GradCAM of channels that raise the score alone, from 0 to 1 in each image, [B, S, S].

    Args:
        maps: [B, C, h, w].
        gradients: of the score with respect to them, of the same shape.
        size: S.
    """
    weights = gradients.mean(dim=(2, 3), keepdim=True).clamp_min(0)
    raised = (weights * maps).sum(dim=1, keepdim=True).relu()
    raised = F.interpolate(raised, (size, size), mode="bicubic", align_corners=False).squeeze(1)
    raised = raised - raised.amin(dim=(1, 2), keepdim=True)
    return raised / (raised.amax(dim=(1, 2), keepdim=True) + _LEAST)


def contracam(images: Tensor, *, to_maps: Layer, embed: Layer, iterations: int) -> Tensor:
    """Iterative ContraCAM: what is found is painted over, then the next is looked for.

    Args:
        images: normalised, [B, channels, S, S].
        to_maps: from images to maps [B, C, h, w].
        embed: from maps to embeddings of length 1, [B, D].
        iterations: how often it looks.

    Returns:
        float32 [B, S, S] in 0..1, the highest of all iterations.
    """
    paint = images.mean(dim=(0, 2, 3), keepdim=True)
    found = images.new_zeros(len(images), *images.shape[2:])
    seen: list[Tensor] = []
    for _ in range(iterations):
        covered = found.unsqueeze(1)
        with torch.no_grad():
            maps = to_maps(images * (1 - covered) + paint * covered)
        maps.requires_grad_()
        embeddings = embed(maps)
        seen.append(embeddings.detach())
        score = contrastive_score(embeddings, seen[0], seen).sum()
        (gradients,) = torch.autograd.grad(score, maps)
        found = torch.maximum(found, activation_map(maps.detach(), gradients, images.shape[-1]))
    return found


class ContraCAM:
    """ContraCAM with a network that ``ucls pretrain`` learned.

    The public code embeds by the projector that was trained beside the network. A run folder keeps
    the network alone, so that its pooled vectors, at length 1, stand for the embeddings.

    Args:
        folder: of ``ucls pretrain``.
        options: of the method.
        device: where to compute.

    Raises:
        UsageError: if there is no network, or none with maps.
    """

    def __init__(self, folder: str, options: ContraCAMOptions, device: torch.device) -> None:
        file = learned_file(Path(folder).expanduser())
        if file is None:
            raise UsageError(
                f"ContraCAM needs a network that `ucls pretrain` learned, but {folder} holds no "
                f"{NETWORK}: pass the run folder as --backbone"
            )
        encoder, mean, std = read_network(file)
        if encoder.map_width is None:
            raise UsageError(
                f"ContraCAM needs a network with maps, but the one in {folder} is "
                f"{encoder.architecture.name}: take a convolutional one, such as "
                "`ucls pretrain --arch resnet18`, or --method tokencut"
            )
        self._encoder = encoder.eval().requires_grad_(False).to(device)
        self._mean, self._std = (torch.tensor(x, device=device).view(-1, 1, 1) for x in (mean, std))
        self._device, self._iterations = device, options.iterations
        architecture = encoder.architecture
        self.image_size, self.channels = architecture.image_size, architecture.channels
        self.batch_size, self.threshold = options.batch_size, options.threshold
        self.weights_hash = hash_weights(encoder.state_dict(), variant=architecture.name)

    def __call__(self, pixels: Tensor) -> Tensor:
        """float32 [B, S, S] in 0..1 of pixels uint8 [B, channels, S, S]."""
        images = (pixels.to(self._device, torch.float32) / 255 - self._mean) / self._std
        return contracam(
            images, to_maps=self._encoder.maps, embed=self._embed, iterations=self._iterations
        ).cpu()

    def _embed(self, maps: Tensor) -> Tensor:
        return F.normalize(self._encoder.pool(maps), dim=1)


def build(config: MasksConfig, options: ContraCAMOptions) -> ContraCAM:
    """Builds the method with its network.

    Raises:
        UsageError: if there is none that fits.
    """
    folder = config.backbone or config.weights
    if folder is None:
        raise UsageError(
            "ContraCAM needs a network that `ucls pretrain` learned: pass its run folder as "
            "--backbone"
        )
    return ContraCAM(folder, options, resolve_device(config.device))
