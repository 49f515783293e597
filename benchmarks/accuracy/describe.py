"""What some runs were, in few words."""

from collections.abc import Sequence

from benchmarks.accuracy.comparison import departures
from benchmarks.trials import Trial


def describe_features(trials: Sequence[Trial]) -> str:
    """Backbones and tokens that runs saw: ``dinov2_vitl14_reg4 cls+patch``."""
    seen = {
        f"{' + '.join(trial.figures['backbones'])} {trial.resolved['features']}" for trial in trials
    }
    return " or ".join(sorted(seen))


def describe_seeds(trials: Sequence[Trial]) -> str:
    """Writes the seeds as ``seeds 0-4``, or as ``seeds 0, 2`` where some are not there."""
    seeds = sorted({trial.seed for trial in trials})
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"seeds {seeds[0]}-{seeds[-1]}"
    return f"seeds {', '.join(map(str, seeds))}"


def describe_time(seconds: float) -> str:
    """Hours, minutes and seconds: ``1:02:03``, ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count_runs(trials: Sequence[Trial]) -> str:
    """``1 run``, ``2 runs``."""
    return "1 run" if len(trials) == 1 else f"{len(trials)} runs"


def describe_runs(trials: Sequence[Trial]) -> str:
    """How many runs, with which seeds and features, and how long they took."""
    mean = describe_time(sum(trial.seconds for trial in trials) / len(trials))
    seeds, features = describe_seeds(trials), describe_features(trials)
    return f"{count_runs(trials)} ({seeds}) on {features}, {mean} each"


def describe_departures(trials: Sequence[Trial]) -> list[str]:
    """Where runs do not have their file's settings: ``ucls, seeds 0, 1: train.epochs = 1``."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        if changes := departures(trial):
            groups.setdefault((trial.objective, ", ".join(changes)), []).append(trial)
    return [
        f"{objective}, {describe_seeds(group)}: {changes}"
        for (objective, changes), group in groups.items()
    ]
