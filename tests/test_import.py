import subprocess
import sys
from pathlib import Path

import pytest

import ucls

ROOT = Path(__file__).parents[1]
SOURCES = {"ucls": ROOT / "ucls", "ucls.cache": ROOT / "cache", "ucls.cli": ROOT / "cli"}
HEAVY = ("torch", "timm", "torchvision", "faiss")
LIGHT = (
    "ucls.cli.main", "ucls.ensemble", "ucls.estimators", "ucls.merging", "ucls.stages.ensemble",
    "ucls.stages.merge", "ucls.stages.cut", "ucls.settings.objectives", "ucls.cache",
    "ucls.settings.config",
)  # fmt: skip
TELL = f"""
import sys
def tell(*words):
    heavy = set({HEAVY}) & set(sys.modules)
    if heavy: print(*words, *heavy)
"""


def modules() -> list[str]:
    """Every module of the package, by the name it installs under."""
    names = []
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            names.append(".".join(part for part in parts if part != "__init__"))
    return names


def python(code: str, *options: str) -> str:
    """What the code prints in a fresh interpreter, outside of the repository."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def heavy_modules_after(code: str) -> str:
    return python(f"{code}\nimport sys; print(*(set({HEAVY}) & set(sys.modules)))")


def test_a_bare_import_knows_its_version() -> None:
    from ucls import __version__

    assert heavy_modules_after("import ucls; assert ucls.__version__") == ""
    assert python("import ucls; print(ucls.__version__)", "-W", "error") == __version__


@pytest.mark.slow
def test_estimators_are_imported_when_they_are_asked_for() -> None:
    code = (
        "import sys, ucls; assert 'sklearn' not in sys.modules\n"
        "from ucls import UCLS, ConsensusClustering, MergeClustering\n"
        "assert set(ucls.__all__) <= set(dir(ucls)); print('sklearn' in sys.modules)"
    )
    assert python(code) == "True"
    assert heavy_modules_after("import ucls; ucls.UCLS()") == ""
    with pytest.raises(AttributeError, match="module 'ucls' has no attribute 'Ucls'"):
        _ = ucls.Ucls


@pytest.mark.slow
def test_every_module_imports_without_a_warning() -> None:
    names = modules()
    assert {"ucls", "ucls.training.trainer", "ucls.cache.graph", "ucls.cli.main"} <= set(names)
    assert {"ucls.merging.merge", "ucls.objectives.turtle", "ucls.heads.mlp"} <= set(names)
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *names],
        capture_output=True, text=True, cwd="/", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_light_modules_import_nothing_heavy() -> None:
    lines = [f"import {name}; tell('{name}')" for name in LIGHT]
    assert python("\n".join([TELL, *lines])) == ""


def test_help_imports_nothing_heavy() -> None:
    code = f"""{TELL}
from ucls.cli.main import main
for command in (["--help"], ["ensemble", "--help"], ["--version"]):
    sys.argv = ["ucls", *command]
    print("SHOWS")
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, stop.code
    tell("HEAVY", command)
"""
    shown = python(code)
    assert "HEAVY" not in shown
    assert all(len(text.strip()) > 3 for text in shown.split("SHOWS")[1:])
    assert shown.count("SHOWS") == 3
