"""Public signatures: at most three positional parameters, options by keyword only."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCES = {"ucls": ROOT / "ucls", "ucls.cache": ROOT / "cache"}
MAX_POSITIONAL = 3
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

# Two pairs of arrays, each in the order of scikit-learn's fit and score.
ALLOWED = {
    "ucls.metrics.baselines.knn_accuracy",
    "ucls.metrics.baselines.linear_probe_accuracy",
}


def is_record(kind: type) -> bool:
    """Whether the class only names its fields, or is an error that only takes its message."""
    fields = ("__dataclass_fields__", "_fields", "model_fields")
    return issubclass(kind, Exception) or any(hasattr(kind, name) for name in fields)


def public_callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            name = ".".join(part for part in parts if part != "__init__")
            module = importlib.import_module(name)
            for key, value in vars(module).items():
                if key.startswith("_") or getattr(value, "__module__", None) != name:
                    continue
                if inspect.isfunction(value):
                    yield f"{name}.{key}", value
                elif inspect.isclass(value):
                    if not is_record(value):
                        yield f"{name}.{key}", value
                    for method, body in vars(value).items():
                        if inspect.isfunction(body) and not method.startswith("_"):
                            yield f"{name}.{key}.{method}", body


CALLABLES = dict(public_callables())


def positional(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    return [p for p in parameters if p.kind in POSITIONAL and p.name != "self"]


def test_at_most_three_positional_parameters() -> None:
    by_position = {
        name: [parameter.name for parameter in positional(CALLABLES[name])]
        for name in CALLABLES.keys() - ALLOWED
    }
    assert {name: names for name, names in by_position.items() if len(names) > MAX_POSITIONAL} == {}


def test_the_exceptions_still_need_to_be_exceptions() -> None:
    for name in ALLOWED:
        assert len(positional(CALLABLES[name])) > MAX_POSITIONAL, name


def test_the_search_finds_functions_classes_and_methods() -> None:
    assert {
        "ucls.neighbors.build.build_neighbors",
        "ucls.training.trainer.HeadTrainer",
        "ucls.training.trainer.HeadTrainer.predict",
        "ucls.cache.graph.read_graph",
        "ucls.ensemble.consensus.consensus",
    } <= CALLABLES.keys()
