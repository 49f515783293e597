"""Features of new images, made as those of a finished run were."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ucls.errors import UsageError
from ucls.feature_sets import parse_features, side_by_side
from ucls.images.feature_files import BATCH_SIZE, FeatureArray
from ucls.images.sets import ImageSet
from ucls.runs.backbone import backbone_of
from ucls.runs.run import Run
from ucls.settings.config import ExtractConfig, required

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone
    from ucls.extraction.tokens import TokenBatch

ImageTokens = tuple[NDArray[np.floating], NDArray[np.floating] | None]
"""Class tokens [B, L, D] and mean patch tokens [B, D], or None."""


class FeatureSelection:
    """What becomes of tokens, as in the feature caches of a run.

    Attributes:
        backbones: those whose tokens are needed.

    Args:
        features: sets such as ``cls+patch``, or ``cls@NAME,cls@OTHER``.
        backbones: all of the run, the first of which sets without a name are of.
        dtype: of the feature caches, to which features are rounded.
    """

    def __init__(
        self, features: Sequence[str], backbones: Iterable[str], *, dtype: DTypeLike = np.float16
    ) -> None:
        first = next(iter(backbones))
        self._dtype = dtype
        self._sets = {
            text: [(part.feature_set, part.backbone or first) for part in parse_features(text)]
            for text in features
        }
        parts = (part for parts in self._sets.values() for part in parts)
        self.backbones = list(dict.fromkeys(backbone for _, backbone in parts))

    def of(self, tokens: Mapping[str, ImageTokens]) -> dict[str, NDArray[np.floating]]:
        """The features [B, D'] of each set, of the tokens of each backbone."""
        return {
            text: side_by_side([self._rounded(tokens[name], kind) for kind, name in parts])
            for text, parts in self._sets.items()
        }

    def _rounded(self, tokens: ImageTokens, feature_set: str) -> NDArray[np.float32]:
        from ucls.extraction.tokens import select_tokens

        return select_tokens(*tokens, feature_set).astype(self._dtype).astype(np.float32)


def features_of_new_images(
    run: Run,
    images: ImageSet | FeatureArray,
    features: Sequence[str],
    *,
    extractions: Mapping[str, ExtractConfig],
    device: str | None,
) -> Iterator[tuple["TokenBatch", dict[str, NDArray[np.floating]]]]:
    """Yields batches of images with their features [B, D'], rounded as in the feature caches.

    Each image passes each backbone once, however many sets of features are made of its tokens.
    The backbones run in the precision that fits this device, unless one was asked for.

    Args:
        run: whose features they shall be like.
        images: the new ones.
        features: sets such as ``cls+patch``, or ``cls@NAME,cls@OTHER``; they name the features
            in the batches.
        extractions: backbone to the settings of its extraction.
        device: where the backbones run; None takes the run's setting.

    Raises:
        UsageError: if the weights found are not those that the run was made with.
    """
    dtype = np.float32 if isinstance(images, FeatureArray) else np.float16
    wanted = FeatureSelection(features, extractions, dtype=dtype)
    chosen = {name: extractions[name] for name in wanted.backbones}
    streams = _token_streams(run, images, chosen, device)
    with run.reporter.track("predict", len(images), "images") as advance:
        done = 0
        for batches in zip(*streams, strict=True):
            tokens = [
                (batch.cls[0], None if batch.patch_mean is None else batch.patch_mean[0])
                for batch in batches
            ]
            yield batches[0], wanted.of(dict(zip(wanted.backbones, tokens, strict=True)))
            advance(batches[0].n_seen - done)
            done = batches[0].n_seen


def _token_streams(
    run: Run,
    images: ImageSet | FeatureArray,
    extractions: Mapping[str, ExtractConfig],
    device: str | None,
) -> list[Iterator["TokenBatch"]]:
    """The tokens of each backbone, in batches of the same images."""
    from ucls.extraction.batch_size import fitting_batch_size
    from ucls.extraction.tokens import extract_tokens

    backbones: list[Backbone | None] = [None]
    fitting = BATCH_SIZE
    if isinstance(images, ImageSet):
        built = [
            backbone_as_trained(run, name, config, device=device)
            for name, config in extractions.items()
        ]
        backbones = [*built]
        fitting = min(map(fitting_batch_size, built))
    config = next(iter(extractions.values()))
    return [
        extract_tokens(
            images,
            backbone,
            batch_size=config.batch_size or fitting,
            workers=required(config.workers),
            on_unreadable="stop" if config.strict else "skip",
        )
        for backbone in backbones
    ]


def backbone_as_trained(
    run: Run, name: str, config: ExtractConfig, *, device: str | None = None
) -> "Backbone":
    """Builds a backbone of a run.

    Args:
        run: whose it is.
        name: of the backbone.
        config: its settings, with the place where its weights are now.
        device: where it runs; None takes the run's setting.

    Raises:
        UsageError: if the weights found are not those that the run was made with.
    """
    backbone = backbone_of(config, device or run.config.device)
    trained_with = run.data.weights_hashes[name]
    if backbone.spec.weights_hash != trained_with:
        raise UsageError(
            f"the run was made with weights {trained_with[:12]} of {name}, but those "
            f"found now are {backbone.spec.weights_hash[:12]}; give the same file with --weights"
        )
    return backbone
