"""Stage ``extract`` of a run: a source to a run folder and the features of its images."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter

from ucls.cache import FeatureCache, RunFolder, cache_directory, settings_key, write_csv
from ucls.cache import run_files as files
from ucls.counting import check_enough
from ucls.errors import MismatchError, NothingLeftError
from ucls.images.sets import ImageSet
from ucls.progress import SILENT, Reporter
from ucls.runs.apart import label_keys
from ucls.runs.catalog import EXTRACT, run_files
from ucls.runs.features import Caches, Classes, SplitFeatures, skipped_images
from ucls.runs.known import check_known, read_known
from ucls.runs.labels import keep_labels
from ucls.runs.opening import fitted_settings
from ucls.runs.recording import recorded
from ucls.runs.resolve import ExtractedData, check_min_size, check_n_clusters, read_extracted
from ucls.runs.run import Run, cache_key
from ucls.runs.suggested import keep_other_factors, suggest, suggested_number, told
from ucls.runs.time_limit import fitting_effort
from ucls.settings.config import Config, ExtractConfig
from ucls.settings.extraction import cached_name, resolve_extractions
from ucls.sources import GivenSource, Source, open_source
from ucls.stages.extract import extract
from ucls.wording import count


def start(
    source: GivenSource,
    *,
    out: str | Path | None = None,
    config: Config | None = None,
    cache_dir: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Run:
    """Starts a run folder and extracts its features.

    Needs nothing; leaves ``run.json``, ``config.toml`` and, where there are any, ``truth.h5`` and
    ``skipped.csv``, beside the feature caches, which all runs share. What an earlier, equal run
    has extracted is not extracted again.

    Arguments and errors are those of :func:`ucls.pipeline.run`.
    """
    from ucls.devices import resolve_device

    started, config = perf_counter(), config or Config()
    opened = open_source(source)
    # Before anything long is started; resolving the settings checks it again on what was read.
    is_apart = bool(config.neighbors.apart_from)
    n_known = config.n_clusters or (None if is_apart else opened.n_classes)
    if n_known is None:
        check_enough(opened.n_images)
    else:
        check_n_clusters(n_known, opened.n_images)
    check_min_size(config, opened.n_images)
    resolve_device(config.device)
    place = Path(out or Path("runs") / opened.name)
    check_known(config, place, n_clusters=n_known)
    apart = label_keys(config.neighbors.apart_from, place / files.APART)
    extractions = resolve_extractions(config, opened)
    cache_dir = cache_directory(Path(cache_dir) if cache_dir else None)
    folder = RunFolder.begin(
        place,
        source=_identity(opened, extractions),
        requested=config.model_dump(mode="json"),
        stale=run_files(),
        overwrite=overwrite,
    )
    if not overwrite:
        _refuse_other_images(folder, opened)
    key = _extraction_key(opened, extractions)
    is_done = _is_extracted(folder, key)
    # What extraction took is not overwritten by what a look at its cache takes.
    with folder.lock(), nullcontext() if is_done else recorded(folder, EXTRACT.name, key):
        caches = extract(
            opened,
            extractions,
            cache_dir=cache_dir,
            device=config.device,
            overwrite=overwrite,
            reporter=reporter,
        )
        _list_skipped(folder, caches, opened, reporter)
        labels_key = keep_labels(folder, opened, caches)
    data = describe(opened, extractions, caches, device_name=config.device, labels_key=labels_key)
    if is_done and "data" in folder.record:
        # Settings were fitted to the device that the run began on; another one keeps them.
        begun = read_extracted(folder)
        kept = ["device", "fast_precision", "effort", "time_limit"]
        if begun.suggested_apart == apart:
            kept += ["n_suggested", "suggested_apart"]
        data = data.model_copy(update={name: getattr(begun, name) for name in kept})
    if n_known is None and data.n_suggested is None:
        apart_file = folder.file(files.APART)
        number = _suggested(config, data, caches, kept=apart_file, reporter=reporter)
        data = data.model_copy(update={"n_suggested": number, "suggested_apart": apart})
    if data.time_limit != config.time_limit:
        data = data.model_copy(update={"effort": "normal", "time_limit": config.time_limit})
        if config.time_limit is not None:
            elapsed = perf_counter() - started
            effort = fitting_effort(config, data, elapsed=elapsed, reporter=reporter)
            data = data.model_copy(update={"effort": effort})
    folder.update(data=data.model_dump(mode="json"))
    run = Run(folder.path, reporter=reporter)
    known = read_known(run)  # of images that there are
    if known is not None and known.skipped:
        reporter.warn(
            f"{count(len(known.skipped), 'image')} of which something is known could not be read, "
            f"such as {known.skipped[0]}: it has no part"
        )
    reporter.say(f"settings fitted to the data (change any with --set):\n{fitted_settings(run)}")
    run.folder.write_config(run.config.model_dump(mode="json"))
    return run


def _suggested(
    config: Config, data: ExtractedData, caches: Caches, *, kept: Path, reporter: Reporter
) -> int:
    """The number of clusters that the features speak for, which is told."""
    with SplitFeatures(caches["train"], classes=data.classes) as features:
        suggestion = suggest(config, data, features, reporter=reporter)
        keep_other_factors(suggestion, config, features, kept=kept)
    if config.neighbors.apart_from and suggestion.n_clusters == 1:
        raise NothingLeftError(
            "without what tells the known clusters apart the images hold together as one cluster"
        )
    number = suggested_number(suggestion)
    reporter.say(f"clusters: {told(suggestion)}; -k NUMBER sets another, ucls cut tries it")
    return number


def _identity(source: Source, extractions: Mapping[str, ExtractConfig]) -> dict[str, str]:
    """What tells the features of one run from another's; data and weights may move."""
    arguments = {name: text for name, text in source.arguments.items() if name != "data_dir"}
    backbones = ", ".join(map(cached_name, extractions.values()))
    kind = {"kind": source.kind} if source.kind == "packed" else {}  # older runs have none
    return {"name": source.name, **arguments, **kind, "backbones": backbones}


def _extraction_key(source: Source, extractions: Mapping[str, ExtractConfig]) -> str:
    fingerprints = {split: images.fingerprint for split, images in source.splits.items()}
    settings = {
        cached_name(config): config.model_dump(exclude={"weights", "workers", "batch_size"})
        for config in extractions.values()
    }
    return settings_key(settings, fingerprints)


def _is_extracted(folder: RunFolder, key: str) -> bool:
    caches = folder.record.get("data", {}).get("caches", {})
    paths = [path for by_backbone in caches.values() for path in by_backbone.values()]
    return folder.key_of(EXTRACT.name) == key and all(Path(path).is_file() for path in paths)


def _refuse_other_images(folder: RunFolder, source: Source) -> None:
    """Keeps the clusters of a run whose images have changed since, unless they may be replaced.

    Raises:
        MismatchError: if they have.
    """
    if not folder.record["stages"].keys() - {EXTRACT.name}:
        return
    for split, by_backbone in folder.record["data"]["caches"].items():
        for path in filter(Path.is_file, map(Path, by_backbone.values())):
            with FeatureCache(path) as cache:
                is_same = cache.spec.fingerprint == source.splits[split].fingerprint
            if not is_same:
                raise MismatchError(
                    f"the images of {source.name} have changed since {folder.path} was made: "
                    f"ucls update {folder.path} labels the new ones; to cluster all anew pass "
                    "--overwrite, which extracts only what is new, or another --out"
                )


def _list_skipped(folder: RunFolder, caches: Caches, source: Source, reporter: Reporter) -> None:
    kept = {split: set(_paths(source, split)) for split in source.splits}
    rows = [row for row in skipped_images(caches) if row[0] in kept[row[1]]]
    target = folder.file(files.SKIPPED)
    target.unlink(missing_ok=True)
    if rows:
        write_csv(target, ("path", "split", "reason"), rows)
        n_images = sum(map(source.count_images, source.splits))
        path, _, reason = rows[0]
        reporter.say(
            f"extract: skipped what could not be read ({len(rows)} of {n_images:,}), see {target}; "
            f"the first is {path}, {reason}"
        )


def _paths(source: Source, split: str) -> list[str]:
    images = source.splits[split]
    images = images.of_classes(source.classes) if isinstance(images, ImageSet) else images
    return images.paths


def describe(
    source: Source,
    extractions: Mapping[str, ExtractConfig],
    caches: Caches,
    *,
    device_name: str,
    labels_key: str | None,
) -> ExtractedData:
    """What the extraction of a source found out."""
    from ucls.devices import fast_precision, resolve_device

    device = resolve_device(device_name)
    classes = Classes(source.classes, source.class_map)
    with SplitFeatures(caches["train"], classes=classes) as features:
        n_images, specs, n_views = len(features), features.specs, features.n_views
    return ExtractedData(
        n_images=n_images,
        n_classes=source.n_classes,
        widths={
            name: {features: spec.width(features) for features in spec.feature_sets}
            for name, spec in specs.items()
        },
        extractions=dict(extractions),
        device=device.type,
        fast_precision=fast_precision(device),
        caches={
            split: {name: str(path.resolve()) for name, path in by_backbone.items()}
            for split, by_backbone in caches.items()
        },
        classes=classes,
        cache_key=cache_key(caches),
        weights_hashes={name: spec.weights_hash for name, spec in specs.items()},
        n_views=n_views,
        labels_key=labels_key,
    )
