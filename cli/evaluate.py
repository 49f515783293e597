"""``ucls evaluate``: the results of a run as a table."""

from ucls.cli import options as opt

EXAMPLE = "ucls evaluate runs/digits"


def command(
    run: opt.RunPath,
    *,
    config: opt.ConfigFile = None,
    settings: opt.Settings = None,
    overwrite: opt.Overwrite = False,
    verbose: opt.Verbose = False,
    quiet: opt.Quiet = False,
) -> None:
    """Measure every result of a run, against labels where they are known."""
    from ucls.cli.tables import print_results
    from ucls.console import console_reporter
    from ucls.settings.given import gather
    from ucls.stages.evaluate import evaluate

    figures = evaluate(
        run,
        settings=gather(config=config, settings=settings),
        overwrite=overwrite,
        reporter=console_reporter(quiet=quiet),
    )
    print_results(figures)
    print(f"\nall figures: {run / 'metrics.json'}")
