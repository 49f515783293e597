from typing import Any

import pytest
from pydantic import ValidationError

from ucls.settings.data_facts import DataFacts

FACTS: dict[str, Any] = {
    "n_images": 100,
    "n_features": 8,
    "n_clusters": 4,
    "backbone": "pixels",
    "device": "cpu",
    "fast_precision": "float32",
}


def test_they_never_change() -> None:
    facts = DataFacts(**FACTS)
    with pytest.raises(ValidationError, match="frozen"):
        facts.n_images = 7  # type: ignore[misc]
    assert facts == DataFacts(**FACTS)


@pytest.mark.parametrize(("name", "value"), [("device", "cuda:1"), ("fast_precision", "float16")])
def test_devices_and_precisions_are_those_that_rules_know(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        DataFacts(**{**FACTS, name: value})
