"""Features of images on their way from the model into a feature cache."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ucls.cache import FeatureCacheWriter
from ucls.cache.features.parts import Span
from ucls.extraction.background import Background
from ucls.extraction.earlier_rows import EarlierRows
from ucls.extraction.remarks import Remarks
from ucls.extraction.storing import store
from ucls.images.feature_files import FeatureArray
from ucls.images.sets import ImageSet
from ucls.malloc import freed_memory_kept
from ucls.progress import Advance

if TYPE_CHECKING:
    from ucls.backbones.protocol import Backbone


@dataclass(frozen=True)
class Batching:
    """How images go through the model.

    Attributes:
        batch_size: batch i holds the images from ``i * batch_size`` on.
        workers: processes that decode; 0 decodes in this one.
        strict: whether an unreadable image ends the extraction.
    """

    batch_size: int
    workers: int
    strict: bool


def write_features(
    writer: FeatureCacheWriter,
    images: ImageSet | FeatureArray,
    backbone: "Backbone | None",
    *,
    batching: Batching,
    span: Span,
    earlier: EarlierRows | None = None,
    advance: Advance,
) -> Remarks:
    """Extracts the images of a cache, or of a part of one, from where its writer is.

    Args:
        writer: of the cache, or of the part.
        images: the whole set.
        backbone: None for features.
        batching: of the whole set.
        span: the images that the writer is to have in the end.
        earlier: rows of an earlier cache, which need no model; only for the whole set.
        advance: told of each batch.

    Returns:
        What is to be said of those that are new.
    """
    from ucls.extraction.tokens import extract_tokens

    is_part = len(span) < len(images)
    rows = np.arange(span.stop) if is_part else None
    remarks = Remarks()
    with freed_memory_kept(), Background() as background:
        for batch in extract_tokens(
            images,
            backbone,
            n_augmented=writer.spec.n_views - 1,
            start=span.start + writer.n_seen,
            rows=rows if earlier is None else earlier.missing,
            batch_size=batching.batch_size,
            workers=batching.workers,
            on_unreadable="stop" if batching.strict else "skip",
            advance=advance,
        ):
            remarks += batch.remarks
            own = replace(batch, rows=batch.rows - span.start, n_seen=batch.n_seen - span.start)
            background.submit(store, writer, own, earlier)
        if earlier is not None:
            background.submit(earlier.copy_to, writer, len(images))
    return remarks
