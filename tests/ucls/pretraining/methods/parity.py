"""Whole training steps beside those of public code, by the numbers in ``fixtures``."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ucls.pretraining.optimizers import build_optimizer, set_rate
from ucls.pretraining.protocol import Batch, Method
from ucls.pretraining.views import Views
from ucls.settings.pretraining import PretrainConfig

FIXTURES = Path(__file__).parent / "fixtures"


def stored(fixture: str, prefix: str, names: Mapping[str, str]) -> dict[str, Tensor]:
    """The weights that a fixture has under a prefix, by our names in place of theirs."""
    found = {}
    with np.load(FIXTURES / fixture) as arrays:
        for name in arrays.files:
            if name.startswith(prefix):
                inner = name.removeprefix(prefix)
                theirs = next(one for one in names if inner.startswith(one))
                found[names[theirs] + inner.removeprefix(theirs)] = torch.from_numpy(arrays[name])
    return found


def assert_steps_are_the_same(method: Method, fixture: str, names: Mapping[str, str]) -> None:
    """Compares losses and weights after a fixture's steps of SGD, in float64, within 1e-5.

    In float32 the rounding of some processors grows beyond that in three steps of batch norm.
    """
    before = stored(fixture, "before.", names)
    method = method.double()
    kept = before.keys() & method.state_dict().keys()
    assert method.state_dict().keys() - kept <= {"queue.rows", "queue.place"}
    method.load_state_dict({name: before[name] for name in kept}, strict=False)
    config = PretrainConfig(optimizer="sgd", learning_rate=0.1, weight_decay=1e-3, momentum=0.9)
    optimizer = build_optimizer(method.parameters(), config, steady=method.steady_parameters())
    with np.load(FIXTURES / fixture) as arrays:
        losses = []
        for step, rate in enumerate(arrays["rates"]):
            views = [torch.from_numpy(arrays[f"views.{step}.{view}"]).double() for view in range(2)]
            set_rate(optimizer, rate)
            optimizer.zero_grad()
            loss = method.loss(Batch(Views(views, []), torch.arange(len(views[0]))))
            loss.backward()
            optimizer.step()
            method.after_step()
            losses.append(float(loss.detach()))
        np.testing.assert_allclose(losses, arrays["losses"], rtol=1e-5)
    after, expected = method.state_dict(), stored(fixture, "after.", names)
    for name in kept:
        value = expected[name].to(after[name].dtype)
        torch.testing.assert_close(after[name], value, atol=1e-5, rtol=1e-5)
