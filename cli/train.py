"""``ucls train``."""

from ucls.cli import options as opt

EXAMPLE = "ucls train runs/digits"


def command(
    run: opt.RunPath,
    *,
    config: opt.ConfigFile = None,
    settings: opt.Settings = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    overwrite: opt.Overwrite = False,
    verbose: opt.Verbose = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train all clustering heads at the same time."""
    from ucls.cli.console import console_reporter
    from ucls.cli.settings import gather
    from ucls.stages.train import train

    path = train(
        run,
        settings=gather(config=config, settings=settings, device=device, seed=seed),
        overwrite=overwrite,
        reporter=console_reporter(quiet=quiet),
    )
    print(path)
    print(f"next: ucls ensemble {run}")
