import importlib
import os
from pathlib import Path
from types import ModuleType

import pytest

from ucls import doctor


def install(monkeypatch: pytest.MonkeyPatch, **packages: str) -> None:
    """Lets the doctor see these packages only; underscores stand for hyphens."""
    versions = {name.replace("_", "-"): number for name, number in packages.items()}
    monkeypatch.setattr(doctor, "_version", lambda name: versions.get(name, ""))


def break_imports(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(name: str) -> ModuleType:
        raise error

    monkeypatch.setattr(importlib, "import_module", fail)


def test_all_is_well_here(tmp_path: Path) -> None:
    findings = doctor.examine(tmp_path)
    assert [finding.remedy for finding in findings if finding.remedy] == []
    names = [finding.name for finding in findings]
    assert {"FAISS", "torch beside torchvision", "device", "cache", "ucls"} <= set(names)
    assert all(finding.what for finding in findings)
    assert list(tmp_path.iterdir()) == []


def test_no_faiss(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    finding = doctor.examine_faiss()
    assert finding.what == "not installed"
    assert "pip install 'ucls[cpu]' (or 'ucls[gpu]' for CUDA)" in finding.remedy


def test_both_packages_of_faiss(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, faiss_cpu="1.9", faiss_gpu_cu12="1.9")
    expected = "faiss-cpu and faiss-gpu-cu12 overwrite each other; uninstall both, install one"
    assert doctor.examine_faiss().remedy == expected


def test_a_broken_faiss(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, faiss_cpu="1.9")
    break_imports(monkeypatch, ImportError("no libcublas"))
    expected = "FAISS cannot be imported (no libcublas); reinstall it"
    assert doctor.examine_faiss().remedy == expected


@pytest.mark.parametrize(
    ("torch", "torchvision"), [("2.6.0+cpu", "0.21.0"), ("2.6.0", "0.21.0+cu124")]
)
def test_torch_and_torchvision_of_two_indexes(
    torch: str, torchvision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, torch=torch, torchvision=torchvision)
    remedy = doctor.examine_torchvision().remedy
    assert f"torch {torch}, torchvision {torchvision} do not fit together" in remedy
    assert "pip install --force-reinstall torch torchvision" in remedy


@pytest.mark.parametrize("error", [ImportError("gone"), RuntimeError("nms does not exist")])
def test_a_torchvision_that_fails(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, torch="2.6.0", torchvision="0.20.0")
    break_imports(monkeypatch, error)
    assert str(error) in doctor.examine_torchvision().remedy


def test_build_of() -> None:
    assert doctor.build_of("2.6.0+cpu") == "cpu"
    assert doctor.build_of("2.6.0") == ""


def test_device_names_the_precision() -> None:
    assert doctor.examine_device().what.endswith(("trains in float32", "trains in bfloat16"))


def test_a_cache_that_is_not_there_yet_is_looked_for_above(tmp_path: Path) -> None:
    finding = doctor.examine_cache(tmp_path / "a" / "b")
    assert finding.what.startswith(f"{tmp_path / 'a' / 'b'} (")
    assert finding.what.endswith(" GB free)")
    assert finding.remedy == ""
    assert not (tmp_path / "a").exists()


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    expected = f"{tmp_path} cannot be written to; set UCLS_CACHE or pass --cache-dir"
    assert doctor.examine_cache(tmp_path / "new").remedy == expected
