"""The consensus methods: whatever else needs to know of them asks here."""

from ucls.ensemble.cspa import CSPA
from ucls.ensemble.hbgf import HBGF
from ucls.ensemble.hgpa import HGPA
from ucls.ensemble.mcla import MCLA
from ucls.ensemble.method import Method
from ucls.ensemble.nmf import NMF
from ucls.ensemble.options import Option
from ucls.ensemble.vote import VOTE
from ucls.errors import UsageError

ALL = "all"
METHODS = {method.name: method for method in (MCLA, VOTE, HBGF, CSPA, NMF, HGPA)}
"""By name, in the order in which ``all`` runs them; of equals it keeps the first."""


def register(method: Method) -> None:
    """Adds a method from outside of the package, after those that are there.

    Raises:
        UsageError: its name is taken, or that of an option is for another one.
    """
    if method.name in method_names():
        raise UsageError(f"there is a consensus method {method.name!r} already: choose another")
    options = all_options()
    for option in method.options:
        if option != options.get(option.name, option):
            raise UsageError(
                f"{option.name} is another option of {', '.join(methods_with(option.name))}: "
                "choose another name, or share that option"
            )
    METHODS[method.name] = method


def method_names() -> tuple[str, ...]:
    """What can be asked for: every method, and ``all``."""
    return (*METHODS, ALL)


def all_options() -> dict[str, Option]:
    """The options of all methods by name, in the order of the methods."""
    return {option.name: option for method in METHODS.values() for option in method.options}


def methods_with(option: str) -> list[str]:
    """The methods that have an option."""
    return [
        method.name for method in METHODS.values() if option in (one.name for one in method.options)
    ]


def n_steps(method: str, n_heads: int) -> int:
    """How often a consensus of ``n_heads`` heads tells of its progress; ``method`` may be all."""
    methods = METHODS.values() if method == ALL else [METHODS[method]]
    return sum(one.n_steps(n_heads) for one in methods)
