"""From the settings of a training to its objective."""

from pkgutil import resolve_name

from ucls.objectives.building import Task
from ucls.objectives.protocol import Objective
from ucls.settings.config import TrainConfig
from ucls.settings.objectives import RECORDS


def build_objective(config: TrainConfig, task: Task) -> Objective:
    """Builds the objective of a training, on the CPU.

    Args:
        config: all fields set that the objective heeds, as
            :func:`ucls.settings.fitting.autoconfigure` leaves them.
        task: sizes, and the seed of the initial weights.
    """
    objective: Objective = resolve_name(RECORDS[config.objective].build)(config, task)
    return objective
