"""Finding out whether this machine has all that UCLS needs."""

import importlib
import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from ucls.cache import cache_directory, versions

GIGABYTE = 2**30


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    what: str
    remedy: str = ""
    """What is wrong and what to do; empty if nothing is."""


def examine(cache_dir: Path | None = None) -> list[Finding]:
    """Looks at everything, without changing anything."""
    return [
        *(Finding(name, number) for name, number in versions().items()),
        examine_faiss(),
        examine_torchvision(),
        examine_device(),
        examine_cache(cache_directory(cache_dir)),
    ]


def examine_faiss() -> Finding:
    """FAISS is there, once, and finds a vector."""
    packages = [name for name in ("faiss-cpu", "faiss-gpu-cu12") if _version(name)]
    if not packages:
        remedy = "FAISS is missing; run: pip install 'ucls[cpu]' (or 'ucls[gpu]' for CUDA)"
        return Finding("FAISS", "not installed", remedy)
    if len(packages) > 1:
        remedy = f"{' and '.join(packages)} overwrite each other; uninstall both, install one"
        return Finding("FAISS", ", ".join(packages), remedy)
    try:
        importlib.import_module("faiss")
    except ImportError as error:
        return Finding("FAISS", packages[0], f"FAISS cannot be imported ({error}); reinstall it")
    return Finding("FAISS", f"{packages[0]} {_version(packages[0])}")


def examine_torchvision() -> Finding:
    """Torch and torchvision are of one index, and work together."""
    torch, torchvision = _version("torch"), _version("torchvision")
    both = f"torch {torch}, torchvision {torchvision}"
    remedy = (
        f"{both} do not fit together; install both from one index: "
        "pip install --force-reinstall torch torchvision"
    )
    if build_of(torch) != build_of(torchvision):
        return Finding("torch beside torchvision", both, remedy)
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError) as error:
        return Finding("torch beside torchvision", both, f"{remedy} ({error})")
    return Finding("torch beside torchvision", f"{both}: of one index")


def build_of(number: str) -> str:
    """The build in a version: ``2.6.0+cpu`` to ``cpu``; empty for PyPI's own."""
    return number.partition("+")[2]


def examine_device() -> Finding:
    """Which device ``auto`` takes, and in which precision."""
    import torch

    from ucls.devices import fast_precision, resolve_device

    device = resolve_device("auto")
    what = torch.cuda.get_device_name() if device.type == "cuda" else f"{os.cpu_count()} cores"
    return Finding("device", f"{device.type}: {what}, trains in {fast_precision(device)}")


def examine_cache(folder: Path) -> Finding:
    """The cache folder can be written to; how much room there is."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(existing, os.W_OK):
        remedy = f"{existing} cannot be written to; set UCLS_CACHE or pass --cache-dir"
        return Finding("cache", str(folder), remedy)
    free = shutil.disk_usage(existing).free / GIGABYTE
    return Finding("cache", f"{folder} ({free:,.0f} GB free)")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
