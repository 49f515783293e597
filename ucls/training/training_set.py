"""What all heads of a run are trained on: features and neighbours."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from ucls.errors import UsageError
from ucls.feature_sets import count_distinct
from ucls.preparation.columns import CHUNK
from ucls.preparation.prepared import Preparation
from ucls.settings.config import TrainConfig, required
from ucls.settings.objectives import RECORDS
from ucls.training.inputs import ViewsInMemory, fit_inputs
from ucls.training.sampling import NeighborSampler
from ucls.training.stored_inputs import ViewsOnDisk
from ucls.training.views import ViewKind, ViewSampler
from ucls.types import NeighborGraph


class TrainingSet:
    """The inputs of the heads, which no training changes.

    Args:
        features: float [N, D], or [V, N, D] with augmented views after the plain one; prepared.
            Float32 is overwritten if it keeps its width: give a copy to keep it. Those on disk stay
            there, and so do the inputs.
        graph: S_x of every image.
        config: all fields set, as :func:`ucls.settings.fitting.autoconfigure` leaves them.
        n_clusters: C.
        device: where everything lives that is not on disk.
        preparation: what became of the features, for those that come as extracted later.

    Attributes:
        inputs: what turns features into inputs.
        stored: the inputs of all images in all views that are drawn, [V, N, d].
        views: draws from all inputs.
        n_features: D.
        n_distinct: different images; counted as far as a head has clusters.

    Raises:
        UsageError: if the graph does not fit the features, an image has no neighbour, or augmented
            views are asked for and there are none.
    """

    def __init__(
        self,
        features: npt.NDArray[np.floating] | ViewsOnDisk,
        graph: NeighborGraph,
        config: TrainConfig,
        *,
        n_clusters: int,
        device: torch.device,
        preparation: Preparation | None = None,
    ) -> None:
        views = features if isinstance(features, ViewsOnDisk) else ViewsInMemory(features, device)
        n_views, self._n_images, self.n_features = views.shape
        _check_views(n_views, self._n_images, graph, config)
        kind: ViewKind = required(config.views)
        n_drawn = n_views if kind in ("augmented", "both") else 1
        self.device = device
        most_clusters = round(max(required(config.scales)) * n_clusters)
        self.n_distinct = count_distinct(views.plain, enough=most_clusters)
        n_inputs = config.components if isinstance(config.components, int) else self.n_features
        batch_norm = required(config.batch_norm)
        turned = RECORDS[config.objective].linear
        self.inputs = fit_inputs(
            views.rows(n_drawn), n_inputs, batch_norm=batch_norm, turned=turned
        )
        self.stored = views.store(self.inputs, n_drawn)
        if preparation is not None:
            self.inputs.preparation = preparation.to(device)
        self.views = ViewSampler(self.stored, NeighborSampler(graph, device), kind=kind)

    def __len__(self) -> int:
        """N."""
        return self._n_images

    def chunks(self) -> Iterator[torch.Tensor]:
        """The inputs of the plain images, some [n, d] at a time."""
        for start in range(0, len(self), CHUNK):
            yield self.stored[0, start : start + CHUNK]


def _check_views(n_views: int, n_images: int, graph: NeighborGraph, config: TrainConfig) -> None:
    if graph.n_images != n_images:
        raise UsageError(
            f"the graph is of {graph.n_images} images, but there are features of "
            f"{n_images}; build it of the same features"
        )
    if config.views in ("augmented", "both") and n_views == 1:
        raise UsageError(
            f"train.views is {config.views}, but no augmented views are cached; extract them with "
            "--views 2, or choose train.views=neighbor"
        )
