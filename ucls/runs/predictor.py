"""A finished run in memory, which labels pictures as they come."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError, as_seen, read_image
from ucls.progress import SILENT, Reporter
from ucls.runs.labeller import Labeller
from ucls.runs.new_features import FeatureSelection, ImageTokens, backbone_as_trained
from ucls.runs.opening import open_run
from ucls.settings.extraction import with_weights

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone

Picture: TypeAlias = str | Path | Image.Image | NDArray[np.uint8]
"""An image file, an image of Pillow, or RGB pixels uint8 [H, W, 3]."""


class Prediction(NamedTuple):
    """What is said of a picture."""

    cluster: int
    """-1 where the picture is an outlier, or like those that were marked as wrong."""
    name: str
    """The given name of the cluster; empty where it has none."""
    confidence: float
    """Share of the heads of the consensus that put the picture into the cluster."""
    probability: float
    """What the classifier gives the cluster."""


class Predictor:
    """Labels pictures with the classifier of a finished run, all of which is loaded once.

    It says of an image file what ``ucls predict`` says of it, but for the last bits of what the
    backbone computes, which depend on how many images it is given at once::

        predictor = ucls.Predictor("runs/photos")
        predictor.predict("new.jpg").cluster

    Args:
        run: the run folder.
        weights: where the weights of the run's backbones are now, as in ``extract.weights``; empty
            if they are where they were.
        device: ``auto``, ``cpu`` or ``cuda[:i]``; None takes the run's setting.
        reporter: shown what happens.

    Raises:
        UsageError: if there is no run, it was made of feature files, or its weights are others.
        UclsError: if the run has no classifier yet.
    """

    def __init__(
        self,
        run: str | Path,
        *,
        weights: Sequence[str] = (),
        device: str | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        opened = open_run(run, after="self-train", reporter=reporter)
        extractions = with_weights(opened.data.extractions, weights)
        if "features" in extractions:
            raise UsageError(
                f"{run} was made of a feature file, so it cannot read images; label features of "
                f"the same backbone with: ucls predict {run} FEATURES.npy"
            )
        self._labeller = Labeller(opened)
        self._selection = FeatureSelection(self._labeller.feature_sets, extractions)
        self._backbones: dict[str, Backbone] = {
            name: backbone_as_trained(opened, name, extractions[name], device=device)
            for name in self._selection.backbones
        }
        self._batch_size = next(iter(extractions.values())).batch_size

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings that ``ucls predict`` gives its rows."""
        return self._labeller.columns

    # A text is a sequence of texts too; the first signature takes it.
    @overload
    def predict(self, images: Picture) -> Prediction: ...  # type: ignore[overload-overlap]

    @overload
    def predict(self, images: Sequence[Picture]) -> list[Prediction]: ...

    def predict(self, images: Picture | Sequence[Picture]) -> Prediction | list[Prediction]:
        """Labels one picture, or several.

        Args:
            images: what :data:`Picture` has, or a list of these.

        Returns:
            A prediction, or one for each.

        Raises:
            UnreadableImageError: if a file holds no image; its note names the file.
            UsageError: for anything else.
        """
        if not isinstance(images, list | tuple):
            return self._label([_as_image(images)])[0]
        size = self._fitting_batch_size if len(images) > 1 else 1
        found: list[Prediction] = []
        for start in range(0, len(images), size):
            found += self._label([_as_image(image) for image in images[start : start + size]])
        return found

    @cached_property
    def _fitting_batch_size(self) -> int:
        from ucls.extraction.batch_size import fitting_batch_size

        return self._batch_size or min(map(fitting_batch_size, self._backbones.values()))

    def _label(self, images: list[Image.Image]) -> list[Prediction]:
        tokens = {name: _tokens(backbone, images) for name, backbone in self._backbones.items()}
        labelled = self._labeller.label(self._selection.of(tokens))
        return [
            Prediction(cluster, self._labeller.name_of(cluster), confidence, probability)
            for cluster, confidence, probability in zip(
                *(values.tolist() for values in labelled), strict=True
            )
        ]


def _tokens(backbone: "Backbone", images: list[Image.Image]) -> ImageTokens:
    """What a backbone makes of pictures."""
    import torch

    tokens = backbone.encode(torch.stack([backbone.preprocess(image) for image in images]))
    means = tokens.patch_mean
    return tokens.cls.cpu().numpy(), None if means is None else means.cpu().numpy()


def _as_image(picture: Any) -> Image.Image:
    """A picture of mode ``RGB``."""
    if isinstance(picture, str | Path):
        try:
            return read_image(Path(picture))
        except UnreadableImageError as error:
            error.add_note(str(picture))
            raise
    if isinstance(picture, Image.Image):
        try:
            return as_seen(picture)
        except OSError as error:  # Pillow reads a file when its pixels are asked for
            raise UnreadableImageError(f"damaged: {error}") from error
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise UsageError(
                f"expected RGB pixels as uint8 [H, W, 3], got {picture.dtype} "
                f"{list(picture.shape)}: convert them, and give several pictures as a list"
            )
        return Image.fromarray(picture)
    raise UsageError(
        f"expected a path, an image of Pillow or an array, got {type(picture).__name__}"
    )
