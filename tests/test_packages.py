"""What an installation brings along."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.licences import needed

ROOT = Path(__file__).parents[1]
LOCKED = {
    (package["name"], package["version"])
    for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    if "version" in package
}
CONSTRAINTS = [
    Requirement(line) for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_pip_gets_what_is_locked() -> None:
    pinned = {
        (canonicalize_name(one.name), str(one.specifier).removeprefix("==")) for one in CONSTRAINTS
    }
    assert pinned <= LOCKED


@pytest.mark.parametrize("extra", ["", "cpu", "dev", "docs", "export", "files"])
def test_whatever_is_asked_for_is_pinned(extra: str) -> None:
    pinned = {canonicalize_name(one.name) for one in CONSTRAINTS}
    asked = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    assert {canonicalize_name(Requirement(text).name) for text in asked} <= pinned


def test_nothing_is_under_the_gpl() -> None:
    packages = needed("ucls", frozenset({"cpu"}))
    assert {"torch", "faiss-cpu", "scikit-learn", "markupsafe"} <= {
        canonicalize_name(package.name) for package in packages
    }
    assert [one for one in packages if re.search(r"\bA?GPL|General Public", one.licence)] == []
