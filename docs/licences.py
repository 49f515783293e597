"""The packages that an installation needs, with their licences."""

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import NamedTuple

from packaging.requirements import Requirement


class Package(NamedTuple):
    """An installed package."""

    name: str
    version: str
    licence: str
    """As it names it; ``not named`` if it does not."""


def needed(name: str, extras: frozenset[str] = frozenset()) -> list[Package]:
    """All packages that one needs here, itself left out, by name.

    Args:
        name: of an installed package.
        extras: its optional parts.
    """
    seen = {(name, extras): distribution(name)}
    waiting = [*seen]
    while waiting:
        _, asked = key = waiting.pop()
        for requirement in _requirements(seen[key], asked):
            found = (requirement.name, frozenset(requirement.extras))
            if found not in seen:
                try:
                    seen[found] = distribution(requirement.name)
                except PackageNotFoundError:
                    continue
                waiting.append(found)
    packages = {_package(one) for (other, _), one in seen.items() if other != name}
    return sorted(packages, key=lambda package: package.name.lower())


def _requirements(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for text in package.requires or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def _package(installed: Distribution) -> Package:
    told = installed.metadata
    lines = told.get_all("Classifier", ())
    classified = (line.rpartition(" :: ")[2] for line in lines if line.startswith("License ::"))
    expression = told.get("License-Expression") or "; ".join(classified)
    licence = expression or (told.get("License") or "not named").partition("\n")[0]
    return Package(told["Name"], installed.version, licence)


def licence_table() -> str:
    """The packages of ``ucls[cpu]``, in Markdown."""
    packages = needed("ucls", frozenset({"cpu"}))
    rows = (f"| {one.name} | {one.version} | {one.licence} |\n" for one in packages)
    return "| package | version | licence |\n|---|---|---|\n" + "".join(rows)
