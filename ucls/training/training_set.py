"""What all heads of a run are trained on: features and neighbours, on the device."""

import numpy as np
import numpy.typing as npt
import torch

from ucls.errors import UsageError
from ucls.feature_sets import count_distinct
from ucls.preparation.prepared import Preparation
from ucls.settings.config import TrainConfig, required
from ucls.settings.objectives import RECORDS
from ucls.training.inputs import fit_inputs, transform
from ucls.training.sampling import NeighborSampler
from ucls.training.views import ViewKind, ViewSampler
from ucls.types import NeighborGraph


class TrainingSet:
    """The inputs of the heads, which no training changes.

    Args:
        features: float [N, D], or [V, N, D] with augmented views after the plain one; prepared.
            Float32 is overwritten if it keeps its width: give a copy to keep it.
        graph: S_x of every image.
        config: all fields set, as :func:`ucls.settings.fitting.autoconfigure` leaves them.
        n_clusters: C.
        device: where everything lives.
        preparation: what became of the features, for those that come as extracted later.

    Attributes:
        inputs: what turns features into inputs.
        images: the inputs of the plain images, [N, d].
        views: draws from all inputs.
        n_features: D.
        n_distinct: different images; counted as far as a head has clusters.

    Raises:
        UsageError: if the graph does not fit the features, an image has no neighbour, or augmented
            views are asked for and there are none.
    """

    def __init__(
        self,
        features: npt.NDArray[np.floating],
        graph: NeighborGraph,
        config: TrainConfig,
        *,
        n_clusters: int,
        device: torch.device,
        preparation: Preparation | None = None,
    ) -> None:
        views = torch.from_numpy(np.require(features, np.float32, "W"))
        views = views.to(device) if views.ndim == 3 else views[None].to(device)
        _check_views(views, graph, config)
        kind: ViewKind = required(config.views)
        views = views if kind in ("augmented", "both") else views[:1]
        self.device, self.n_features = device, views.shape[2]
        most_clusters = round(max(required(config.scales)) * n_clusters)
        plain = features if features.ndim == 2 else features[0]
        self.n_distinct = count_distinct(plain, enough=most_clusters)
        n_inputs = config.components if isinstance(config.components, int) else self.n_features
        batch_norm = required(config.batch_norm)
        turned = RECORDS[config.objective].linear
        self.inputs = fit_inputs(
            views.flatten(0, 1), n_inputs, batch_norm=batch_norm, turned=turned
        )
        if preparation is not None:
            self.inputs.preparation = preparation.to(device)
        inputs = transform(self.inputs, views)
        self.images = inputs[0]
        self.views = ViewSampler(inputs, NeighborSampler(graph, device), kind=kind)

    def __len__(self) -> int:
        """N."""
        return len(self.images)


def _check_views(views: torch.Tensor, graph: NeighborGraph, config: TrainConfig) -> None:
    n_views, n_images, _ = views.shape
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
