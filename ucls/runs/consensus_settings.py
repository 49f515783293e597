"""What tells one consensus of a run from another: its settings, and the name they give it."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.ensemble.head_weights import loss_weights
from ucls.ensemble.methods import ALL, METHODS, all_options, methods_with
from ucls.errors import UsageError
from ucls.settings.config import Config, EnsembleConfig
from ucls.settings.method_options import option_value

Settings = dict[str, Any]


def used_settings(config: EnsembleConfig) -> Settings:
    """The settings that have a part in a consensus, in the order of the fields."""
    options = all_options().values() if config.method == ALL else METHODS[config.method].options
    used = {*EnsembleConfig.model_fields, *(option.name for option in options)}
    return {name: value for name, value in config.model_dump(mode="json").items() if name in used}


def consensus_options(
    config: EnsembleConfig, loss: NDArray[np.floating], *, n_more: int = 0
) -> Settings:
    """The settings as :func:`ucls.ensemble.consensus` takes them, but for the method.

    Args:
        config: how the heads are combined.
        loss: training loss of these heads, [H].
        n_more: others that vote after them, each like a head of the mean loss.
    """
    weights: NDArray[np.floating] | str = config.weights
    if weights == "loss":
        weights = np.append(loss_weights(loss), np.ones(n_more))
    return {
        **{name: option_value(one, getattr(config, name)) for name, one in all_options().items()},
        "weights": weights,
        "keep_k": config.keep_k,
    }


def vary(config: Config, variant: Mapping[str, Any]) -> EnsembleConfig:
    """The run's own settings of its consensus, with some replaced.

    Args:
        config: of the run.
        variant: names and values of the section ``ensemble``.

    Raises:
        UsageError: for a wrong name or value, or an option that the method does not use.
    """
    variant = {name: value for name, value in variant.items() if value is not None}
    varied = config.with_values({f"ensemble.{name}": value for name, value in variant.items()})
    used = used_settings(varied.ensemble)
    for name in variant:
        if name not in used:
            users = ", ".join([*methods_with(name), ALL])
            raise UsageError(
                f"{name} has no part in the method {varied.ensemble.method}, it is used by "
                f"{users}: leave it out or choose one of these methods"
            )
    return varied.ensemble


def entry_name(settings: Settings, own: EnsembleConfig) -> str:
    """The method, and in brackets what else differs from the run's own settings.

    Args:
        settings: of :func:`used_settings`.
        own: the run's own.

    Returns:
        Such as ``mcla``, ``mcla[0-4,7]`` or ``vote[best:16,weights=loss]``.
    """
    own_settings = own.model_dump(mode="json")
    differences = [
        str(value) if name == "heads" else f"{name}={_as_text(value)}"
        for name, value in settings.items()
        if name != "method" and value != own_settings.get(name)
    ]
    suffix = f"[{','.join(differences)}]" if differences else ""
    return f"{settings['method']}{suffix}"


def _as_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
