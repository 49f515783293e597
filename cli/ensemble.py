"""``ucls ensemble``: a consensus of the heads."""

import inspect
from typing import Annotated, Any

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter
from ucls.ensemble.methods import ALL, METHODS, all_options, methods_with
from ucls.ensemble.options import Flag, Number, Option

EXAMPLE = "ucls ensemble runs/digits --method vote --heads 0-4,7"

Method = Annotated[
    str | None,
    typer.Option(help=f"{', '.join(METHODS)}; or {ALL}: each, the highest ANMI marked."),
]
Heads = Annotated[
    str | None,
    typer.Option(
        help="all; best or best:16, lowest loss; anmi or anmi:16, nearest to the other heads; "
        "or numbers such as 0-4,7."
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        help="How much heads count in votes and in the confidence: equal, loss, or agreement "
        "with the consensus."
    ),
]
KeepK = Annotated[bool | None, typer.Option("--keep-k/--no-keep-k", help="Refill empty clusters.")]
DropCollapsed = Annotated[
    bool | None,
    typer.Option("--drop-collapsed/--keep-collapsed", help="Leave out heads that have collapsed."),
]
Split = Annotated[
    str | None, typer.Option(metavar="train|val", help="Make that of this split alone.")
]
Choose = Annotated[
    bool,
    typer.Option("--choose", help="Let self-training use it; then: ucls self-train RUN."),
]


def command(
    run: opt.RunPath,
    *,
    method: Method = None,
    heads: Heads = None,
    weights: Weights = None,
    drop_collapsed: DropCollapsed = None,
    keep_k: KeepK = None,
    split: Split = None,
    choose: Choose = False,
    config: opt.ConfigFile = None,
    settings: opt.Settings = None,
    overwrite: opt.Overwrite = False,
    **options: Any,
) -> None:
    """Combine the heads' clusters into one clustering.

    Results lie side by side in the run: with other options than the run's own settings, the run's
    own consensus stays the one that self-training uses, unless --choose is given. An option that
    is not given is as in the run's own settings, which --set ensemble.NAME=VALUE changes.
    """
    from ucls.cli.tables import print_ensembles
    from ucls.runs.consensus_figures import compare_ensembles
    from ucls.runs.heads import warn_of_collapse
    from ucls.settings.given import gather
    from ucls.stages.ensemble import ensemble

    variant = gather(
        method=method,
        heads=heads,
        weights=weights,
        drop_collapsed=drop_collapsed,
        keep_k=keep_k,
        **options,
    )
    ensemble(
        run,
        variant=variant,
        split=split,
        choose=choose,
        settings=gather(config=config, settings=settings),
        overwrite=overwrite,
        reporter=chosen_reporter(),
    )
    figures = compare_ensembles(run)
    print_ensembles(figures if split is None else {split: figures[split]})
    warn_of_collapse(run, chosen_reporter())


def _parameter(option: Option) -> inspect.Parameter:
    """The command's option for an option of methods."""
    takes: Any = str
    if isinstance(option.kind, Flag):
        takes = bool
    elif isinstance(option.kind, Number) and option.default is not None:
        takes = option.kind.type
    told = typer.Option(help=f"{', '.join(methods_with(option.name))}: {option.help}")
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[takes | None, told],
    )


def _add_options_of_methods() -> None:
    """Puts them where the command takes ``options``."""
    *own, _ = inspect.signature(command).parameters.values()
    place = [one.name for one in own].index("split")
    of_methods = map(_parameter, all_options().values())
    signature = inspect.Signature([*own[:place], *of_methods, *own[place:]])
    vars(command)["__signature__"] = signature
    methods = "; ".join(f"{method.name} {method.help}" for method in METHODS.values())
    command.__doc__ = f"{inspect.getdoc(command)}\n\nMethods: {methods}."


_add_options_of_methods()
