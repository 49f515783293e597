"""``ucls bench``: UCLS beside other methods."""

from pathlib import Path
from typing import Annotated

import typer

from ucls.cache import check_output
from ucls.cli import options as opt
from ucls.cli.console import print_table
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls bench photos/ -k 20 --markdown methods.md"

Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method", metavar="NAME", help="A method, e.g. k-means or ucls; others are left out."
    ),
]
Csv = Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write the table there too.")]
Markdown = Annotated[
    Path | None, typer.Option(metavar="FILE.md", help="Write the table there too.")
]
Out = Annotated[Path | None, typer.Option(help="The run folder; default: runs/NAME-bench.")]
LEAST_NEEDED = ("smallest", "largest", "links cut", "class ACC", "NMI to ucls")
"""Columns that a narrow terminal leaves out, the first ones first."""
EXPLANATION = """\
NMI to ucls: agreement with the consensus of `ucls`. Links cut: share of the links
between nearest neighbours whose ends lie in different clusters. s: from features
to clusters."""


def command(
    source: opt.SourceName,
    *,
    clusters: opt.Clusters = None,
    method: Methods = None,
    csv: Csv = None,
    markdown: Markdown = None,
    backbone: opt.Backbone = None,
    weights: opt.Weights = None,
    features: opt.Features = None,
    prepare: opt.Prepare = None,
    out: Out = None,
    cache_dir: opt.CacheDir = None,
    device: opt.Device = None,
    seed: opt.Seed = None,
    labels: opt.FolderLabels = opt.LabelSource.NONE,
    array: opt.Array = None,
    data_dir: opt.DataDir = None,
    overwrite: opt.Overwrite = False,
) -> None:
    """Cluster the same features by UCLS and by other methods, and show what each reaches.

    Where labels are known it shows ACC and NMI; without them how far the methods agree, how large
    clusters are, and how many links between neighbours they cut. Run again, it continues.
    """
    from ucls.config import Config
    from ucls.report.bench_table import bench_table, is_bench_table
    from ucls.settings.given import gather
    from ucls.sources import load_source
    from ucls.stages.bench import bench

    values = gather(
        n_clusters=clusters,
        seed=seed,
        device=device,
        features=features,
        extract__backbone=backbone,
        extract__weights=weights,
        neighbors__prepare=prepare,
    )
    for path in filter(None, (csv, markdown)):
        check_output(path, is_own=is_bench_table)
    done = bench(
        load_source(source, labels=labels.value, array=array, data_dir=data_dir),
        out=out,
        config=Config().with_values(values),
        methods=method,
        cache_dir=cache_dir,
        overwrite=overwrite,
        reporter=chosen_reporter(),
    )
    table = bench_table(done.figures)
    rows = [dict(zip(table.headings, row, strict=True)) for row in table.rows]
    print_table(
        rows,
        [(name,) for name in LEAST_NEEDED],
        numbers=table.headings[1:],
        title=f"{done.n_clusters} clusters were asked for",
        title_justify="left",
    )
    print(f"\n{EXPLANATION}")
    for name, reason in done.left_out.items():
        print(f"left out: {name}: {reason}")
    if csv is not None:
        table.write_csv(csv)
        print(f"table: {csv}")
    if markdown is not None:
        table.write_markdown(markdown)
        print(f"table: {markdown}")
