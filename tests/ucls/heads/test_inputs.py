import numpy as np
import pytest
import torch

from ucls.heads.inputs import HeadInputs

N, D = 20, 6

all_seeds = pytest.mark.parametrize("seed", range(2))


def filled(seed: int, n_inputs: int, *, scale: float, batch_norm: bool) -> HeadInputs:
    """With statistics and axes at random."""
    generator = torch.Generator().manual_seed(seed)
    inputs = HeadInputs(D, n_inputs, scale=scale, batch_norm=batch_norm)
    state = {
        name: torch.rand(value.shape, generator=generator) + 0.5
        if value.is_floating_point()
        else value
        for name, value in inputs.state_dict().items()
    }
    inputs.load_state_dict(state)
    return inputs


@all_seeds
@pytest.mark.parametrize("n_inputs", [1, 3, D])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_scale_then_batch_norm_then_axes(seed: int, n_inputs: int, batch_norm: bool) -> None:
    inputs = filled(seed, n_inputs, scale=3.0, batch_norm=batch_norm)
    features = torch.randn(N, D, generator=torch.Generator().manual_seed(9 + seed))
    state = {name: value.double().numpy() for name, value in inputs.state_dict().items()}
    expected = 3.0 * features.double().numpy()
    if batch_norm:
        variance = state["batch_norm.running_var"] + 1e-5
        expected = (expected - state["batch_norm.running_mean"]) / np.sqrt(variance)
    np.testing.assert_allclose(inputs.standardize(features), expected, rtol=1e-4, atol=1e-5)
    assert ("axes" in state) == (n_inputs < D)
    if n_inputs < D:
        expected = expected @ state["axes"]
    np.testing.assert_allclose(inputs(features), expected, rtol=1e-4, atol=1e-4)
    assert inputs(features).shape == (N, n_inputs)


def test_a_batch_does_not_change_the_statistics() -> None:
    inputs = filled(0, 3, scale=1.0, batch_norm=True)
    before = {name: value.clone() for name, value in inputs.state_dict().items()}
    first = inputs(torch.ones(N, D))
    torch.testing.assert_close(inputs(torch.ones(1, D))[0], first[0])
    assert all(torch.equal(value, before[name]) for name, value in inputs.state_dict().items())


@pytest.mark.parametrize(
    ("n_inputs", "batch_norm", "names"),
    [
        (D, False, set()),
        (2, False, {"axes"}),
        (2, True, {"axes", *(f"batch_norm.running_{name}" for name in ("mean", "var"))}),
    ],
)
def test_what_there_is_to_save(n_inputs: int, batch_norm: bool, names: set[str]) -> None:
    state = filled(0, n_inputs, scale=1.0, batch_norm=batch_norm).state_dict()
    assert state.keys() - {"batch_norm.num_batches_tracked"} == names
