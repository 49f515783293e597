"""The command line as a whole: help, errors, exit codes, what is imported."""

import os
import pty
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import typer

from tests.conftest import Cli, StartUcls
from ucls import __version__
from ucls.cache import RunFolder
from ucls.cli.job import is_in_job
from ucls.cli.main import app

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
HEAVY = ("torch", "timm", "torchvision", "sklearn", "faiss")


def modules_after(*arguments: object) -> set[str]:
    """The heavy packages that a command imports, in a process of its own."""
    script = (
        "import sys\n"
        "from ucls.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as stopped:\n    assert not stopped.code, stopped.code\n"
        f"print('imported:', *[name for name in {HEAVY} if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_a_job_is_known_by_all_that_torchrun_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")  # which schedulers set as well
    assert not is_in_job()
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "0")
    assert is_in_job()
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not is_in_job()


def test_help_imports_nothing_heavy() -> None:
    assert modules_after("--help") == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "merge RUN --overwrite --set merge.linkage=auto",
        "ensemble RUN --method vote --heads 0-4",
        "cut RUN -k 3",
        "export RUN --out RUN/../labels.parquet",
    ],
)
def test_what_works_on_assignments_needs_neither_torch_nor_timm(
    command: str, run_path: Path
) -> None:
    imported = modules_after(*command.replace("RUN", str(run_path)).split())
    assert imported.isdisjoint({"torch", "timm", "torchvision", "faiss"})


def test_without_arguments_it_helps(cli: Cli) -> None:
    outcome = cli()
    assert outcome.exit_code == 0
    assert "ucls run digits" in outcome.out
    assert all(name in outcome.out for name in COMMANDS)
    assert cli("cache") == cli("cache", "--help")


@pytest.mark.parametrize(
    ("words", "position", "found"),
    [
        ("ucls ", 1, list(COMMANDS)),
        ("ucls cache ", 2, ["ls", "info", "verify", "rm"]),
        ("ucls run --data", 2, ["--data-dir"]),
    ],
)
def test_tab_completes(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: str, position: int, found: list[str]
) -> None:
    monkeypatch.setenv("_UCLS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(position))
    outcome = cli()
    assert (outcome.exit_code, outcome.err) == (0, "")
    assert outcome.out.split() == found


def test_completion_is_installed_and_shown(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shellingham

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("bash", "/bin/bash"))
    (tmp_path / ".bashrc").write_text("alias l=ls\n")
    script = cli("--show-completion").out
    assert "_UCLS_COMPLETE=complete_bash" in script
    assert cli("--install-completion").exit_code == 0
    (installed,) = (tmp_path / ".bash_completions").iterdir()
    assert installed.read_text() == script.rstrip("\n")
    assert (tmp_path / ".bashrc").read_text().splitlines() == [
        "alias l=ls", "", f"source '{installed}'",
    ]  # fmt: skip


WITHOUT_UTF8 = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
"""Python takes file names for ASCII, and prints none but these."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "name", "shown"),
    [
        (WITHOUT_UTF8, "é", "é"),
        ({**WITHOUT_UTF8, "LC_ALL": "POSIX"}, "é", "é"),
        ({"PYTHONIOENCODING": "ascii:strict"}, "é", r"\xe9"),
        ({"PYTHONIOENCODING": "utf-8:strict"}, "\udce9", r"\udce9"),
    ],
)
def test_any_name_is_printed(
    start_ucls: StartUcls, environment: dict[str, str], name: str, shown: str
) -> None:
    settings = {"env": {**os.environ, **environment}, "encoding": "utf-8"}
    process = start_ucls("cache", "ls", "--cache-dir", name, **settings)
    expected = f"no feature caches in {shown}; make one: ucls extract digits\n"
    assert (*process.communicate(), process.returncode) == (expected, "", 0)
    process = start_ucls("evaluate", name, **settings)
    outcome = (process.wait(), *process.communicate())
    assert_error(outcome, 2, f"{shown} is not a run folder")


@pytest.mark.slow
@pytest.mark.parametrize("from_list", [False, True])
def test_names_stay_what_they_are_in_any_locale(
    start_ucls: StartUcls,
    photos: Path,
    tmp_path: Path,
    tiny_options: list[str],
    from_list: bool,
) -> None:
    folder = tmp_path / "fotos é"
    folder.mkdir()
    names = [f"é{i:02}.png" for i in range(12)]
    for name, path in zip(names, sorted(photos.rglob("*.png")), strict=False):
        shutil.copy(path, folder / name)
    source, prefix = folder, ""
    if from_list:
        source, prefix = tmp_path / "liste é.csv", "fotos é/"
        lines = ["path", *(prefix + name for name in names)]
        source.write_text("\n".join(lines), encoding="utf-8")
    process = start_ucls(
        "run", source, "-k", 3, "--backbone", "pixels", "--out", "läufe", *tiny_options,
        env={**os.environ, **WITHOUT_UTF8}, encoding="utf-8",
    )  # fmt: skip
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "labels of all images: läufe/labels.csv" in out
    written = (tmp_path / "läufe" / "labels.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in written[1:]] == [prefix + name for name in names]


def test_the_version(cli: Cli) -> None:
    assert cli("--version") == (0, f"ucls {__version__}\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example_that_parses(name: str, cli: Cli) -> None:
    outcome = cli(name, "--help")
    assert outcome.exit_code == 0
    last = [line for line in outcome.out.splitlines() if line.strip()][-1]
    assert last.strip().startswith("Example: ucls ")
    program, command, *arguments = shlex.split(last.strip().removeprefix("Example: "))
    assert (program, command) == ("ucls", name)
    with COMMANDS[name].make_context(command, arguments, resilient_parsing=False) as context:
        assert context.args == []


def assert_error(outcome: tuple[int, str, str], exit_code: int, *parts: str) -> None:
    code, out, err = outcome
    assert code == exit_code, err
    assert out == ""
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith("ucls: error: ")
    assert "ucls: error" not in "".join(err.splitlines()[:-1])
    for part in parts:
        assert part in last


@pytest.fixture
def bad_sources(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a folder with what one should not pass to ``ucls`` the current one."""
    monkeypatch.chdir(tmp_path)
    Path("photos").symlink_to(photos)
    Path("empty").mkdir()
    Path("notes.txt").write_text("hello")
    Path("broken.toml").write_text("[train\nepochs = 5")
    Path("wrong.toml").write_text("seed = 'x'\n[train]\nepoch = 5")
    np.save("constant.npy", np.ones((9, 4)))
    np.save("objects.npy", np.array([{}] * 9), allow_pickle=True)
    features = np.random.default_rng(0).normal(size=(9, 4))
    for value in (np.nan, np.inf):
        features[4, 2] = value
        np.save(f"{value}.npy", features)
    Path("torn.npy").write_bytes(Path("constant.npy").read_bytes()[:-9])


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["frobnicate"], ["No such command 'frobnicate'", "ucls --help"]),
        (["run"], ["Missing argument 'SOURCE'", "ucls run --help"]),
        (["run", "digits", "--frob"], ["No such option: --frob", "ucls run --help"]),
        (["run", "digits", "-k", "many"], ["'-k'", "valid integer"]),
        (["run", "digits", "-k", "1"], ["'-k' / '--clusters'", "greater than or equal to 2"]),
        (["run", "digits", "-k", "1438"], ["1438 clusters", "only 1,437 images", "smaller -k"]),
        (["run", "digits", "--labels", "files"], ["--labels", "'none', 'folders'"]),
        (["run", "digits", "--labels", "folders"], ["'digits' has its own", "leave out"]),
        (["run", "digits", "--set", "train.epoch=5"], ["did you mean train.epochs"]),
        (["run", "digits", "--set", "train.epochs"], ["expected --set NAME=VALUE"]),
        (["run", "digits", "--set", "train.epochs=-1"], ["train.epochs", "equal to 1", "-1"]),
        (["run", "digits", "--set", "train=5"], ["train", "5"]),
        (["run", "digits", "--preset", "cifar11"], ["no preset 'cifar11'", "cifar10, cifar20"]),
        (["run", "digits", "--config", "no.toml"], ["there is no file no.toml"]),
        (["run", "digits", "--config", "broken.toml"], ["broken.toml is not valid TOML"]),
        (["run", "digits", "--config", "wrong.toml"], ["wrong.toml: seed: ", "epoch: no such"]),
        (["run", "digits", "--device", "gpu"], ["device", "'gpu'"]),
        (["run", "digits", "--device", "cuda:99"], ["'cuda:99'", "CUDA devices", "--device cpu"]),
        (["run", "digits", "--seed", "-1"], ["seed", "-1"]),
        (["run", "digits", "--backbone", "resnet_ninety"], ["no backbone 'resnet_ninety'"]),
        (["run", "digits", "--set", "features=cls4"], ["'cls4'", "pass --features cls"]),
        (["run", "digit"], ["unknown dataset 'digit'", "did you mean 'digits'?"]),
        (["run", "no/such/folder", "-k", "3"], ["no such file or folder: 'no/such/folder'"]),
        (["run", "photos", "-k", "3", "--val", "photos/high"], ["overlap"]),
        (["run", "empty", "-k", "3"], ["the folder empty is empty", ".jpg, .png"]),
        (["run", "nan.npy", "-k", "3"], ["finite features", "1 of 9 rows", "first in row 4"]),
        (["run", "inf.npy", "-k", "3"], ["finite features", "first in row 4"]),
        (["run", "constant.npy", "-k", "3"], ["all 9 rows", "are equal", "extract the features"]),
        (["run", "objects.npy", "-k", "3"], ["pickle", "never loaded"]),
        (["run", "torn.npy", "-k", "3"], ["cannot read torn.npy", "damaged"]),
        (["run", "notes.txt", "-k", "3"], ["none of the images in"]),
        (["run", "digits", "--out", "photos"], ["is not empty and holds no run", "--overwrite"]),
        (["train", "photos"], ["photos is not a run folder", "ucls run SOURCE --out photos"]),
        (["evaluate", "nowhere"], ["nowhere is not a run folder"]),
        (["predict", "nowhere", "photos"], ["nowhere is not a run folder"]),
        (["extract", "photos", "--backbone", "features"], ["needs a feature file"]),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("bad_sources")
def test_wrong_use(arguments: list[str], parts: list[str], cli: Cli, tmp_path: Path) -> None:
    assert_error(cli(*arguments), 2, *parts)
    assert list(tmp_path.rglob("*partial*")) == []


def test_an_error_nobody_thought_of_is_one_line_too(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("what\nnow")

    monkeypatch.setattr("ucls.stages.evaluate.evaluate", fail)
    assert_error(cli("evaluate", "x"), 1, "unexpected KeyError", "-v")
    assert "Traceback" in cli("evaluate", "x", "-v").err


def test_a_library_that_makes_an_error_of_its_own_of_ctrl_c_is_interrupted_all_the_same(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pydantic_core import SchemaError

    def interrupted(*_: object, **__: object) -> None:
        raise SchemaError('Error building "literal" validator:\n  KeyboardInterrupt: ')

    monkeypatch.setattr("ucls.stages.evaluate.evaluate", interrupted)
    assert_error(cli("evaluate", "x"), 130, "interrupted")


def test_a_wrong_device_does_not_block_the_right_one(
    cli: Cli, tmp_path: Path, sources: Path
) -> None:
    command = ["extract", sources / "plain.npy", "-k", 4, "--out", tmp_path / "a"]
    assert cli(*command, "--device", "cuda:99").exit_code == 2
    assert cli(*command).exit_code == 0


def test_weights_that_cannot_be_had_offline(
    cli: Cli, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the message offers instead works, in the same folder."""
    import huggingface_hub.constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    command = ["extract", photos, "-k", 3, "--out", tmp_path / "a", "--set", "extract.workers=0"]
    name = "vit_tiny_patch16_224.augreg_in21k"
    outcome = cli(*command, "--backbone", name)
    assert_error(outcome, 1, f"no weights for {name}", "--weights FILE", "--backbone pixels")
    assert cli(*command, "--backbone", "pixels").exit_code == 0


def test_other_settings(cli: Cli, run_path: Path, sources: Path) -> None:
    outcome = cli("run", sources / "blobs.npz", "-k", 5, "--out", run_path)
    assert_error(
        outcome, 2, f"{run_path} holds a run with other settings", "n_clusters is 4 there, 5"
    )


def test_strict(cli: Cli, photos: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "new"))
    (folder / "high" / "00.png").write_bytes(b"")
    outcome = cli(
        "run", folder, "-k", 3, "--backbone", "pixels", "--strict", "--out", tmp_path / "a"
    )
    assert_error(outcome, 1, "cannot read high/00.png: empty file")


def test_a_truncated_cache_and_one_of_a_newer_format(
    cli: Cli, tmp_path: Path, sources: Path, own_cache: Path
) -> None:
    assert cli("extract", sources / "plain.npy", "-k", 4, "--out", tmp_path / "a").exit_code == 0
    (path,) = own_cache.glob("*.h5")
    whole = path.read_bytes()
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 99
    for command in (["neighbors", tmp_path / "a"], ["extract", sources / "plain.npy"]):
        assert_error(cli(*command), 2, path.name, "format version 99", "upgrade UCLS")
    path.write_bytes(whole[: len(whole) // 2])
    for command in (["neighbors", tmp_path / "a"], ["extract", sources / "plain.npy"]):
        assert_error(cli(*command), 2, path.name, "truncated", "`ucls cache rm`")
    assert cli("cache", "rm", path).exit_code == 0
    again = cli("extract", sources / "plain.npy", "-k", 4, "--out", tmp_path / "a")
    assert again.exit_code == 0
    assert cli("neighbors", tmp_path / "a").exit_code == 0


@pytest.mark.slow
def test_two_processes_at_one_run(
    cli: Cli, tmp_path: Path, sources: Path, tiny_options: list[str], start_ucls: StartUcls
) -> None:
    command = ["run", sources / "plain.npy", "-k", 4, "--out", tmp_path / "a", *tiny_options]
    command += ["--set", "train.epochs=100000"]
    first = start_ucls(*command)
    while not (tmp_path / "a" / "checkpoint-group0.safetensors").exists():
        assert first.poll() is None
        time.sleep(0.01)
    for again in (command, [*command, "--overwrite"], ["train", tmp_path / "a", "--overwrite"]):
        assert_error(cli(*again), 1, f"another process is working in {tmp_path / 'a'}", "wait")
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=60)
    assert first.returncode == 130
    assert err.splitlines()[-1] == (
        "ucls: error: interrupted; the same command continues where it stopped"
    )
    assert "Traceback" not in err
    assert RunFolder(tmp_path / "a").record["stages"]["train"]["status"] == "failed"


def limit_files(n_bytes: int) -> None:
    """Lets no file of a child process grow beyond ``n_bytes``, as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "limit"),
    [
        ("extract SOURCES/plain.npy", (2_000, ".h5")),
        ("neighbors RUN --overwrite", (9_000, "neighbors.h5")),
        ("train RUN --overwrite", (50_000, ".safetensors")),
        ("ensemble RUN --method vote", (12_000, "consensus.h5")),
        ("predict RUN SOURCES/plain.npy --out RUN/new.csv", (1_000, "new.csv")),
    ],
)
def test_a_full_disk(
    command: str, limit: tuple[int, str], run_path: Path, sources: Path, start_ucls: StartUcls
) -> None:
    n_bytes, file = limit
    before = contents(run_path)
    words = command.replace("RUN", str(run_path)).replace("SOURCES", str(sources)).split()
    process = start_ucls(*words, preexec_fn=lambda: limit_files(n_bytes))
    out, err = process.communicate()
    assert_error((process.returncode, out, err), 1, file, "make room")
    assert contents(run_path) == before
    assert list(run_path.parent.rglob("feature-cache/*.h5")) == []


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the record, which tells of failures too."""
    names = {path.name for path in folder.iterdir()} - {"run.json", "run.lock"}
    return {name: (folder / name).read_bytes() for name in names}


@pytest.mark.slow
def test_plain_lines_and_results_apart(
    start_ucls: StartUcls, sources: Path, tmp_path: Path, tiny_options: list[str]
) -> None:
    command = ["run", sources / "plain.npy", "-k", 4, *tiny_options]
    out, err = start_ucls(*command, "--out", "a").communicate()
    assert "\x1b" not in out + err
    for stage in ("extract", "neighbors", "train", "merge", "ensemble", "self-train"):
        assert f"\n{stage}: " in f"\n{err}"
    assert "k-means" in out
    assert "labels of all images: a/labels.csv" in out
    quiet_out, quiet_err = start_ucls(*command, "--out", "b", "--quiet").communicate()
    assert quiet_err == ""
    assert quiet_out == re.sub(r"\ba/(labels|metrics|report)", r"b/\1", out)


def read_terminal(master: int) -> str:
    shown = b""
    while True:
        try:
            shown += os.read(master, 4096)
        except OSError:  # the other end is closed
            return shown.decode()


@pytest.mark.slow
def test_a_terminal_gets_bars(
    start_ucls: StartUcls, sources: Path, tiny_options: list[str]
) -> None:
    master, terminal = pty.openpty()
    process = start_ucls(
        "run", sources / "plain.npy", "-k", 4, *tiny_options, "--set", "train.epochs=100",
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(terminal)
    shown = read_terminal(master)
    os.close(master)
    assert process.wait() == 0
    assert "━" in shown
    assert "images/s" in shown
    assert "loss " in shown
    assert "of 100 epochs" in shown


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["run", "photos"], "interrupted; the same command continues where it stopped"),
        (["predict", "run", "photos"], "interrupted"),
        (["cache", "rm", "photos"], "interrupted"),
    ],
)
def test_only_commands_that_continue_say_so(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: list[str], says: str
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ucls.sources.load_source", stop)
    monkeypatch.setattr("ucls.cache.find_cache", stop)
    outcome = cli(*command)
    assert (outcome.exit_code, outcome.err) == (130, f"ucls: error: {says}\n")


def test_another_number_of_clusters_of_a_finished_run_names_the_cut(
    cli: Cli, tmp_path: Path, sources: Path, tiny_options: list[str]
) -> None:
    command = ["run", sources / "plain.npy", "--out", tmp_path / "a", *tiny_options]
    assert cli(*command, "-k", 4).exit_code == 0
    refused = cli(*command, "-k", 3)
    assert_error(refused, 2, f"`ucls cut {tmp_path / 'a'} -k 3`", "--out", "--overwrite")
    assert cli("cut", tmp_path / "a", "-k", 3).exit_code == 0
