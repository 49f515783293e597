import sys

import pytest
import torch

from benchmarks import training_step
from benchmarks.step_products import Layers, Size
from ucls.settings.objectives import objective_names

TINY = {"heads": 2, "features": 8, "clusters": 3, "batch": 16, "hidden": 6, "bottleneck": 4}


@pytest.mark.parametrize("objective", objective_names())
def test_every_objective_has_a_line(
    objective: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = [text for name, value in TINY.items() for text in (f"--{name}", str(value))]
    arguments = [*sizes, "--objectives", objective, "--precisions", "float32", "--repeats", "2"]
    monkeypatch.setattr(sys, "argv", ["training_step", *arguments])
    training_step.main()
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith(objective)
    assert "ratio" in line


@pytest.mark.parametrize("own_inputs", [False, True])
def test_products_of_a_pass_have_the_shapes_of_the_layers(own_inputs: bool) -> None:
    size = Size(n_heads=2, n_features=8, n_clusters=3, batch_size=5, hidden_dim=6, bottleneck_dim=4)
    layers = Layers(size, (8, 6, 3), own_inputs=own_inputs, dtype=torch.float32, device="cpu")
    forward = [tuple(product().shape) for product in layers.forward(5)]
    assert forward == ([(2, 5, 6)] if own_inputs else [(1, 5, 12)]) + [(2, 5, 3)]
    trained = [tuple(product().shape) for product in layers.forward_and_backward(5)]
    first = [(2, 5, 6), (2, 8, 6)] if own_inputs else [(1, 5, 12), (1, 8, 12)]
    assert trained == [*first, (2, 5, 3), (2, 6, 3), (2, 5, 6)]
