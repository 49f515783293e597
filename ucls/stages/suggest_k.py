"""How many clusters a source or a run falls apart into, with what speaks for it."""

from pathlib import Path

from ucls.cache import atomic_write, cache_directory, check_output
from ucls.cache import run_files as files
from ucls.config import Config
from ucls.counting import Suggestion, check_enough
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.runs.features import Classes, SplitFeatures
from ucls.runs.opening import open_run
from ucls.runs.suggested import suggest
from ucls.settings.extraction import resolve_extractions
from ucls.sources import GivenSource, open_source
from ucls.stages.extract import extract
from ucls.stages.start import describe

KINDS = (".png", ".svg")


def suggest_k(
    source: GivenSource,
    *,
    config: Config | None = None,
    cache_dir: str | Path | None = None,
    plot: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Suggestion:
    """Suggests a number of clusters, as ``ucls run`` does where none is given.

    Features are extracted into the cache where they are not there yet; nothing else is written but
    the plot.

    Args:
        source: what to cluster, see :func:`ucls.sources.load_source`; or a run folder, whose
            features and settings are taken.
        config: settings, of which those of extraction and preparation count; not for a run.
        cache_dir: of the feature caches.
        plot: a ``.png`` or ``.svg`` to draw the signs into.
        overwrite: replace a file there.
        reporter: shown what happens.

    Raises:
        UsageError: if the source, the settings or the plot's name are wrong, or there are too few
            images.

    Example:
        >>> from ucls.stages.suggest_k import suggest_k
        >>> suggestion = suggest_k("runs/features")
        >>> suggestion.n_clusters, suggestion.how_sure
        (4, 'clear')
    """
    target = None if plot is None else Path(plot)
    if target is not None:
        _check_plot(target, overwrite=overwrite)
    if isinstance(source, str) and is_run(source):
        run = open_run(source, after="extract", reporter=reporter)
        with run.features("train") as features:
            suggestion = suggest(run.requested, run.data, features, reporter=reporter)
    else:
        suggestion = _of_source(source, config or Config(), cache_dir, reporter)
    if target is not None:
        _draw(suggestion, target)
    return suggestion


def is_run(source: str) -> bool:
    """Whether a source is a run folder."""
    return (Path(source) / files.RECORD).is_file()


def _of_source(
    source: GivenSource, config: Config, cache_dir: str | Path | None, reporter: Reporter
) -> Suggestion:
    opened = open_source(source)
    check_enough(opened.n_images)
    extractions = resolve_extractions(config, opened)
    caches = extract(
        opened,
        extractions,
        cache_dir=cache_directory(Path(cache_dir) if cache_dir else None),
        device=config.device,
        reporter=reporter,
    )
    data = describe(opened, extractions, caches, device_name=config.device, labels_key=None)
    classes = Classes(opened.classes, opened.class_map)
    with SplitFeatures(caches["train"], classes=classes) as features:
        return suggest(config, data, features, reporter=reporter)


def _check_plot(path: Path, *, overwrite: bool) -> None:
    if path.suffix.lower() not in KINDS:
        raise UsageError(
            f"expected a plot to be named .png or .svg, got {path}: give it one of these endings"
        )
    check_output(path, is_own=lambda _: False, overwrite=overwrite)


def _draw(suggestion: Suggestion, path: Path) -> None:
    from ucls.report.plots.style import house_style, save_figure
    from ucls.report.plots.suggestion_figure import suggestion_figure

    path.parent.mkdir(parents=True, exist_ok=True)
    with house_style(), atomic_write(path) as partial:
        save_figure(suggestion_figure(suggestion), partial, path.suffix[1:].lower())
