import http.client
import json
import re
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from ucls.corrections.edits import Corrections
from ucls.images.files import read_image
from ucls.report.server import ReportServer
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.relabel import relabel
from ucls.stages.serve import serve


class Answer(NamedTuple):
    status: int
    kind: str
    body: bytes
    headers: dict[str, str]


class Client:
    """Asks a running server."""

    def __init__(self, server: ReportServer) -> None:
        self.port, self.token = server.server_port, server.token

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        raw: bool = False,
        **headers: str,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path if raw else f"/{self.token}/{path}", body, names)
        response = connection.getresponse()
        found = dict(response.getheaders())
        answer = Answer(response.status, found.get("Content-Type", ""), response.read(), found)
        connection.close()
        return answer

    def revision(self) -> str:
        found = re.search(rb'"revision":"(\w+)"', self.ask("").body)
        assert found is not None
        return found[1].decode()

    def post(self, content: dict[str, Any], **headers: str) -> Answer:
        kind = {"Content_Type": "application/json", **headers}
        body = json.dumps({"revision": self.revision(), **content}).encode()
        return self.ask("corrections", method="POST", body=body, **kind)


@pytest.fixture
def client(photo_run_path: Path) -> Iterator[Client]:
    with serve(photo_run_path) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Client(server)
        server.shutdown()
        thread.join()


def test_gives_out_the_page_and_its_images(client: Client, photos: Path) -> None:
    page = client.ask("")
    assert page.status == 200
    assert b'"server":true' in page.body
    thumbnail = client.ask("thumbnail/7")
    assert thumbnail.kind == "image/webp"
    assert client.ask("thumbnail/7").body == thumbnail.body
    paths = sorted(p.relative_to(photos).as_posix() for p in photos.rglob("*.png"))
    original = client.ask("image/7")
    assert original.kind == "image/png"
    assert original.body == (photos / paths[7]).read_bytes()
    shown = np.asarray(Image.open(BytesIO(thumbnail.body)).convert("RGB"))
    np.testing.assert_array_equal(shown, np.asarray(read_image(photos / paths[7])))


def test_other_kinds_of_files_are_converted(tmp_path: Path, client: Client) -> None:
    kinds = {client.ask(f"image/{row}").headers["X-Content-Type-Options"] for row in (0, 59)}
    assert kinds == {"nosniff"}


def test_nothing_else(client: Client) -> None:
    for path in (
        "image/60", "image/-1", "image/1e1", "image/../image/1", "image/%2e%2e/run.json",
        "image/..%2frun.json", "run.json", "labels.csv", "image/", "image", "thumbnail/99999999999",
        "image/%D9%A1", "image/1/2", "corrections",
    ):  # fmt: skip
        answer = client.ask(path)
        assert answer.status == 404, path
        assert b"format" not in answer.body, path


def test_a_wrong_token_is_refused(client: Client) -> None:
    for path in ("/", "/wrong/", "/../", "//", "/wrong/image/1", "/etc/passwd"):
        assert client.ask(path, raw=True).status == 403, path
    assert client.ask(f"/{client.token[:-1]}/", raw=True).status == 403
    assert client.ask(f"/{client.token}x/image/1", raw=True).status == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.nip.io:{port}",
        "",
    ],
)
def test_another_host_is_refused_as_by_dns_rebinding(client: Client, host: str) -> None:
    for path in ("", "image/1"):
        assert client.ask(path, Host=host.format(port=client.port)).status == 403
    assert client.ask("", Host=f"localhost:{client.port}").status == 200


def test_listens_on_this_machine_alone(photo_run_path: Path) -> None:
    with serve(photo_run_path) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_corrections_go_into_the_run_at_once(client: Client, photo_run_path: Path) -> None:
    number = min(read_labels(Run(photo_run_path)).sizes())
    edits = [{"do": "rename", "cluster": number, "name": "named"}]
    assert client.post({"schema": 1, "edits": edits}).status == 200
    assert read_labels(Run(photo_run_path)).names == {number: "named"}
    assert b'"name":"named"' in client.ask("").body


def test_wrong_corrections_are_told_and_change_nothing(
    client: Client, photo_run_path: Path
) -> None:
    before = (photo_run_path / "labels.csv").read_bytes()
    wrong = client.post({"edits": [{"do": "rename", "cluster": 99, "name": "x"}]})
    assert (wrong.status, wrong.body.decode()) == (
        409, "edit 1 (rename): there is no cluster 99; there are 3, from 0 to 2",
    )  # fmt: skip
    assert client.post({"labels": "0" * 16, "edits": []}).status == 409
    assert (
        client.ask("corrections", method="POST", body=b"{", Content_Type="application/json").status
        == 409
    )
    assert (photo_run_path / "labels.csv").read_bytes() == before


def test_the_page_is_made_anew_once_the_run_is_corrected(
    client: Client, photo_run_path: Path
) -> None:
    first, second, *_ = sorted(read_labels(Run(photo_run_path)).sizes())
    assert b"60 images in 3 clusters" in client.ask("").body
    client.post({"edits": [{"do": "merge", "clusters": [second], "into": first}]})
    assert b"60 images in 2 clusters" in client.ask("").body
    relabel(photo_run_path, Corrections())
    assert b"60 images in 3 clusters" in client.ask("").body


def test_edits_made_to_an_older_state_are_refused(client: Client, photo_run_path: Path) -> None:
    stale = client.revision()
    names = [[{"do": "rename", "cluster": 1, "name": name}] for name in ("first", "second")]
    answer = client.post({"edits": names[0]})
    assert json.loads(answer.body)["revision"] == client.revision() != stale
    refused = client.post({"edits": names[1], "revision": stale})
    assert (refused.status, b"reload the page" in refused.body) == (409, True)
    assert read_labels(Run(photo_run_path)).names == {1: "first"}


def test_what_is_no_length_or_far_too_deep_is_refused(client: Client) -> None:
    kind = {"Content_Type": "application/json"}
    deep = b"[" * 100_000 + b"]" * 100_000
    assert client.ask("corrections", method="POST", body=deep, **kind).status == 409
    odd = client.ask("corrections", method="POST", Content_Length="\u00b2", **kind)
    assert odd.status == 413


def test_another_page_cannot_post(client: Client) -> None:
    assert client.post({"edits": []}, Origin="https://evil.example").status == 403
    assert client.post({"edits": []}, Origin=f"http://evil.example:{client.port}").status == 403
    assert client.post({"edits": []}, Content_Type="text/plain").status == 415
    assert client.post({"edits": []}, Origin=f"http://127.0.0.1:{client.port}").status == 200
    huge = client.ask(
        "corrections", method="POST", Content_Type="application/json", Content_Length=str(2**30)
    )
    assert huge.status == 413


def test_a_run_in_use_is_told(client: Client, photo_run_path: Path) -> None:
    with Run(photo_run_path).folder.lock():
        answer = client.post({"edits": []})
    assert answer.status == 409
    assert b"another process is working" in answer.body
