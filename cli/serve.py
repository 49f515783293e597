"""``ucls serve``: the report as a small server that saves corrections into the run."""

from typing import Annotated

import typer

from ucls.cli import options as opt
from ucls.cli.verbosity import chosen_reporter

EXAMPLE = "ucls serve runs/photos"

Port = Annotated[
    int, typer.Option(min=0, max=65_535, help="To listen on; default: any that is free.")
]


def command(run: opt.RunPath, *, port: Port = 0) -> None:
    """Show a run in the browser: all its images at full size; corrections go into the run at once.

    For this machine alone, and whoever knows the address. Stop it with Ctrl+C.
    """
    from ucls.stages.serve import serve

    with serve(run, port=port, reporter=chosen_reporter()) as server:
        print(f"open {server.url}  (stop with Ctrl+C)", flush=True)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            print(f"\nstopped; what was corrected is in {run}")
