import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ucls.cache import RunFolder, flatten, settings_key, versions
from ucls.errors import MismatchError, UclsError, UsageError

SOURCE = {"name": "photos", "source": "/data/photos"}
STALE = ("config.toml", "labels.csv", "checkpoint.*", "skipped.csv")
REQUESTED = {"seed": 0, "train": {"epochs": 50, "rates": (0.1, 0.2)}}


def begin(path: Path, *, overwrite: bool = False, **changes: Any) -> RunFolder:
    requested = {**REQUESTED, **changes}
    return RunFolder.begin(
        path, source=SOURCE, requested=requested, stale=STALE, overwrite=overwrite
    )


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run whose settings are resolved."""
    folder = begin(tmp_path / "runs" / "a")
    folder.write_config({"seed": 0})
    return folder


def test_a_new_run_makes_its_folder(tmp_path: Path) -> None:
    folder = begin(tmp_path / "runs" / "a")
    record = json.loads((tmp_path / "runs" / "a" / "run.json").read_text())
    assert record == folder.record
    assert (record["format"], record["version"]) == ("ucls-run", 2)
    assert record["source"] == SOURCE
    assert record["versions"]["python"] == sys.version.split()[0]
    assert record["stages"] == {}


def test_the_same_run_is_found_again(folder: RunFolder) -> None:
    folder.update(note="kept")
    assert begin(folder.path).record["note"] == "kept"


def test_other_settings_are_refused_with_both_values(folder: RunFolder) -> None:
    with pytest.raises(MismatchError, match=r"seed is 0 there, 1 here; choose another") as caught:
        begin(folder.path, seed=1)
    assert "--overwrite" in str(caught.value)
    assert "epochs" not in str(caught.value)


def test_another_number_of_clusters_names_the_cut(folder: RunFolder) -> None:
    with pytest.raises(MismatchError) as caught:
        begin(folder.path, n_clusters=3)
    assert "ucls cut" not in str(caught.value)
    folder.file("merges.h5").touch()
    with pytest.raises(MismatchError, match=rf"`ucls cut {folder.path} -k 3`, choose another"):
        begin(folder.path, n_clusters=3)
    with pytest.raises(MismatchError) as caught:
        begin(folder.path, n_clusters=3, seed=1)
    assert "ucls cut" not in str(caught.value)


def test_a_setting_that_is_new_or_gone_is_a_difference(folder: RunFolder) -> None:
    with pytest.raises(MismatchError, match='extra is not set there, "x" here'):
        begin(folder.path, extra="x")


def test_another_source_is_refused(folder: RunFolder) -> None:
    with pytest.raises(MismatchError, match='source is "/data/photos" there, "/else" here'):
        RunFolder.begin(
            folder.path, source={**SOURCE, "source": "/else"}, requested=REQUESTED, stale=()
        )  # fmt: skip


def test_a_run_without_resolved_settings_gives_way(tmp_path: Path) -> None:
    """Such as after `--device cuda` where there is none."""
    begin(tmp_path / "a", device="cuda")
    assert begin(tmp_path / "a", device="cpu").record["requested"]["device"] == "cpu"


def test_overwrite_starts_anew(folder: RunFolder) -> None:
    for name in ("labels.csv", "checkpoint.safetensors", "skipped.csv"):
        folder.file(name).write_text("old")
    folder.file("notes.txt").write_text("mine")
    folder.record_stage("train", {"status": "done", "key": "key"})
    again = begin(folder.path, overwrite=True, seed=1)
    assert again.key_of("train") is None
    assert {path.name for path in folder.path.iterdir()} <= {"run.json", "run.lock", "notes.txt"}
    assert folder.file("notes.txt").is_file()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match=r"is not empty and holds no run; .*--overwrite"):
        begin(tmp_path)
    assert begin(tmp_path, overwrite=True).record["stages"] == {}


def test_what_a_start_leaves_that_was_stopped_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "run.lock").touch()
    (tmp_path / "run.json.ucls-partial").write_text('{"form')
    assert begin(tmp_path).record["stages"] == {}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["config.toml", "labels.csv", "run.json", "run.lock"])
def test_a_file_of_the_users_under_a_name_of_ours_stays(
    tmp_path: Path, name: str, overwrite: bool
) -> None:
    (tmp_path / name).write_text('{"runs": "of my own"}')
    with pytest.raises(UsageError, match=f"{name}.*; choose another folder"):
        begin(tmp_path, overwrite=overwrite)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: '{"runs": "of my own"}'
    }


def test_no_run_is_started_at_the_root_of_the_disk() -> None:
    with pytest.raises(UsageError, match="there is no folder /no-such-folder-of-ucls: "):
        begin(Path("/no-such-folder-of-ucls/run"))


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert begin(tmp_path).path == tmp_path


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(UclsError, match=r"cannot write .*File exists"):
        begin(tmp_path / "a")


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not a run folder .*ucls run SOURCE --out"):
        RunFolder(tmp_path / "nowhere")
    (tmp_path / "run.json").write_text('{"format": "other"}')
    with pytest.raises(UsageError, match="was not written by UCLS"):
        RunFolder(tmp_path)
    (tmp_path / "run.json").write_text('{"format": ')
    with pytest.raises(UsageError, match=r"not valid JSON .*put back a copy of it"):
        RunFolder(tmp_path)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(UsageError, match="was not written by UCLS"):
        RunFolder(tmp_path)


def test_a_newer_run_asks_for_an_update(folder: RunFolder) -> None:
    folder.update(version=3)
    with pytest.raises(UsageError, match="run format 3, but this UCLS reads up to 2; update"):
        RunFolder(folder.path)


def test_an_older_run_asks_to_be_made_again(folder: RunFolder) -> None:
    folder.update(version=1)
    with pytest.raises(UsageError, match="older UCLS, whose settings meant something else; run"):
        RunFolder(folder.path)
    assert begin(folder.path, overwrite=True).record["version"] == 2


def test_the_config_leaves_out_what_is_none(folder: RunFolder) -> None:
    folder.write_config({"seed": 3, "weights": None, "train": {"epochs": None, "beta": 0.6}})
    assert folder.read_config() == {"seed": 3, "train": {"beta": 0.6}}
    folder.write_config({"weights": "\udcfc.pt"})
    assert folder.read_config() == {"weights": "\udcfc.pt"}


def test_a_missing_or_broken_config(folder: RunFolder) -> None:
    folder.file("config.toml").write_text("seed = ")
    with pytest.raises(UsageError, match="not valid TOML"):
        folder.read_config()
    folder.file("config.toml").unlink()
    with pytest.raises(UsageError, match=r"has no config.toml: .* again"):
        folder.read_config()


HOLD = """
import sys
from pathlib import Path
from ucls.cache import RunFolder
with RunFolder(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    sys.stdin.readline()
"""


def test_the_lock_keeps_other_processes_out(folder: RunFolder) -> None:
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        before = folder.file("run.json").read_bytes()
        with pytest.raises(UclsError, match="another process is working in"), folder.lock():
            pass
        with pytest.raises(UclsError, match="another process is working in"):
            begin(folder.path, overwrite=True)
        assert folder.file("run.json").read_bytes() == before
        other.kill()
    with folder.lock():  # a killed process leaves no lock behind
        pass


def test_settings_keys() -> None:
    assert settings_key({"a": 1, "b": 2}, "x") == settings_key({"b": 2, "a": 1}, "x")
    assert settings_key({"a": 1}, "x") != settings_key({"a": 2}, "x")
    assert settings_key({"a": 1}, "x") != settings_key({"a": 1}, "y")
    assert len(settings_key()) == 16


def test_flatten() -> None:
    assert flatten({"a": 1, "b": {"c": 2, "d": {"e": None}}}) == {"a": 1, "b.c": 2, "b.d.e": None}


def test_versions_of_what_is_installed() -> None:
    found = versions()
    assert {"python", "ucls", "torch", "timm", "numpy", "h5py"} <= set(found)
    assert all(found.values())


def test_how_a_run_is_run_does_not_tell_it_from_another(folder: RunFolder) -> None:
    begin(folder.path, overwrite=True, device="cpu").write_config({})
    again = begin(folder.path, device="cuda")
    assert again.record["requested"]["device"] == "cuda"
    assert RunFolder(folder.path).record["requested"]["device"] == "cuda"
