"""How good a network is while it trains, by labels that the training never sees.

Shapes: n images, D width of the encoder, C clusters.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ucls.metrics.baselines import knn_accuracy
from ucls.metrics.scores import ami, ari, clustering_accuracy, nmi
from ucls.pretraining.collapse import collapse_note
from ucls.pretraining.pixels import PixelBatch, Pixels
from ucls.pretraining.protocol import Method
from ucls.pretraining.views import MultiCrop
from ucls.types import Labels

BATCH = 512
MOST_IMAGES = 5_000
"""Of an even sample; one half of them names the other by their neighbours."""
N_NEIGHBORS = 20


class Encoded(NamedTuple):
    """What a method makes of some images, on the CPU."""

    vectors: Tensor
    """float32 [n, D]."""
    watched: Tensor
    """What must not be the same for all, [n, d]."""
    logits: Tensor | None
    """[n, C]; None for a method without clusters."""


class Measurer:
    """Measures a method on images as they are.

    Args:
        pixels: to learn from.
        crops: whose size and normalisation are taken.
        labels: of the images, int32 [N], -1 where not known; None without.
        device: where to compute.
    """

    def __init__(
        self, pixels: Pixels, crops: MultiCrop, *, labels: Labels | None, device: torch.device
    ) -> None:
        self.pixels, self.crops, self.labels, self.device = pixels, crops, labels, device

    def measure(self, method: Method) -> dict[str, Any]:
        """Figures of one epoch, by a sample of the images."""
        rows = self.pixels.rows
        if self.labels is not None:
            rows = rows[self.labels[rows] >= 0]
        if len(rows) > MOST_IMAGES:
            rows = rows[np.linspace(0, len(rows) - 1, MOST_IMAGES).astype(np.int64)]
        parts = list(self._encode_all(method, rows))
        found = _joined([encoded for _, encoded in parts])
        note = collapse_note(found.watched, found.logits)
        figures: dict[str, Any] = {} if note is None else {"collapse": note}
        if self.labels is not None:
            read = np.concatenate([rows for rows, _ in parts])
            figures |= _scores(found, self.labels[read])
        return figures

    def clusters(self, method: Method) -> Iterator[tuple[NDArray[np.int64], Labels]]:
        """The clusters int32 [n] of images [n], some at a time; none for a method without."""
        for rows, encoded in self._encode_all(method, self.pixels.rows):
            if encoded.logits is not None:
                yield rows, encoded.logits.argmax(dim=1).numpy().astype(np.int32)

    def collapse(self, method: Method, batch: PixelBatch) -> str | None:
        """What is wrong with what a method makes of a batch; None if nothing is."""
        found = self._encode(method, batch)
        return collapse_note(found.watched, found.logits)

    def _encode_all(
        self, method: Method, rows: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], Encoded]]:
        chunks = [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
        for batch in self.pixels.batches(chunks):
            yield batch.rows, self._encode(method, batch)

    @torch.no_grad()
    def _encode(self, method: Method, batch: PixelBatch) -> Encoded:
        method.eval()
        vectors = method.encoder(self.crops.plain(batch.pixels.to(self.device)))
        logits, watched = method.clusters(vectors), method.watched(vectors)
        method.train()
        return Encoded(vectors.cpu(), watched.cpu(), None if logits is None else logits.cpu())


def _joined(parts: list[Encoded]) -> Encoded:
    logits = [part.logits for part in parts if part.logits is not None]
    vectors, watched = (torch.cat(values) for values in list(zip(*parts, strict=True))[:2])
    return Encoded(vectors, watched, torch.cat(logits) if logits else None)


def _scores(found: Encoded, labels: Labels) -> dict[str, float]:
    figures = {}
    if found.logits is not None:
        clusters = found.logits.argmax(dim=1).numpy().astype(np.int32)
        scores = {"acc": clustering_accuracy, "nmi": nmi, "ami": ami, "ari": ari}
        figures = {name: score(labels, clusters) for name, score in scores.items()}
    vectors, is_first = found.vectors.numpy(), np.arange(len(labels)) % 2 == 0
    figures["knn"] = knn_accuracy(
        vectors[is_first],
        labels[is_first],
        vectors[~is_first],
        labels[~is_first],
        k=N_NEIGHBORS,
    )
    return figures
