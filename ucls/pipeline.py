"""The whole pipeline: images in, labelled clusters out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ucls.cache import read_json
from ucls.cache import run_files as files
from ucls.config import Config
from ucls.errors import NothingLeftError
from ucls.progress import SILENT, Reporter
from ucls.report.finished import Finished
from ucls.runs.catalog import later_stages
from ucls.runs.features import Caches
from ucls.settings.extraction import resolve_extractions
from ucls.sources import GivenLabels, GivenSource, open_source
from ucls.stages.alternatives import (
    alternative_places,
    apart_config,
    check_wanted,
    keep_alternatives,
    standing,
    told_if_crossed,
)
from ucls.stages.extract import extract
from ucls.stages.start import start

__all__ = ["Finished", "extract_source", "run", "start"]


def run(
    source: GivenSource,
    *,
    n_clusters: int | None = None,
    labels: GivenLabels | None = None,
    out: str | Path | None = None,
    alternatives: int = 1,
    config: Config | None = None,
    cache_dir: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Finished:
    """Runs every stage; each continues or skips what an earlier, equal run has done.

    Args:
        source: a dataset name, a folder or list of images, or a feature file; features [N, D] as
            an array of NumPy or a tensor; for more than that, what
            :func:`ucls.sources.load_source` returns.
        n_clusters: how many clusters; None for what the settings say, else as many as there are
            classes, else as many as the features speak for.
        labels: to evaluate with, never to train with: N integers or texts beside an array;
            ``folders`` for the names of a folder's sub-folders.
        out: the run folder; None for ``runs/NAME``.
        alternatives: how many clusterings are wanted, each unlike all others; those after the first
            are runs beside it, ``NAME-alternative-2`` and so on, of as many clusters as their
            features speak for. Where one does not hold it is told, and no more are tried.
        config: the other settings; None for the defaults.
        cache_dir: of the feature caches; None for ``$UCLS_CACHE`` or the user's cache.
        overwrite: replace a run or feature cache that was made with other settings.
        reporter: shown what happens.

    Raises:
        MismatchError: if the folder or a cache holds something made with other settings.
        UsageError: if the source or the settings are wrong.
        UclsError: if a stage fails.

    Example:
        >>> from ucls.config import Config
        >>> from ucls.pipeline import run
        >>> config = Config(n_clusters=4, effort="quick")
        >>> finished = run("features.npz", out="runs/again", config=config)
        >>> finished.figures["train"]["ensemble.chosen"]["acc"]
        1.0
    """
    config = config or Config()
    if n_clusters is not None:
        config = config.with_values({"n_clusters": n_clusters})
    opened = open_source(source, labels=labels)
    check_wanted(alternatives, opened.n_images)

    def clustered(place: str | Path | None, config: Config) -> Finished:
        path = start(
            opened,
            out=place,
            config=config,
            cache_dir=cache_dir,
            overwrite=overwrite,
            reporter=reporter,
        ).folder.path
        for stage in later_stages():
            stage(path, reporter=reporter)
        return Finished(path, read_json(path / files.METRICS))

    first = clustered(out, config)
    if alternatives == 1:
        return first
    others = _alternatives(first.path, clustered, config, most=alternatives, reporter=reporter)
    keep_alternatives(first.path, [other.path for other in others])
    return replace(first, alternatives=others)


def _alternatives(
    first: Path,
    clustered: Callable[[Path, Config], Finished],
    config: Config,
    *,
    most: int,
    reporter: Reporter,
) -> tuple[Finished, ...]:
    """Finds other clusterings than the first, until one does not hold."""
    found: list[Finished] = []
    for place in alternative_places(first, most):
        known = [first, *(one.path for one in found)]
        reporter.say(f"alternatives: {place}, apart from {', '.join(map(str, known))}")
        try:
            other = clustered(place, apart_config(config, known))
            fault = standing(place, reporter=reporter).fault
        except NothingLeftError as error:
            fault = str(error)
        if fault:
            reporter.say(f"alternatives: clustering {len(known) + 1} does not hold: {fault}")
            if not found and (crossed := told_if_crossed(first)):
                reporter.say(f"alternatives: {crossed}")
            break
        found.append(other)
    return tuple(found)


def extract_source(
    source: GivenSource,
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    cache_dir: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Caches:
    """Extracts features into the cache; starts a run too if ``out`` is given.

    Arguments and errors are those of :func:`run`, but the number of clusters is needed for a
    run only.

    Returns:
        The feature cache of each split and backbone.

    Example:
        >>> from ucls.pipeline import extract_source
        >>> caches = extract_source("features.npz")
        >>> {split: list(by_backbone) for split, by_backbone in caches.items()}
        {'train': ['features']}
    """
    config = config or Config()
    opened = open_source(source)
    if out is None:
        return extract(
            opened,
            resolve_extractions(config, opened),
            cache_dir=cache_dir,
            device=config.device,
            overwrite=overwrite,
            reporter=reporter,
        )
    begun = start(
        opened,
        out=out,
        config=config,
        cache_dir=cache_dir,
        overwrite=overwrite,
        reporter=reporter,
    )
    return begun.caches
