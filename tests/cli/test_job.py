"""Commands under torchrun, in real processes that are killed with real signals."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from ucls.cache import read_graph, read_tensors

pytestmark = pytest.mark.slow

JOBS = Path(__file__).parents[2] / "docs" / "guides" / "jobs"
Start = Callable[..., "subprocess.Popen[str]"]
VIT = ["--backbone", "timm/test_vit", "--weights", "random", "--set", "extract.image_size=16"]


@pytest.fixture
def torchrun(tmp_path: Path) -> Iterator[Start]:
    """Starts ``ucls`` in several processes; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(n_processes: int, *arguments: object) -> "subprocess.Popen[str]":
        command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone",
            f"--nproc-per-node={n_processes}", "-m", "ucls", *map(str, arguments),
        ]  # fmt: skip
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        started.append(
            subprocess.Popen(command, text=True, cwd=tmp_path, env=environment, **options)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def told(err: str) -> list[str]:
    return re.findall(r"^ucls: error: .*", err, re.MULTILINE)


def members(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The processes that work, by rank."""
    children = psutil.Process(process.pid).children()
    return sorted(children, key=lambda child: int(child.environ()["RANK"]))


def wait_for(found: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    while not found():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def assert_same(one: Path, other: Path) -> None:
    assert (one / "labels.csv").read_bytes() == (other / "labels.csv").read_bytes()
    for name in ("heads.safetensors", "classifier.safetensors"):
        first, second = (read_tensors(path / name)[0] for path in (one, other))
        assert all(first[tensor].tobytes() == second[tensor].tobytes() for tensor in first)
    graphs = [read_graph(path / "neighbors.h5") for path in (one, other)]
    assert graphs[0].indices.tolist() == graphs[1].indices.tolist()


@pytest.mark.parametrize("n_processes", [2, 4])
def test_a_run_is_that_of_one_process(
    torchrun: Start, photos: Path, tiny_options: list[str], tmp_path: Path, n_processes: int
) -> None:
    command = (
        "run",
        photos,
        "-k",
        3,
        *VIT,
        *tiny_options,
        "--set",
        "train.heads_at_once=2",
        "--set",
        "train.precision=float32",
    )
    for n, name in ((1, "one"), (n_processes, "many")):
        place = ("--out", tmp_path / name, "--cache-dir", tmp_path / f"cache-{name}")
        code, out, err = ended(torchrun(n, *command, *place))
        assert code == 0, err
        assert out.count("labels of all images") == 1
    assert_same(tmp_path / "one", tmp_path / "many")


def test_it_leaves_before_python_is_taken_down() -> None:
    code = """
import atexit, sys
from ucls.cli.job import run_in_job
class Late:
    def __del__(self): print("taken down")
late = Late()
exit_code = run_in_job(lambda: 0, lambda work: 3)
atexit.register(print, "tidied up")
print("done")
sys.exit(exit_code)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "done\ntidied up\n", "")


def test_wrong_use_is_told_once(torchrun: Start, tmp_path: Path) -> None:
    code, out, err = ended(torchrun(2, "run", "nosuch", "-k", 3, "--out", tmp_path / "run"))
    assert code != 0
    assert out == ""
    (message,) = told(err)
    assert message.startswith("ucls: error: unknown dataset 'nosuch'")


def test_what_another_process_finds_wrong_is_told_once(
    torchrun: Start, photos: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(photos, tmp_path / "photos"))
    (broken / "plain" / "59.png").write_bytes(b"")
    options = (*VIT, "--set", "extract.batch_size=8", "--strict")
    code, _, err = ended(torchrun(2, "extract", broken, *options, "--cache-dir", tmp_path / "c"))
    assert code != 0
    (message,) = told(err)
    assert message.startswith("ucls: error: cannot read plain/59.png: ")


@pytest.mark.parametrize("victim", [0, 1])
def test_one_that_dies_ends_the_job_and_the_next_goes_on(
    torchrun: Start, sources: Path, tiny_options: list[str], tmp_path: Path, victim: int
) -> None:
    command = (
        "run", sources / "blobs.npz", "-k", 4, *tiny_options, "--set", "train.heads_at_once=2",
        "--set", "train.early_stopping=false", "--set", "train.epochs=200",
        "--set", "train.precision=float32",
    )  # fmt: skip
    code, _, err = ended(torchrun(1, *command, "--out", tmp_path / "whole"))
    assert code == 0, err
    killed = torchrun(2, *command, "--out", tmp_path / "killed")
    wait_for((tmp_path / "killed" / "checkpoint-group1.safetensors").exists, killed)
    members(killed)[victim].send_signal(signal.SIGKILL)
    code, _, err = ended(killed)
    assert code != 0
    (message,) = told(err)
    assert re.search(r"another process of this job has ended.*the same command continues", message)
    assert "Signal 9 (SIGKILL)" in err
    code, _, err = ended(torchrun(3, *command, "--out", tmp_path / "killed"))
    assert code == 0, err
    assert_same(tmp_path / "whole", tmp_path / "killed")
    assert not list((tmp_path / "killed").glob("checkpoint*"))


def test_one_that_dies_while_images_are_read_is_told_in_one_line(
    torchrun: Start, photos: Path, tmp_path: Path
) -> None:
    many = tmp_path / "photos"
    for number in range(60):
        shutil.copytree(photos, many / str(number))
    options = (*VIT, "--set", "extract.workers=1", "--set", "extract.batch_size=8")
    killed = torchrun(2, "extract", many, *options, "--cache-dir", tmp_path / "c")
    # Both read by now, each with a worker of its own.
    wait_for(lambda: len(list((tmp_path / "c").glob("*.partial"))) == 2, killed)
    members(killed)[1].send_signal(signal.SIGKILL)
    code, _, err = ended(killed)
    assert code != 0
    (message,) = told(err)
    assert re.search(r"another process of this job has ended.*the same command continues", message)
    assert "ucls/" not in err


def test_processes_that_cannot_meet_are_told_in_one_line(tmp_path: Path) -> None:
    marks = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost"}
    environment = os.environ | marks | {"MASTER_PORT": "none"}
    command = [sys.executable, "-m", "ucls", "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(told(done.stderr)) == len(done.stderr.splitlines()) == 1


def test_the_file_for_slurm_starts_a_job(photos: Path, tmp_path: Path) -> None:
    for name, line in (("srun", 'exec "$@"'), ("scontrol", "echo localhost")):
        (tmp_path / name).write_text(f"#!/bin/bash\n{line}\n")
        (tmp_path / name).chmod(0o755)
    slurm = {"JOB_NODELIST": "here", "NNODES": "1", "CPUS_PER_TASK": "2", "JOB_ID": "1"}
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {f"SLURM_{name}": value for name, value in slurm.items()}
    options = [
        "--backbone",
        "pixels",
        "--set",
        "extract.image_size=8",
        "--set",
        "extract.batch_size=8",
    ]
    done = subprocess.run(
        ["bash", JOBS / "ucls.sbatch", "extract", photos, *options, "--cache-dir", tmp_path / "c"],
        env=environment | {"PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (cache,) = (tmp_path / "c").glob("*.h5")
    assert done.stdout == f"train: {cache}\n"


def test_the_file_for_kubernetes_is_of_one_job_on_all_its_machines() -> None:
    service, job = yaml.safe_load_all((JOBS / "ucls.yaml").read_text(encoding="utf-8"))
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert spec["completions"] == spec["parallelism"] == 2
    assert f"--nnodes={spec['completions']}" in container["args"]
    assert (
        f"--nproc-per-node={container['resources']['limits']['nvidia.com/gpu']}"
        in (container["args"])
    )
    name = service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert pod["subdomain"] == name
    assert f"--rdzv-endpoint={job['metadata']['name']}-0.{name}:29500" in container["args"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }
