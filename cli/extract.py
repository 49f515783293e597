"""``ucls extract``: images to cached features."""

from ucls.cli import options as opt

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
    data_dir: opt.DataDir = None,
    subset: opt.Subset = None,
    download: opt.Download = False,
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
    from ucls.sources import load_source

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
    caches = pipeline.extract_source(
        load_source(
            source,
            labels=labels.value,
            val=val,
            data_dir=data_dir,
            subset=subset,
            download=download,
        ),
        out=out,
        config=Config().with_values(values),
        cache_dir=cache_dir,
        overwrite=overwrite,
        reporter=console_reporter(quiet=quiet),
    )
    for split, by_backbone in caches.items():
        for path in by_backbone.values():
            print(f"{split}: {path}")
    if out is not None:
        print(f"next: ucls neighbors {out}")
