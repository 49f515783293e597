"""``ucls evaluate``: the results of a run as a table."""

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls evaluate runs/digits"


def command(
    run: opt.RunPath,
    *,
    config: opt.ConfigFile = None,
    settings: opt.Settings = None,
    overwrite: opt.Overwrite = False,
) -> None:
    """Measure every result of a run, against labels where they are known."""
    from ucls.cli.tables import print_results
    from ucls.runs.heads import warn_of_collapse
    from ucls.settings.given import gather
    from ucls.stages.evaluate import evaluate

    figures = evaluate(
        run,
        settings=gather(config=config, settings=settings),
        overwrite=overwrite,
        reporter=chosen_reporter(),
    )
    print_results(figures)
    print(f"\nall figures: {run / 'metrics.json'}")
    warn_of_collapse(run, chosen_reporter())
