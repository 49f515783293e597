"""``ucls train``."""

from ucls.cli import options as opt

EXAMPLE = "ucls train runs/digits --objective scan"


def command(
    run: opt.RunPath,
    *,
    objective: opt.Objective = None,
    config: opt.ConfigFile = None,
    settings: opt.Settings = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    overwrite: opt.Overwrite = False,
    verbose: opt.Verbose = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train all clustering heads at the same time."""
    from ucls.cli.stage import run_stage
    from ucls.settings.given import gather
    from ucls.stages.train import train

    run_stage(
        train,
        run,
        next_command="merge",
        settings=gather(
            config=config,
            settings=settings,
            device=device,
            seed=seed,
            train__objective=objective,
        ),
        overwrite=overwrite,
        quiet=quiet,
    )
