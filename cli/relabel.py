"""``ucls relabel``: corrections of a run's clusters."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cache import run_files as files
from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls relabel runs/photos corrections.toml --retrain"

CorrectionsFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE.toml]",
        help="Corrections, as the report saves them; default: those that the run has already.",
    ),
]
Retrain = Annotated[
    bool, typer.Option("--retrain", help="Train the classifier anew on the corrected labels.")
]


def command(
    run: opt.RunPath, corrections: CorrectionsFile = None, *, retrain: Retrain = False
) -> None:
    """Correct clusters: names, merges, splits, moved and wrong images, into labels and classifier.

    The corrections replace earlier ones; `edits = []` alone restores what was found.
    """
    from ucls.stages.relabel import relabel
    from ucls.wording import count

    result = relabel(run, corrections, retrain=retrain, reporter=chosen_reporter())
    sizes = result.labels.sizes()
    if not result.n_edits and corrections is None:
        print(f"{run} has no corrections yet: give a file, or make some with ucls serve {run}")
    elif not result.n_edits:
        print("what was found is restored")
    if result.n_replaced:
        previous = run / files.PREVIOUS_CORRECTIONS
        print(f"{count(result.n_replaced, 'earlier edit')} replaced, kept in {previous}")
    print(
        f"{count(result.n_edits, 'edit')}: {result.n_changed:,} of "
        f"{count(len(result.labels), 'image')} changed, {count(len(sizes), 'cluster')} now"
    )
    print(f"labels, found and corrected: {result.path}")
    if not result.keeps_training:
        print(f"the classifier was trained on other clusters; run: ucls relabel {run} --retrain")
    elif result.n_untold and not retrain:
        print(
            f"{count(result.n_untold, 'cluster')} cannot be told apart in new images yet; "
            f"run: ucls relabel {run} --retrain"
        )
    print(f"figures and page of the corrected labels: ucls evaluate {run}; ucls report {run}")
