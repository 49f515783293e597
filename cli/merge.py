"""``ucls merge``."""

from ucls.cli import options as opt

EXAMPLE = "ucls merge runs/digits --set merge.linkage=average"


def command(
    run: opt.RunPath,
    *,
    config: opt.ConfigFile = None,
    settings: opt.Settings = None,
    overwrite: opt.Overwrite = False,
    verbose: opt.Verbose = False,
    quiet: opt.Quiet = False,
) -> None:
    """Merge the heads' clusters down to the number wanted, by the links between neighbours."""
    from ucls.cli.stage import run_stage
    from ucls.settings.given import gather
    from ucls.stages.merge import merge

    run_stage(
        merge,
        run,
        next_command="ensemble",
        settings=gather(config=config, settings=settings),
        overwrite=overwrite,
        quiet=quiet,
    )
