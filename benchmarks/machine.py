"""What a figure was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe_machine(*packages: str) -> str:
    """One line: processor, cores, and the versions that matter.

    Args:
        packages: those that the figure rests on. None: torch, with the GPU if there is one.
    """
    versions = [f"{package} {version(package)}" for package in packages] or describe_torch()
    cores = f"{os.cpu_count()} cores"
    return ", ".join([processor(), cores, *versions, f"Python {platform.python_version()}"])


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
