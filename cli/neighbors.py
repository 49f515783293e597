"""``ucls neighbors``."""

from ucls.cli import options as opt

EXAMPLE = "ucls neighbors runs/digits"


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
    """Build the neighbour set of every training image."""
    from ucls.cli.stage import run_stage
    from ucls.settings.given import gather
    from ucls.stages.neighbors import neighbors

    run_stage(
        neighbors,
        run,
        next_command="train",
        settings=gather(config=config, settings=settings, device=device, seed=seed),
        overwrite=overwrite,
        quiet=quiet,
    )
