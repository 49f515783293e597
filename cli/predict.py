"""``ucls predict``: labels for new images."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ucls.cache import STDOUT, check_output, has_json_lines, has_table
from ucls.cli import options as opt
from ucls.cli.console import apart_from
from ucls.cli.extract import MOST_LISTED
from ucls.cli.verbosity import chosen_reporter

if TYPE_CHECKING:
    from ucls.stages.predict import Predicted

EXAMPLE = "ucls predict runs/photos new-photos/ --out new.csv"
STDIN = "-"

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="As `run` takes it: a folder or list of images, archives, a feature file, a dataset; "
        "or one image; or - for paths on standard input, one a line.",
    ),
]
OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where to write; - for standard output, the default for one image, - and --watch; "
        "else predictions.csv or .jsonl.",
    ),
]
JsonLines = Annotated[
    bool, typer.Option("--jsonl", help="Write a JSON object a line in place of CSV.")
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Label the images of a folder, then those that come.")
]
Clusters = Annotated[
    int | None,
    typer.Option("-k", "--clusters", help="Cut the run at this number, as `cut` does."),
]
Split = Annotated[str, typer.Option(help="Which part of a dataset: train or val.")]
BackboneDevice = Annotated[
    str | None, typer.Option("--device", help="Where the backbone runs: auto, cpu, cuda or cuda:1.")
]


def command(
    run: opt.RunPath,
    source: Source,
    *,
    clusters: Clusters = None,
    out: OutFile = None,
    jsonl: JsonLines = False,
    watch: Watch = False,
    split: Split = "train",
    array: opt.Array = None,
    data_dir: opt.DataDir = None,
    subset: opt.Subset = None,
    weights: opt.Weights = None,
    device: BackboneDevice = None,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Label new images with a finished run: path, cluster, confidence, probability."""
    from ucls.images.files import is_image_file
    from ucls.runs.heads import warn_of_collapse
    from ucls.sources import load_source
    from ucls.stages.predict import predict

    reporter = chosen_reporter()
    if watch or source == STDIN:
        _refuse_for_streams(clusters=clusters, array=array, data_dir=data_dir, subset=subset)
        options = {"weights": weights or (), "device": device, "reporter": reporter}
        _label_each(run, None if source == STDIN else Path(source), out or STDOUT, jsonl, options)
        return
    if out is None and is_image_file(Path(source)):
        out = STDOUT
    out = out or Path("predictions.jsonl" if jsonl else "predictions.csv")
    opened = load_source(source, array=array, data_dir=data_dir, subset=subset, is_trained_on=False)
    result = predict(
        run,
        opened,
        out=out,
        n_clusters=clusters,
        as_json_lines=jsonl,
        split=split,
        weights=weights or (),
        device=device,
        overwrite=overwrite,
        reporter=reporter,
    )
    for path, reason in result.skipped[:MOST_LISTED]:
        reporter.say(f"skipped {path}: {reason}")
    if len(result.skipped) > MOST_LISTED:
        reporter.say(f"skipped {len(result.skipped) - MOST_LISTED:,} more")
    warn_of_collapse(run, reporter)
    _tell(result, out)


def _refuse_for_streams(**options: object) -> None:
    """Refuses what only a whole source has."""
    from ucls.errors import UsageError

    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise UsageError(
            f"{', '.join(given)} does not go with --watch or paths on standard input: leave it out"
        )


def _label_each(
    run: Path, folder: Path | None, out: Path, as_json_lines: bool, options: dict[str, Any]
) -> None:
    """Labels images as they come: those of a watched folder, else on standard input."""
    from ucls.errors import UsageError
    from ucls.images.watching import watch_folder
    from ucls.runs.labeller import COLUMNS
    from ucls.runs.predictor import Predictor
    from ucls.stages.predict_each import predict_each
    from ucls.wording import count

    if folder is not None and not folder.is_dir():
        raise UsageError(f"expected a folder to watch, got {folder}: leave --watch out")
    if folder is not None and out != STDOUT:
        raise UsageError(
            f"--watch has no end at which {out} would be there: leave --out out, and send the "
            f"output there with > {out}"
        )
    has_rows = has_json_lines if as_json_lines else has_table
    check_output(out, is_own=has_rows(COLUMNS, (*COLUMNS, "name")), overwrite=False)
    predictor = Predictor(run, **options)
    reporter, n_images = options["reporter"], 0

    def counted(paths: Iterator[str]) -> Iterator[str]:
        nonlocal n_images
        for path in paths:
            n_images += 1
            yield path

    paths = _lines_of_stdin() if folder is None else watch_folder(folder)
    if folder is not None:
        reporter.say(f"watches {folder}  (stop with Ctrl+C)")
    try:
        predict_each(
            predictor,
            counted(paths),
            folder=folder or Path(),
            out=out,
            as_json_lines=as_json_lines,
            reporter=reporter,
        )
    except KeyboardInterrupt:
        if folder is None:
            raise
    with apart_from(out):
        print(f"{count(n_images, 'image')} seen: {_named(out)}")


def _lines_of_stdin() -> Iterator[str]:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    for line in sys.stdin:
        if path := line.rstrip("\r\n"):
            yield path


def _tell(result: "Predicted", out: Path) -> None:
    from ucls.wording import count

    occupied = sum(size > 0 for size in result.cluster_sizes.values())
    with apart_from(out):
        print(
            f"{count(result.n_images, 'image')} in {occupied} of "
            f"{count(len(result.cluster_sizes), 'cluster')}: {_named(out)}"
        )
        for name in result.untrained:
            print(f"untrained: {name}. A trial run: its clusters mean nothing.")


def _named(out: Path) -> str:
    return "standard output" if out == STDOUT else str(out)
