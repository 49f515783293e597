"""``ucls doctor``: is everything in place?"""

import typer

from ucls.cli import options as opt

EXAMPLE = "ucls doctor"


def command(cache_dir: opt.CacheDir = None) -> None:
    """Check the installation: versions, FAISS, device, cache, torch beside torchvision."""
    from rich.table import Table

    from ucls.cli.console import new_console
    from ucls.doctor import examine

    findings = examine(cache_dir)
    table = Table("", "", show_header=False, show_edge=False, pad_edge=False)
    table.columns[1].overflow = "fold"
    for finding in findings:
        table.add_row(finding.name, finding.what)
    new_console().print(table)
    problems = [finding.remedy for finding in findings if finding.remedy]
    for remedy in problems:
        print(f"problem: {remedy}")
    if problems:
        raise typer.Exit(1)
    print("all is well")
