"""The partitions of a run's neighbour graph that vote beside its heads."""

from ucls.cache import read_merges, read_nearest
from ucls.cache import run_files as files
from ucls.merging import links
from ucls.merging.partitions import voting_partitions
from ucls.progress import Reporter
from ucls.runs.run import Run
from ucls.types import Labels


def partitions_of(run: Run, *, n_heads: int, n_images: int, reporter: Reporter) -> Labels:
    """Those that vote on the training images, int32 [V, N]; V is 0 if none does.

    Args:
        run: whose graph it is.
        n_heads: that vote.
        n_images: N.
        reporter: told that they vote.
    """
    file = run.folder.file
    return voting_partitions(
        read_merges(file(files.MERGES)) if run.merges else None,
        lambda: read_nearest(file(files.NEIGHBORS), links.NEAREST),
        run.n_clusters,
        n_heads=n_heads,
        n_images=n_images,
        linkage=run.config.merge.linkage,
        seed=run.config.seed,
        reporter=reporter,
    )
