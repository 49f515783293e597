"""``ucls ensemble``: a consensus of the heads."""

from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls ensemble runs/digits --method vote --heads 0-4,7"

Method = Annotated[
    str | None,
    typer.Option(help="mcla, vote, hbgf, cspa, nmf, hgpa; or all: each, the highest ANMI marked."),
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
VertexWeights = Annotated[
    str | None, typer.Option(help="mcla: unit, or size for classes that are equal.")
]
Revote = Annotated[
    bool | None, typer.Option("--revote/--no-revote", help="mcla: vote until nothing changes.")
]
MinJaccard = Annotated[
    float | None, typer.Option(help="mcla: link clusters that overlap so much; 0 links all.")
]
Imbalance = Annotated[
    str | None,
    typer.Option(help="hbgf, cspa, hgpa: 1 lets clusters be twice the mean size; or auto."),
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
    vertex_weights: VertexWeights = None,
    revote: Revote = None,
    min_jaccard: MinJaccard = None,
    imbalance: Imbalance = None,
    split: Split = None,
    choose: Choose = False,
    config: opt.ConfigFile = None,
    settings: opt.Settings = None,
    overwrite: opt.Overwrite = False,
) -> None:
    """Combine the heads' clusters into one clustering.

    Results lie side by side in the run: with other options than the run's own settings, the run's
    own consensus stays the one that self-training uses, unless --choose is given. An option that
    is not given is as in the run's own settings, which --set ensemble.NAME=VALUE changes.
    """
    from ucls.cli.tables import print_ensembles
    from ucls.runs.consensus_figures import compare_ensembles
    from ucls.settings.given import gather
    from ucls.stages.ensemble import ensemble

    variant = gather(
        method=method,
        heads=heads,
        weights=weights,
        drop_collapsed=drop_collapsed,
        keep_k=keep_k,
        vertex_weights=vertex_weights,
        revote=revote,
        min_jaccard=min_jaccard,
        imbalance=imbalance,
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
