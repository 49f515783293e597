"""What a figure was measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("torch", "numpy", "faiss-cpu", "faiss-gpu-cu12", "scikit-learn", "timm", "ucls")


def describe_machine(*packages: str) -> str:
    """One line: processor, cores, and the versions that matter.

    Args:
        packages: those that the figure rests on. None: torch, with the GPU if there is one.
    """
    versions = [f"{package} {version(package)}" for package in packages] or describe_torch()
    cores = f"{os.cpu_count()} cores"
    return ", ".join([processor(), cores, *versions, f"Python {platform.python_version()}"])


def machine_facts() -> dict[str, Any]:
    """What a record of figures says of its machine: processor, cores, memory, GPU, versions."""
    import torch

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "versions": _versions(),
    }


def processor() -> str:
    """The processor's name, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def describe_torch() -> list[str]:
    """The GPU if there is one, and torch's version."""
    import torch

    gpu = [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
    return [*gpu, f"torch {torch.__version__}"]


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
