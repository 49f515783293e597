import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Cli, StartUcls


def test_new_images(cli: Cli, shared_photo_run: Path, photos: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "new"))
    (folder / "torn.png").write_bytes(b"\x89PNG")
    outcome = cli("predict", shared_photo_run, folder, "--out", tmp_path / "new.csv")
    assert outcome.exit_code == 0
    assert outcome.out.startswith("60 images in ")
    assert outcome.out.endswith(f" of 3 clusters: {tmp_path / 'new.csv'}\n")
    assert "skipped torn.png: a PNG picture, damaged" in outcome.err
    assert len((tmp_path / "new.csv").read_text().splitlines()) == 61


def test_the_default_file(
    cli: Cli, shared_photo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = cli("predict", shared_photo_run, "digits", "--split", "val", "--quiet")
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert len(Path("predictions.csv").read_text().splitlines()) == 361


@pytest.mark.parametrize("option", ["-k", "--clusters"])
def test_a_cut(option: str, cli: Cli, run_path: Path, sources: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.csv"
    outcome = cli("predict", run_path, sources / "blobs-val.npz", option, 2, "--out", out)
    assert outcome.out == f"40 images in 2 of 2 clusters: {out}\n"
    assert out.read_text().startswith("path,cluster,confidence\n")
    outcome = cli("predict", run_path, sources / "blobs-val.npz", option, 99)
    assert outcome.exit_code == 2
    assert "a cut must leave 2 to " in outcome.err


def test_a_file_of_the_users_needs_overwrite(
    cli: Cli, shared_photo_run: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text("mine")
    command = ["predict", shared_photo_run, photos, "--out", tmp_path / "x.csv"]
    outcome = cli(*command)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert "x.csv exists and was not written by this command" in outcome.err
    assert (tmp_path / "x.csv").read_text() == "mine"
    assert cli(*command, "--overwrite").exit_code == 0
    written = (tmp_path / "x.csv").read_text()
    assert cli(*command).exit_code == 0
    assert (tmp_path / "x.csv").read_text() == written


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_what_is_read_stays(
    overwrite: list[str], cli: Cli, photo_run_path: Path, photos: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "new"))
    images = sorted(folder.rglob("*.png"))
    (tmp_path / "mine.csv").write_text("path\n" + "".join(f"{image}\n" for image in images))
    kept = [tmp_path / "mine.csv", images[7], *sorted(photo_run_path.iterdir())]
    before = [path.read_bytes() for path in kept]
    for path in kept:
        outcome = cli("predict", photo_run_path, tmp_path / "mine.csv", "--out", path, *overwrite)
        assert (outcome.exit_code, outcome.out) == (2, ""), path
    # The images of the run, which are not those of the source.
    own = sorted(photos.rglob("*.png"))[3]
    outcome = cli("predict", photo_run_path, tmp_path / "mine.csv", "--out", own, *overwrite)
    assert outcome.exit_code == 2
    assert [path.read_bytes() for path in kept] == before


def test_standard_output_takes_the_labels_and_nothing_else(
    cli: Cli, shared_photo_run: Path, photos: Path, tmp_path: Path
) -> None:
    assert cli("predict", shared_photo_run, photos, "--out", tmp_path / "x.csv").exit_code == 0
    outcome = cli("predict", shared_photo_run, photos, "--out", "-")
    assert (outcome.exit_code, outcome.out) == (0, (tmp_path / "x.csv").read_text())
    assert "60 images in " in outcome.err
    assert not (tmp_path / "-").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["predict RUN digits --out -", "cut RUN -k 2 --out -", "--version"]
)
def test_a_reader_that_has_seen_enough_is_no_error(
    command: str, photo_run_path: Path, start_ucls: StartUcls
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = command.replace("RUN", str(photo_run_path)).split()
    # Buffered, a closed pipe shows where the buffer is flushed: late, and not in our code.
    process = start_ucls(*words, stdout=writer, env={**os.environ, "PYTHONUNBUFFERED": ""})
    os.close(writer)
    assert process.wait() == 1
    assert process.stderr is not None
    assert "rror" not in process.stderr.read()


@pytest.mark.parametrize(
    ("source", "part"),
    [("plain.npy", "expected images too"), ("nothing.npy", "no such file or folder")],
)
def test_what_does_not_fit(
    source: str, part: str, cli: Cli, shared_photo_run: Path, sources: Path
) -> None:
    outcome = cli("predict", shared_photo_run, sources / source)
    assert outcome.exit_code == 2
    assert part in outcome.err
    assert not Path("predictions.csv").exists()


def test_a_single_image_can_be_labelled(
    cli: Cli, run_path: Path, sources: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "one.npy", np.load(sources / "plain.npy")[:1])
    outcome = cli("predict", run_path, tmp_path / "one.npy", "--out", "-")
    assert (outcome.exit_code, outcome.out.count("\n")) == (0, 2)
    assert "1 image in 1 of 4 clusters: standard output" in outcome.err


@pytest.mark.slow
def test_a_closed_standard_output(run_path: Path, sources: Path, tmp_path: Path) -> None:
    code = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    command = [sys.executable, "-c", code, "-m", "ucls", "predict", run_path, sources / "plain.npy"]
    for out, exit_code in (("-", 2), (tmp_path / "new.csv", 0)):
        done = subprocess.run([*command, "--out", out], capture_output=True, text=True, check=False)
        assert done.returncode == exit_code, done.stderr
        assert ("there is no standard output" in done.stderr) == (out == "-")


def test_an_image_file_goes_to_standard_output(
    cli: Cli, shared_photo_run: Path, photos: Path
) -> None:
    outcome = cli("predict", shared_photo_run, photos / "left" / "01.png")
    header, row = outcome.out.splitlines()
    assert header == "path,cluster,confidence,probability"
    assert row.startswith("01.png,")
    assert cli("predict", shared_photo_run, photos, "--out", "-").out.count(row[3:]) >= 1
    assert cli("predict", shared_photo_run, photos / "left" / "01.png", "-k", 2).exit_code == 0


def test_json_lines_say_what_csv_says(
    cli: Cli, shared_photo_run: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.jsonl"
    command = ["predict", shared_photo_run, photos, "--jsonl", "--out", out]
    assert cli(*command).exit_code == 0
    found = [json.loads(line) for line in out.read_text().splitlines()]
    rows = cli("predict", shared_photo_run, photos, "--out", "-").out.splitlines()
    header = rows[0].split(",")
    assert [list(row) for row in found] == [header] * 60
    assert [
        f"{row['path']},{row['cluster']},{row['confidence']:.4f},{row['probability']:.4f}"
        for row in found
    ] == rows[1:]
    assert cli(*command).exit_code == 0  # its own file may be replaced
    out.write_text("mine")
    assert cli(*command).exit_code == 2
    assert out.read_text() == "mine"


def test_the_default_file_of_json_lines(
    cli: Cli, shared_photo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("predict", shared_photo_run, "digits", "--split", "val", "--jsonl").exit_code == 0
    assert [path.name for path in tmp_path.glob("pred*")] == ["predictions.jsonl"]


@pytest.mark.slow
def test_paths_on_standard_input_are_answered_one_by_one(
    start_ucls: StartUcls, shared_photo_run: Path, photos: Path
) -> None:
    process = start_ucls("predict", shared_photo_run, "-", "--jsonl", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    clusters = []
    for name in ("left/01.png", "gone.png", "high/00.png"):
        process.stdin.write(f"{photos / name}\n")
        process.stdin.flush()
        if name != "gone.png":  # the answer is there before the next question
            row = json.loads(process.stdout.readline())
            assert row["path"] == str(photos / name)
            clusters.append(row["cluster"])
    rest, told = process.communicate()
    assert (rest, process.returncode) == ("", 0)
    assert "gone.png: No such file" in told
    assert "3 images seen: standard output" in told
    assert len(set(clusters)) == 2


@pytest.mark.slow
def test_a_watched_folder(
    start_ucls: StartUcls, shared_photo_run: Path, photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    shutil.copy(photos / "left" / "01.png", folder / "a.png")
    process = start_ucls("predict", shared_photo_run, folder, "--watch")
    assert process.stdout is not None
    assert process.stdout.readline() == "path,cluster,confidence,probability\n"
    first = process.stdout.readline()
    assert first.startswith("a.png,")
    Image.open(photos / "left" / "01.png").save(folder / "b.png")
    assert process.stdout.readline() == first.replace("a.png", "b.png")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    assert "2 images seen: standard output" in process.stderr.read()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["-", "-k", "2"], "--clusters does not go with --watch or paths on standard input"),
        (["PHOTOS", "--watch", "--out", "x.csv"], "--watch has no end at which x.csv"),
        (["x.csv", "--watch"], "expected a folder to watch, got x.csv"),
    ],
)
def test_what_does_not_stream(
    options: list[str], part: str, cli: Cli, shared_photo_run: Path, photos: Path
) -> None:
    words = [str(photos) if word == "PHOTOS" else word for word in options]
    outcome = cli("predict", shared_photo_run, *words)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert part in outcome.err
