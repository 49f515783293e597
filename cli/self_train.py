"""``ucls self-train``."""

from ucls.cli import options as opt

EXAMPLE = "ucls self-train runs/digits"


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
    """Train a classifier on the consensus, and label every image with it."""
    from ucls.cli.stage import run_stage
    from ucls.settings.given import gather
    from ucls.stages.self_train import self_train

    run_stage(
        self_train,
        run,
        next_command="evaluate",
        settings=gather(config=config, settings=settings, device=device, seed=seed),
        overwrite=overwrite,
        quiet=quiet,
    )
