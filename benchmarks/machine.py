"""What a figure was measured on."""

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "torch", "numpy", "scipy", "faiss-cpu", "faiss-gpu-cu12", "scikit-learn",
    "scikit-network", "timm", "pymetis", "mtkahypar", "ucls",
)  # fmt: skip


def describe_machine(facts: dict[str, Any] | None = None) -> str:
    """One line: processor, cores, GPU if there is one, and versions; of this one, or a record's."""
    facts = facts or machine_facts()
    versions = [f"torch {facts['versions']['torch']}", f"Python {facts['python']}"]
    gpu = [facts["gpu"]] if facts["gpu"] else []
    cores, threads = facts["cores"], facts["threads"]
    used = f"{cores} cores" if threads >= cores else f"{threads} of {cores} cores"
    return ", ".join([facts["processor"], used, *gpu, *versions])


def machine_facts() -> dict[str, Any]:
    """What a record of figures says of its machine: processor, cores, memory, GPU, versions."""
    import torch

    versions = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "versions": versions,
    }


def processor() -> str:
    """The processor's name, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
