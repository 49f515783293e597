"""The report over HTTP, for this machine alone: all its pictures, corrections saved at once."""

import hmac
import json
import secrets
import sys
from collections import OrderedDict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any, Protocol

from ucls.corrections.edits import Corrections, parse_corrections
from ucls.errors import UclsError
from ucls.images.files import UnreadableImageError
from ucls.report.page import render
from ucls.report.state import RunState
from ucls.report.thumbnails import as_webp
from ucls.runs.pictures import Pictures
from ucls.types import Figures

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
"""What a browser may call this server; another name is one that was made to point here."""
SIDE = 160
"""Pixels of a thumbnail."""
CACHED_BYTES = 256 * 2**20
MOST_POSTED = 64 * 2**20
AS_THEY_ARE = {
    ".avif": "image/avif", ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
    ".png": "image/png", ".webp": "image/webp",
}  # fmt: skip
"""Files that browsers show; others are converted."""
LARGEST = 4096
"""Pixels of the longer side of a converted picture."""

Answer = tuple[HTTPStatus, str, bytes]
TEXT = "text/plain; charset=utf-8"
ELSEWHERE = b"the run was corrected elsewhere: reload the page"


class Site(Protocol):
    """The run that is served."""

    def state(self) -> RunState:
        """Reads the run."""

    def data(self, state: RunState) -> Figures:
        """What the page shows of it."""

    def revision(self) -> str:
        """Tells the corrections that the run has now from others."""

    def save(self, corrections: Corrections) -> str:
        """Takes corrections into the run; returns what is to be told."""


class ReportServer(ThreadingHTTPServer):
    """Serves one run on this machine to whoever knows its address.

    Args:
        site: the run.
        port: to listen on; 0 for any that is free.
    """

    daemon_threads = True

    def __init__(self, site: Site, *, port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.token = secrets.token_urlsafe(24)
        self.pages = _Pages(site)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of browsers that have seen enough."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Pages:
    """What there is to see of a run."""

    def __init__(self, site: Site) -> None:
        self._site, state = site, site.state()
        self._revision, self._data = site.revision(), site.data(state)
        self._splits = state.labels.splits
        self._pictures = {split: Pictures.of(state.run, split) for split in state.run.splits}
        self._first = {split: int(state.labels.rows_of(split)[0]) for split in state.run.splits}
        self._thumbnails: OrderedDict[int, bytes] = OrderedDict()
        self._n_bytes = 0
        self._lock, self._saving = Lock(), Lock()

    def page(self) -> Answer:
        """The page of the run as it is now."""
        with self._saving:
            now = self._site.revision()
            if self._revision != now:
                self._revision, self._data = now, self._site.data(self._site.state())
            data = {**self._data, "server": True, "revision": self._revision}
        return HTTPStatus.OK, "text/html; charset=utf-8", render(data).encode(errors="replace")

    def save(self, body: bytes) -> Answer:
        """Takes corrections, if they were made to those that the run has."""
        try:
            values = json.loads(body)
            made_to = values.pop("revision", None) if isinstance(values, dict) else None
            corrections = parse_corrections(values, "corrections")
            with self._saving:
                if made_to != self._site.revision():
                    return HTTPStatus.CONFLICT, TEXT, ELSEWHERE
                told = self._site.save(corrections)
                answer = {"told": told, "revision": self._site.revision()}
        except (UclsError, ValueError, RecursionError) as error:
            return HTTPStatus.CONFLICT, TEXT, str(error).encode(errors="replace")
        return HTTPStatus.OK, "application/json", json.dumps(answer).encode()

    def thumbnail(self, row: int) -> Answer:
        with self._lock:
            kept = self._thumbnails.get(row)
            if kept is not None:
                self._thumbnails.move_to_end(row)
        return HTTPStatus.OK, "image/webp", kept or self._keep(row)

    def _keep(self, row: int) -> bytes:
        split, place = self._find(row)
        made = as_webp(self._pictures[split].read(place), SIDE)
        with self._lock:
            self._n_bytes += len(made) - len(self._thumbnails.pop(row, b""))
            self._thumbnails[row] = made
            while self._n_bytes > CACHED_BYTES:
                self._n_bytes -= len(self._thumbnails.popitem(last=False)[1])
        return made

    def image(self, row: int) -> Answer:
        split, place = self._find(row)
        pictures = self._pictures[split]
        file = pictures.file(place)
        kind = AS_THEY_ARE.get(file.suffix.lower()) if file else None
        if file and kind:
            return HTTPStatus.OK, kind, file.read_bytes()
        return HTTPStatus.OK, "image/webp", as_webp(pictures.read(place), LARGEST)

    def _find(self, row: int) -> tuple[str, int]:
        """The split of a row of ``labels.csv``, and its row there."""
        split = self._splits[row]
        return split, row - self._first[split]


class _Handler(BaseHTTPRequestHandler):
    """One connection; answers nothing but to its own address, with the token in the path."""

    protocol_version = "HTTP/1.1"
    # Head and body in one piece at once; else each answer waits for the other side's delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: ReportServer

    def do_GET(self) -> None:
        parts = self._parts()
        match parts:
            case None:
                return
            case [""]:
                self._answer(self.server.pages.page())
            case ["thumbnail" | "image" as kind, number] if number.isascii() and number.isdigit():
                self._picture(kind, number)
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        parts = self._parts()
        if parts is None:
            return
        length = self.headers.get("Content-Length", "")
        origin = self.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] not in self._own_names():
            self._refuse(HTTPStatus.FORBIDDEN, "asked by another page")
        elif parts != ["corrections"]:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
        elif self.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json")
        elif not (length.isascii() and length.isdigit()) or int(length) > MOST_POSTED:
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {MOST_POSTED} bytes"
            )
        else:
            self._answer(self.server.pages.save(self.rfile.read(int(length))))

    def _own_names(self) -> list[str]:
        return [f"{name}:{self.server.server_port}" for name in NAMES]

    def _parts(self) -> list[str] | None:
        """What follows the token in the path; None once the request is refused."""
        if self.headers.get("Host") not in self._own_names():
            self._refuse(HTTPStatus.FORBIDDEN, "asked for under another name")
            return None
        first, token, *rest = self.path.partition("?")[0].split("/")
        if first or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.FORBIDDEN, "the address lacks its token: copy it whole")
            return None
        return rest or ["missing"]

    def _picture(self, kind: str, number: str) -> None:
        pages = self.server.pages
        try:
            row = int(number)
            found = pages.thumbnail(row) if kind == "thumbnail" else pages.image(row)
        except (IndexError, ValueError, OSError, UnreadableImageError):
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such image")
        else:
            self._answer(found, kept=True)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self.close_connection = True
        self._answer((status, TEXT, reason.encode()))

    def _answer(self, answer: Answer, *, kept: bool = False) -> None:
        status, kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.send_header("Cache-Control", "private, max-age=3600" if kept else "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps quiet; the address would be in every line."""
