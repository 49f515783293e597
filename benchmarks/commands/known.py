"""``python -m benchmarks known``: what known labels and pairs are worth."""

from typing import Annotated

import typer

from benchmarks import options as opt
from benchmarks.commands.quality import Sources

Efforts = Annotated[
    list[str] | None, typer.Option("--effort", help="quick, normal or thorough; default: quick.")
]


def command(
    *,
    seeds: opt.Seeds = 3,
    first_seed: opt.FirstSeed = 0,
    effort: Efforts = None,
    source: Sources = None,
) -> None:
    """Show the ACC of images of which nothing is known, while more is known of others.

    On digits, or on sources in their place: labels of 1, 5 and 10 percent of the images drawn at
    random, and 50 and 200 random pairs, beside scikit-learn's LabelSpreading on the same prepared
    features. Every seed has a run, and draws, of its own.

    Example: python -m benchmarks known --seeds 3 --effort quick --effort normal
    """
    import tempfile
    from pathlib import Path
    from typing import cast, get_args

    from benchmarks import known
    from benchmarks.machine import describe_machine
    from benchmarks.sets import SETS, openers, read_set
    from ucls.progress import PlainReporter
    from ucls.types import Effort

    efforts = opt.pick(effort or ["quick"], get_args(Effort), what="effort")
    sets = openers(source or ()) or {"digits": SETS["digits"]}
    print(describe_machine())
    with tempfile.TemporaryDirectory() as made:
        for name, opener in sets.items():
            data = read_set(opener(Path(made)), Path(made))
            for wanted in efforts:
                results: dict[str, list[known.Accuracy]] = {}
                for seed in range(first_seed, first_seed + seeds):
                    options = {"effort": cast(Effort, wanted), "seed": seed}
                    for row, one in known.measure(data, Path(made), **options).items():
                        results.setdefault(row, []).append(one)
                    PlainReporter().say(f"{name}, {wanted}, seed {seed}: done")
                print(f"{name}, {wanted}")
                known.known_table(results).show()
