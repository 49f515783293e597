"""``ucls ensemble``: a consensus of the heads."""

from typing import Annotated

import typer

from ucls.cli import options as opt

EXAMPLE = "ucls ensemble runs/digits --method vote --heads 0-4,7"

Method = Annotated[str | None, typer.Option(help="mcla or vote; default: the run's own.")]
Heads = Annotated[
    str | None, typer.Option(help="all, best, or numbers such as 0-4,7; default: the run's own.")
]
Choose = Annotated[
    bool, typer.Option("--choose", help="Let self-training use this consensus from now on.")
]


def command(
    run: opt.RunPath,
    *,
    method: Method = None,
    heads: Heads = None,
    choose: Choose = False,
    config: opt.ConfigFile = None,
    settings: opt.Settings = None,
    overwrite: opt.Overwrite = False,
    verbose: opt.Verbose = False,
    quiet: opt.Quiet = False,
) -> None:
    """Combine the heads' clusters into one clustering.

    Results lie side by side in the run: with --method or --heads, the run's own consensus stays
    the one that self-training uses, unless --choose is given.
    """
    from ucls.cli.console import console_reporter
    from ucls.cli.settings import gather
    from ucls.cli.tables import print_ensembles
    from ucls.stages.consensus_figures import compare_ensembles
    from ucls.stages.ensemble import ensemble

    ensemble(
        run,
        method=method,
        heads=heads,
        choose=choose,
        settings=gather(config=config, settings=settings),
        overwrite=overwrite,
        reporter=console_reporter(quiet=quiet),
    )
    print_ensembles(compare_ensembles(run))
