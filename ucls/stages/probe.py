"""How good the features of a run, a source or a cache are, measured with labels in sight."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.backbones.learned_files import learned_file
from ucls.cache import FeatureCache, cache_directory, list_caches, open_cache
from ucls.cache.features.catalog import CACHE_NAME
from ucls.config import Config
from ucls.datasets import DATASETS
from ucls.errors import MismatchError, UsageError
from ucls.pretraining.record import RECORD, learned_from
from ucls.progress import SILENT, Reporter
from ucls.runs.features import Caches, SplitFeatures
from ucls.runs.labels import by_names, known_labels, true_labels
from ucls.runs.opening import open_run
from ucls.runs.preparation import fit_spaces, in_words
from ucls.runs.resolve import ExtractedData, fitting_features, refuse_late_settings
from ucls.settings.extraction import resolve_extractions
from ucls.settings.fitting import is_left_alone
from ucls.settings.probe import NEIGHBORS, ProtocolName
from ucls.sources import Source, load_source
from ucls.stages.extract import extract
from ucls.stages.start import describe
from ucls.stages.suggest_k import is_run
from ucls.types import Figures, Labels
from ucls.wording import count

UNLABELLED = "a probe needs to know what images show"


class _Images(NamedTuple):
    """What is probed, by split."""

    name: str
    told: str
    """Which features these are."""
    features: Mapping[str, NDArray[np.float32]]
    labels: Mapping[str, Labels]
    config: Config


def probe(
    source: Source | str | Path,
    *,
    val: str | None = None,
    protocol: ProtocolName = "thesis",
    settings: Mapping[str, Any] | None = None,
    cache_dir: str | Path | None = None,
    reporter: Reporter = SILENT,
) -> Figures:
    """Measures k-NN and linear classifiers that learn the true labels of images.

    They learn from ``train`` and are scored on ``val``, or on a random fifth of ``train`` where
    there is no ``val``. Nothing is written, but features of a source that are not in the cache yet.

    Args:
        source: an open source; or a run folder, that of a network that was learned, or the name
            of a feature cache.
        val: the name of the feature cache to score, beside that of one to learn from.
        protocol: how linear classifiers are trained; see
            :data:`ucls.settings.probe.PROTOCOLS`.
        settings: dotted names to values: ``seed``, ``device``, ``features`` and
            ``neighbors.prepare``, and for a source those of its extraction.
        cache_dir: of the feature caches.
        reporter: shown what happens.

    Returns:
        ``source``, ``features``, ``n_train``, ``n_val``, ``n_classes``, ``held_out`` (whether val
        is a part of train), ``seed``; ``knn``, see :func:`ucls.metrics.probe.knn_figures`;
        ``linear_probe``, see :func:`ucls.metrics.probe.linear_figures`.

    Raises:
        UsageError: if labels or features are missing, or are of one class.

    Example:
        >>> from ucls.stages.probe import probe
        >>> figures = probe("runs/features", protocol="c2bin")
        >>> figures["knn"][0]
        {'k': 5, 'weighted': 1.0, 'majority': 1.0}
    """
    from ucls.devices import resolve_device
    from ucls.metrics.probe import Labelled, check_probe, hold_out, knn_figures, linear_figures

    folder = cache_directory(Path(cache_dir) if cache_dir else None)
    images = _open(source, val, dict(settings or {}), folder, reporter)
    seed = images.config.seed
    labelled = {
        split: Labelled.known(images.features[split], labels)
        for split, labels in images.labels.items()
    }
    train, held_out = labelled["train"], "val" not in labelled
    check_probe(train, train)
    train, scored = hold_out(train, seed=seed) if held_out else (train, labelled["val"])
    check_probe(train, scored)
    sizes = f"{count(len(train.labels), 'image')} to learn from, {len(scored.labels):,} to score"
    whence = "a held-out fifth, as there is no val" if held_out else "val"
    reporter.say(f"probe: {images.name}, {images.told}: {sizes} ({whence})")
    if len(train.labels) < max(NEIGHBORS):
        reporter.say(
            f"note: there are {count(len(train.labels), 'image')} to learn from, so that no more "
            "neighbours vote"
        )
    knn = knn_figures(train, scored)
    linear = linear_figures(
        train,
        scored,
        protocol=protocol,
        seed=seed,
        device=resolve_device(images.config.device),
        reporter=reporter,
    )
    return {
        "source": images.name,
        "features": images.told,
        "n_train": len(train.labels),
        "n_val": len(scored.labels),
        "n_classes": len(np.unique(train.labels)),
        "held_out": held_out,
        "seed": seed,
        "knn": knn,
        "linear_probe": linear,
    }


def is_cache(name: str, cache_dir: str | Path | None = None) -> bool:
    """Whether a feature cache is named, and no dataset, other file or folder."""
    path = Path(name)
    if path.exists():
        return path.is_file() and CACHE_NAME.fullmatch(path.name) is not None
    known = list_caches(cache_directory(Path(cache_dir) if cache_dir else None))
    return name not in DATASETS and any(entry.path.name.startswith(name) for entry in known)


def is_learned(source: str | Path) -> bool:
    """Whether a source is a folder of ``ucls pretrain``, whose images the network is probed on."""
    return (Path(source) / RECORD).is_file() and learned_file(Path(source)) is not None


def _open(
    source: Source | str | Path,
    val: str | None,
    settings: dict[str, Any],
    cache_dir: Path,
    reporter: Reporter,
) -> _Images:
    if isinstance(source, Source):
        return _of_source(source, Config().with_values(settings), cache_dir, reporter)
    if is_learned(source):
        arguments: dict[str, Any] = learned_from(Path(source))
        opened = load_source(**arguments)
        values = {"extract.backbone": str(source), **settings}
        return _of_source(opened, Config().with_values(values), cache_dir, reporter)
    refuse_late_settings(settings)
    if is_run(str(source)):
        if val is not None:
            raise UsageError(f"{source} is a run, which has its own val: leave out --val")
        return _of_run(source, settings)
    return _of_cache(source, val, Config().with_values(settings), cache_dir)


def _of_source(source: Source, config: Config, cache_dir: Path, reporter: Reporter) -> _Images:
    if source.n_classes is None:
        raise UsageError(
            f"{source.name} has no labels, and {UNLABELLED}: for a folder pass --labels folders, "
            "a list of images takes them as a column 'label', a feature file as an array 'labels'"
        )
    extractions = resolve_extractions(config, source)
    caches = extract(
        source, extractions, cache_dir=cache_dir, device=config.device, reporter=reporter
    )
    data = describe(source, extractions, caches, device_name=config.device, labels_key=None)
    return _prepared(source.name, data, caches, true_labels(source, caches).labels, config=config)


def _of_run(path: str | Path, settings: dict[str, Any]) -> _Images:
    run = open_run(path)
    labels = known_labels(run)
    if "train" not in labels:
        raise UsageError(
            f"{path} knows no labels, and {UNLABELLED}: give `ucls run` a labelled source, a "
            "folder with --labels folders"
        )
    name, config = run.folder.record["source"]["name"], run.requested.with_values(settings)
    return _prepared(name, run.data, run.caches, labels, config=config)


def _prepared(
    name: str, data: ExtractedData, caches: Caches, labels: Mapping[str, Labels], *, config: Config
) -> _Images:
    """The features of each split that has labels, prepared as a run would."""
    feature_set = fitting_features(config.features, data)
    features: dict[str, NDArray[np.float32]] = {}
    for split in labels:
        with SplitFeatures(caches[split], classes=data.classes) as cache:
            features[split] = cache.read(feature_set)
    preparation, told = fit_spaces(
        features["train"],
        feature_set,
        data,
        wanted=config.neighbors.prepare or "auto",
        n_clusters=int(labels["train"].max()) + 1,
        seed=config.seed,
    )
    told = f"{feature_set} of {', '.join(data.widths)}, {told}"
    prepared = {split: preparation.of_array(columns) for split, columns in features.items()}
    return _Images(name, told, prepared, labels, config)


def _of_cache(name: str | Path, val: str | None, config: Config, cache_dir: Path) -> _Images:
    from ucls.preparation.fitting import fit_space
    from ucls.preparation.prepared import Preparation

    named = {"train": name} if val is None else {"train": name, "val": val}
    with ExitStack() as stack:
        caches = {
            split: stack.enter_context(open_cache(one, cache_dir)) for split, one in named.items()
        }
        first = caches["train"]
        labels = {split: _cached_labels(cache, like=first) for split, cache in caches.items()}
        feature_set = config.features or (
            f"cls+{first.spec.patches}" if first.spec.has_patch_mean else "cls"
        )
        features = {split: cache.read(feature_set) for split, cache in caches.items()}
    backbone = first.spec.backbone
    wanted = config.neighbors.prepare or "auto"
    is_alone = wanted == "auto" and is_left_alone(backbone)
    space, reason = fit_space(features["train"], "none" if is_alone else wanted)
    prepare = Preparation([space]).of_array
    told = f"{feature_set} of {backbone}, features {in_words(space.kind)}"
    told += f" ({reason})" if reason else ""
    prepared = {split: prepare(columns) for split, columns in features.items()}
    return _Images(first.path.name, told, prepared, labels, config)


def _cached_labels(cache: FeatureCache, *, like: FeatureCache) -> Labels:
    """The labels of a cache [N], numbered as those of another one of the same features."""
    labels, names, wanted = cache.labels(), cache.class_names(), like.class_names()
    if labels is None:
        raise UsageError(
            f"{cache.path} holds no labels, and {UNLABELLED}: name the source that it was made "
            "of, with its labels, or another cache"
        )
    model, other = (
        (one.spec.backbone, one.spec.weights_hash, one.spec.n_features) for one in (cache, like)
    )
    if model != other:
        raise MismatchError(
            f"{cache.path} holds features of another model than {like.path} "
            f"({' '.join(map(str, model))}, not {' '.join(map(str, other))}): name two of the same"
        )
    return labels if names is None or wanted is None else by_names(labels, names, wanted)
