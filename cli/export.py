"""``ucls export``: the labels of a run for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.console import apart_from
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls export runs/photos --out labels.csv --onnx model.onnx"

OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Labels: .csv, .parquet or .json; - for standard output."
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="csv, parquet, json, coco (classes, no boxes) or fiftyone; default: by the ending.",
    ),
]
Probabilities = Annotated[
    bool,
    typer.Option(
        "--probabilities", help="Add what the classifier gives every cluster: csv, parquet, json."
    ),
]

Onnx = Annotated[
    Path | None,
    typer.Option(
        "--onnx",
        metavar="FILE.onnx",
        help="Backbone and classifier as one network, for new images.",
    ),
]


def command(
    run: opt.RunPath,
    *,
    out: OutFile = None,
    file_format: Format = None,
    probabilities: Probabilities = False,
    onnx: Onnx = None,
    weights: opt.Weights = None,
    overwrite: opt.OverwriteFile = False,
) -> None:
    """Write the labels of a run, or the network that labels new images, for other programs.

    Labels have one row for each image: path, split, cluster, name, confidence, probability, and
    the cluster that was found before any correction. The network takes images that are resized
    and cropped as its metadata says, or features if the run was made of these.
    """
    from ucls.errors import UsageError

    if out is None and onnx is None:
        raise UsageError("expected --out FILE or --onnx FILE.onnx; see: ucls export --help")
    if out is None and (file_format is not None or probabilities):
        raise UsageError("--format and --probabilities are of labels: pass --out FILE too")
    if onnx is None and weights:
        raise UsageError("--weights are of the network: pass --onnx FILE.onnx too")
    if out is not None:
        _export_labels(run, out, file_format, probabilities=probabilities, overwrite=overwrite)
    if onnx is not None:
        with apart_from(out or onnx):
            _export_onnx(run, onnx, weights or [], overwrite=overwrite)


def _export_labels(
    run: Path, out: Path, file_format: str | None, *, probabilities: bool, overwrite: bool
) -> None:
    from ucls.stages.export import export
    from ucls.wording import count

    result = export(
        run,
        out=out,
        format=file_format,
        probabilities=probabilities,
        overwrite=overwrite,
        reporter=chosen_reporter(),
    )
    with apart_from(out):
        print(f"labels of {count(result.n_images, 'image')} as {result.format}: {out}")


def _export_onnx(run: Path, onnx: Path, weights: list[str], *, overwrite: bool) -> None:
    from ucls.stages.export_onnx import export_onnx
    from ucls.wording import count

    reporter = chosen_reporter()
    result = export_onnx(run, out=onnx, weights=weights, overwrite=overwrite, reporter=reporter)
    print(
        f"network with {count(result.n_clusters, 'cluster')}: {onnx}, compared with torch on "
        f"{result.n_checked} {result.checked_on}: probabilities differ by at most "
        f"{result.difference:.1g}"
    )
    if result.weights_file is not None:
        print(f"its weights are too large for one file, keep both together: {result.weights_file}")
    if result.is_untrained:
        print("untrained: the backbone has random weights, so its clusters mean nothing")
