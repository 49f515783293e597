"""``ucls extract``: images to cached features."""

from typing import TYPE_CHECKING

from ucls.cli import options as opt
from ucls.cli.stage import tell_next
from ucls.cli.verbosity import chosen_reporter
from ucls.runs.catalog import EXTRACT

if TYPE_CHECKING:
    from ucls.progress import Reporter
    from ucls.runs.features import Caches

MOST_LISTED = 10
EXAMPLE = "ucls extract photos/ -k 20 --out runs/photos"


def command(
    source: opt.SourceName,
    *,
    clusters: opt.Clusters = None,
    backbone: opt.Backbone = None,
    weights: opt.Weights = None,
    features: opt.Features = None,
    views: opt.Views = None,
    config: opt.ConfigFile = None,
    preset: opt.Preset = None,
    settings: opt.Settings = None,
    out: opt.Out = None,
    cache_dir: opt.CacheDir = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    labels: opt.FolderLabels = opt.LabelSource.NONE,
    val: opt.Val = None,
    array: opt.Array = None,
    data_dir: opt.DataDir = None,
    subset: opt.Subset = None,
    download: opt.Download = False,
    strict: opt.Strict = None,
    overwrite: opt.Overwrite = False,
) -> None:
    """Extract the features of images into the cache, once and for all runs.

    With --out it also starts a run folder, which `ucls neighbors` continues.
    """
    from ucls import pipeline
    from ucls.errors import UsageError
    from ucls.settings.config import Config
    from ucls.settings.given import gather
    from ucls.sources import load_source

    if out is None and (clusters, seed) != (None, None):
        raise UsageError(
            "-k and --seed belong to a run: pass --out too, which starts one, or leave them out"
        )
    values = gather(
        config=config,
        preset=preset,
        settings=settings,
        n_clusters=clusters,
        seed=seed,
        device=device,
        features=features,
        extract__backbone=backbone,
        extract__weights=weights,
        extract__views=views,
        extract__strict=strict,
    )
    reporter = chosen_reporter()
    caches = pipeline.extract_source(
        load_source(
            source,
            labels=labels.value,
            val=val,
            array=array,
            data_dir=data_dir,
            subset=subset,
            download=download,
        ),
        out=out,
        config=Config().with_values(values),
        cache_dir=cache_dir,
        overwrite=overwrite,
        reporter=reporter,
    )
    if out is None:
        report_skipped(caches, reporter)
    for split, by_backbone in caches.items():
        for path in by_backbone.values():
            print(f"{split}: {path}")
    if out is not None:
        tell_next(EXTRACT, out)


def report_skipped(caches: "Caches", reporter: "Reporter") -> None:
    """Tells the first of the images that could not be read, and where the others are listed."""
    from ucls.runs.features import skipped_images

    skipped = skipped_images(caches)
    for path, split, reason in skipped[:MOST_LISTED]:
        reporter.say(f"skipped {path} ({split}): {reason}")
    if len(skipped) > MOST_LISTED:
        reporter.say(f"skipped {len(skipped) - MOST_LISTED:,} more; all: ucls cache info NAME")
