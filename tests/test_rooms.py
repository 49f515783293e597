"""Imports run one way: a room imports only from the rooms below it."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GROUND = (
    "batch_norm", "devices", "eigenpairs", "errors", "feature_sets", "machine", "malloc",
    "optimizer", "progress", "ranks", "schedules", "tables", "types", "usage", "wording",
)  # fmt: skip
ROOMS = (
    "__main__", "cli", "pipeline", "stages", "planning", "report", "corrections", "estimators",
    "peers", "clustering", "runs", "constraints", "counting", "pretraining", "masks", "metrics",
    "hierarchies", "training", "objectives", "config", "settings", "doctor", "sources",
    "extraction", "datasets", "merging", "checkpoints", "backbones", "images", "ensemble",
    "neighbors", "heads", "preparation", "ground", "cache",
)  # fmt: skip
"""From the top down; ``ground`` are the single files that any room may import."""
OF_CACHE = ("errors", "types", "wording")
"""What the files on disk may know of the rest."""


def room_of(module: str) -> str:
    """The room of ``ucls.<room>...``; the package itself belongs to the ground."""
    name = module.partition(".")[2].partition(".")[0]
    return "ground" if name in (*GROUND, "") else name


def modules() -> Iterator[tuple[str, Path]]:
    """All modules by the name they install under."""
    for package, folder in (("ucls", "ucls"), ("ucls.cache", "cache"), ("ucls.cli", "cli")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join([package, *(part for part in parts if part != "__init__")]), path


MODULES = dict(modules())


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The modules of ucls that a file imports, anywhere in it, also for types alone."""
    return tuple(found_imports(path))


def found_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("ucls"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ucls":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


def test_every_module_is_in_a_room() -> None:
    assert {room_of(name) for name in MODULES} == set(ROOMS)


def test_every_package_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert set(project["tool"]["setuptools"]["packages"]) == folders


def test_imports_come_from_below() -> None:
    above = {
        (name, module)
        for name, path in MODULES.items()
        if (room := room_of(name)) != "cache"
        for module in imports(path)
        if room_of(module) not in ROOMS[ROOMS.index(room) :]
    }
    assert above == set()


def test_files_on_disk_know_little_of_the_rest() -> None:
    of_cache = [path for name, path in MODULES.items() if room_of(name) == "cache"]
    others = {module for path in of_cache for module in imports(path) if room_of(module) != "cache"}
    assert others <= {f"ucls.{module}" for module in OF_CACHE}


@pytest.mark.parametrize("room", ["training", "heads", "objectives"])
def test_training_needs_no_ensemble(room: str) -> None:
    files = [path for name, path in MODULES.items() if room_of(name) == room]
    assert files
    assert not [m for path in files for m in imports(path) if room_of(m) == "ensemble"]


def test_benchmarks_need_no_command_line() -> None:
    files = list((ROOT / "benchmarks").rglob("*.py"))
    assert files
    assert not [m for path in files for m in imports(path) if room_of(m) == "cli"]


def imports_on_loading(path: Path) -> set[str]:
    """The modules that a file imports as soon as it is imported itself."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ucls":
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found


def test_no_circle_of_files() -> None:
    graph = {name: imports_on_loading(path) for name, path in MODULES.items()}
    assert len(tuple(TopologicalSorter(graph).static_order())) >= len(MODULES)
