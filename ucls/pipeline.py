"""The whole pipeline: images in, labelled clusters out."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from ucls.cache import FeatureCache, RunFolder, settings_key, write_csv
from ucls.config import Config, ExtractConfig
from ucls.datasets import Source, load_source
from ucls.image_sets import Labels
from ucls.progress import SILENT, Reporter
from ucls.stages.ensemble import ensemble
from ucls.stages.evaluate import evaluate
from ucls.stages.extract import extract, skipped_images
from ucls.stages.neighbors import neighbors
from ucls.stages.run import ExtractedData, Run, cache_key, known_n_clusters
from ucls.stages.self_train import self_train
from ucls.stages.train import train


class Finished(NamedTuple):
    """A finished run."""

    path: Path
    figures: dict[str, Any]
    """What ``metrics.json`` holds."""


def run(
    source: str,
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    labels: Labels = "none",
    val: str | None = None,
    cache_dir: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Finished:
    """Runs every stage; each continues or skips what an earlier, equal run has done.

    Args:
        source: a dataset name, a folder of images, or a feature file.
        out: the run folder; None for ``runs/NAME``.
        config: the settings; None for the defaults.
        labels: ``folders`` to take sub-folder names as labels, for evaluation only.
        val: images that are labelled but never trained on.
        cache_dir: of the feature caches; None for ``$UCLS_CACHE`` or the user's cache.
        overwrite: replace a run or feature cache that was made with other settings.
        reporter: shown what happens.

    Raises:
        MismatchError: if the folder or a cache holds something made with other settings.
        UsageError: if the source or the settings are wrong.
        UclsError: if a stage fails.
    """
    started = start(
        source,
        out=out,
        config=config,
        labels=labels,
        val=val,
        cache_dir=cache_dir,
        overwrite=overwrite,
        reporter=reporter,
    )
    path = started.folder.path
    neighbors(path, reporter=reporter)
    train(path, reporter=reporter)
    ensemble(path, reporter=reporter)
    self_train(path, reporter=reporter)
    return Finished(path, evaluate(path, reporter=reporter))


def start(
    source: str,
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    labels: Labels = "none",
    val: str | None = None,
    cache_dir: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Run:
    """Starts a run folder and extracts its features; arguments and errors as for :func:`run`."""
    from ucls.extract_settings import resolve_extract

    config = config or Config()
    opened = load_source(source, labels=labels, val=val)
    # Before anything long is started; resolving the settings checks it again on what was read.
    known_n_clusters(config, n_classes=opened.n_classes, n_images=len(opened.splits["train"]))
    extract_config = resolve_extract(config.extract, opened)
    identity = {"name": opened.name, "source": _absolute(source, opened), "labels": labels}
    if val is not None:
        identity["val"] = _absolute(val, opened)
    folder = RunFolder.begin(
        Path(out or Path("runs") / opened.name),
        source=identity,
        requested=config.model_dump(mode="json"),
        overwrite=overwrite,
    )
    key = _extraction_key(opened, extract_config)
    is_done = _is_extracted(folder, key)
    # What extraction took is not overwritten by what a look at its cache takes.
    with folder.lock(), nullcontext() if is_done else folder.stage("extract", key):
        caches = extract(
            opened,
            extract_config,
            cache_dir=cache_dir,
            device=config.device,
            overwrite=overwrite,
            reporter=reporter,
        )
        _list_skipped(folder, caches, opened, reporter)
    data = _describe(opened, extract_config, caches, config.device)
    if is_done and "data" in folder.record:
        # Settings were fitted to the device that the run began on; another one keeps them.
        begun = ExtractedData.model_validate(folder.record["data"])
        fitted_to = {"device": begun.device, "fast_precision": begun.fast_precision}
        data = data.model_copy(update=fitted_to)
    return Run.after_extraction(folder, data, reporter=reporter)


def _extraction_key(source: Source, config: ExtractConfig) -> str:
    fingerprints = {split: images.fingerprint for split, images in source.splits.items()}
    return settings_key(config.model_dump(), fingerprints)


def _is_extracted(folder: RunFolder, key: str) -> bool:
    caches = folder.record.get("data", {}).get("caches", {})
    return folder.key_of("extract") == key and all(Path(p).is_file() for p in caches.values())


def _list_skipped(
    folder: RunFolder, caches: dict[str, Path], source: Source, reporter: Reporter
) -> None:
    rows, target = skipped_images(caches), folder.file("skipped.csv")
    target.unlink(missing_ok=True)
    if rows:
        write_csv(target, ("path", "split", "reason"), rows)
        n_images = sum(map(len, source.splits.values()))
        reporter.say(
            f"extract: skipped what could not be read ({len(rows)} of {n_images:,}), see {target}"
        )


def extract_source(
    source: str,
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    labels: Labels = "none",
    val: str | None = None,
    cache_dir: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> dict[str, Path]:
    """Extracts features into the cache; starts a run too if ``out`` is given.

    Arguments and errors are those of :func:`run`, but the number of clusters is needed for a
    run only.

    Returns:
        The feature cache of each split.
    """
    from ucls.extract_settings import resolve_extract

    config = config or Config()
    if out is None:
        opened = load_source(source, labels=labels, val=val)
        return extract(
            opened,
            resolve_extract(config.extract, opened),
            cache_dir=cache_dir,
            device=config.device,
            overwrite=overwrite,
            reporter=reporter,
        )
    started = start(
        source,
        out=out,
        config=config,
        labels=labels,
        val=val,
        cache_dir=cache_dir,
        overwrite=overwrite,
        reporter=reporter,
    )
    return {split: Path(path) for split, path in started.data.caches.items()}


def _absolute(source: str, opened: Source) -> str:
    return source if opened.kind == "dataset" else str(Path(source).expanduser().resolve())


def _describe(
    source: Source, extract_config: ExtractConfig, caches: dict[str, Path], device_name: str
) -> ExtractedData:
    from ucls.devices import fast_precision, resolve_device

    device = resolve_device(device_name)
    with FeatureCache(caches["train"]) as cache:
        n_images, weights_hash = cache.n_rows, cache.spec.weights_hash
        widths = {name: cache.width(name) for name in cache.feature_sets}
    return ExtractedData(
        n_images=n_images,
        n_classes=source.n_classes,
        widths=widths,
        extract=extract_config,
        device=device.type,
        fast_precision=fast_precision(device),
        caches={split: str(path.resolve()) for split, path in caches.items()},
        cache_key=cache_key(caches),
        weights_hash=weights_hash,
        has_labels=source.n_classes is not None,
    )
