"""Batches of features on their way into a feature cache."""

from typing import TYPE_CHECKING

from ucls.cache import FeatureCacheWriter
from ucls.extraction.earlier_rows import EarlierRows

if TYPE_CHECKING:
    from ucls.extraction.tokens import TokenBatch


def store(writer: FeatureCacheWriter, batch: "TokenBatch", earlier: EarlierRows | None) -> None:
    """Hands a batch to a writer in the order of the image set.

    Args:
        writer: of the cache.
        batch: from where the writer is, but for the rows of an earlier cache.
        earlier: these rows, which go in between.
    """
    if len(batch.paths) == batch.n_seen - writer.n_seen:
        writer.append(batch.cls, batch.patch_mean, batch.paths)
        return
    kept = {int(row): i for i, row in enumerate(batch.rows)}
    skipped = iter(batch.skipped)
    while writer.n_seen < batch.n_seen:
        if earlier is not None:
            earlier.copy_to(writer, batch.n_seen)
        if writer.n_seen not in kept:
            writer.skip(*next(skipped))
            continue
        one = slice(kept[writer.n_seen], kept[writer.n_seen] + 1)
        patch_mean = None if batch.patch_mean is None else batch.patch_mean[:, one]
        writer.append(batch.cls[:, one], patch_mean, batch.paths[one])
