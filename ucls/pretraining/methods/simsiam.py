"""SimSiam (Chen and He, CVPR 2021), with multi-crop as in the thesis, section 4.2.

Shapes: B images, D width of the encoder, d of the embedding.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ucls.backbones.encoder import Encoder
from ucls.pretraining.precision import widened
from ucls.pretraining.protocol import Batch, Method, Task
from ucls.pretraining.views import duos
from ucls.settings.pretraining_methods import SimSiamOptions


def distance(prediction: Tensor, target: Tensor) -> Tensor:
    """The negative cosine, thesis eq. 3.1.

    Args:
        prediction: [B, d].
        target: [B, d]; no gradient flows into it.

    Returns:
        [], in -1..1.
    """
    return -F.cosine_similarity(widened(prediction), widened(target.detach()), dim=1).mean()


class SimSiam(Method):
    """An encoder with a projector, and a predictor from one view to the other.

    Args:
        encoder: that is learned.
        options: of the method.
    """

    def __init__(self, encoder: Encoder, options: SimSiamOptions) -> None:
        super().__init__(encoder)
        self.options = options
        width, dim = encoder.width, options.dim
        hidden = [
            layer for _ in range(options.projector_layers - 1) for layer in _hidden(width, width)
        ]
        self.projector = nn.Sequential(
            *hidden, nn.Linear(width, dim, bias=False), nn.BatchNorm1d(dim, affine=False)
        )
        self.predictor = nn.Sequential(
            *_hidden(dim, options.predictor_dim), nn.Linear(options.predictor_dim, dim)
        )

    def loss(self, batch: Batch) -> Tensor:
        """Thesis eq. 3.2, the mean over the duos of views."""
        targets = [self.projector(self.encoder(view)) for view in batch.views.pixels]
        predictions = [self.predictor(target) for target in targets]
        found = [
            distance(predictions[one], targets[other]) + distance(predictions[other], targets[one])
            for one, other in duos(len(targets))
        ]
        return torch.stack(found).mean() / 2

    def steady_parameters(self) -> list[nn.Parameter]:
        """Of the predictor, if asked for."""
        return list(self.predictor.parameters()) if self.options.fix_pred_lr else []

    def watched(self, vectors: Tensor) -> Tensor:
        """The embeddings."""
        embeddings: Tensor = self.projector(vectors)
        return embeddings


def _hidden(width: int, out: int) -> tuple[nn.Module, ...]:
    return nn.Linear(width, out, bias=False), nn.BatchNorm1d(out), nn.ReLU(inplace=True)


def build(encoder: Encoder, options: SimSiamOptions, _: Task) -> SimSiam:
    """Builds the method with random weights."""
    return SimSiam(encoder, options)
