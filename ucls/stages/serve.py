"""The report of a run as a small server on this machine, which saves corrections into the run."""

import hashlib
from pathlib import Path

from ucls.cache import run_files as files
from ucls.corrections.edits import Corrections
from ucls.errors import UsageError
from ucls.progress import SILENT, Reporter
from ucls.report.page import page_data
from ucls.report.server import HOST, ReportServer
from ucls.report.state import RunState
from ucls.runs.opening import open_run
from ucls.stages.relabel import relabel
from ucls.types import Figures

MOST_KNOWN = 200_000
"""Images up to which the page knows them all; a browser holds no more with ease."""


class _ServedRun:
    """A run as its server sees it."""

    def __init__(self, path: Path, reporter: Reporter) -> None:
        self._path, self._reporter = path, reporter

    def state(self) -> RunState:
        return RunState.of(open_run(self._path, after="self-train"))

    def data(self, state: RunState) -> Figures:
        return page_data(state, most_known=MOST_KNOWN, with_pictures=False, reporter=self._reporter)

    def revision(self) -> str:
        file = self._path / files.CORRECTIONS
        content = file.read_bytes() if file.is_file() else b""
        return hashlib.sha256(content).hexdigest()[:16]

    def save(self, corrections: Corrections) -> str:
        kept = relabel(self._path, corrections).keeps_training
        return "saved in the run" if kept else "saved in the run; retrain it with ucls relabel"


def serve(path: str | Path, *, port: int = 0, reporter: Reporter = SILENT) -> ReportServer:
    """Opens a server for the page of a run; call its ``serve_forever``.

    It listens on 127.0.0.1 alone, answers only under its own address and with the token that is in
    it, and gives out nothing but the page and the images of the run. Each correction is taken into
    the run at once, as by :func:`ucls.stages.relabel.relabel` without retraining.

    Args:
        path: the run folder.
        port: to listen on; 0 for any that is free.
        reporter: shown what happens.

    Raises:
        UsageError: if the port cannot be had.
        UclsError: if the run is not labelled yet.
    """
    open_run(path, after="self-train", reporter=reporter)
    try:
        return ReportServer(_ServedRun(Path(path), reporter), port=port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on {HOST}:{port} ({reason}); choose another --port"
        ) from error
