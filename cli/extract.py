"""``ucls extract``: images to cached features."""

from ucls.cli import options as opt

EXAMPLE = "ucls extract photos/ -k 20 --out runs/photos"


def command(
    source: opt.SourceName,
    *,
    clusters: opt.Clusters = None,
    backbone: opt.Backbone = None,
    config: opt.ConfigFile = None,
    preset: opt.Preset = None,
    settings: opt.Settings = None,
    out: opt.Out = None,
    cache_dir: opt.CacheDir = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    labels: opt.FolderLabels = opt.LabelSource.NONE,
    val: opt.Val = None,
    strict: opt.Strict = None,
    overwrite: opt.Overwrite = False,
    verbose: opt.Verbose = False,
    quiet: opt.Quiet = False,
) -> None:
    """Extract the features of images into the cache, once and for all runs.

    With --out it also starts a run folder, which `ucls neighbors` continues.
    """
    from ucls import pipeline
    from ucls.cli.console import console_reporter
    from ucls.cli.settings import gather
    from ucls.config import Config

    values = gather(
        config=config,
        preset=preset,
        settings=settings,
        n_clusters=clusters,
        seed=seed,
        device=device,
        extract__backbone=backbone,
        extract__strict=strict,
    )
    caches = pipeline.extract_source(
        source,
        out=out,
        config=Config().with_values(values),
        labels=labels.value,
        val=val,
        cache_dir=cache_dir,
        overwrite=overwrite,
        reporter=console_reporter(quiet=quiet),
    )
    for split, path in caches.items():
        print(f"{split}: {path}")
    if out is not None:
        print(f"next: ucls neighbors {out}")
