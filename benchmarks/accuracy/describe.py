"""What some runs were, in few words."""

from collections.abc import Sequence

from benchmarks.accuracy.comparison import departures
from benchmarks.accuracy.records import Record


def describe_machine(record: Record) -> str:
    """What a run was made on, in a line."""
    facts = record.machine
    gpu = [facts["gpu"]] if record.device != "cpu" else []
    versions = [f"{name} {record.versions[name]}" for name in ("torch", "ucls")]
    return ", ".join([*gpu, facts["processor"], f"{facts['cores']} cores", *versions])


def describe_features(records: Sequence[Record]) -> str:
    """Backbones and tokens that runs saw: ``dinov2_vitl14_reg4 cls+patch``."""
    seen = {" + ".join(r.figures["backbones"]) + f" {r.resolved['features']}" for r in records}
    return " or ".join(sorted(seen))


def describe_seeds(records: Sequence[Record]) -> str:
    """Writes the seeds as ``seeds 0-4``, or as ``seeds 0, 2`` where some are not there."""
    seeds = sorted({record.seed for record in records})
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


def count_runs(records: Sequence[Record]) -> str:
    """``1 run``, ``2 runs``."""
    return "1 run" if len(records) == 1 else f"{len(records)} runs"


def describe_runs(records: Sequence[Record]) -> str:
    """How many runs, with which seeds and features, and how long they took."""
    mean = describe_time(sum(record.seconds for record in records) / len(records))
    seeds, features = describe_seeds(records), describe_features(records)
    return f"{count_runs(records)} ({seeds}) on {features}, {mean} each"


def describe_departures(records: Sequence[Record]) -> list[str]:
    """Where runs do not have their file's settings: ``ucls, seeds 0, 1: train.epochs = 1``."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if changes := departures(record):
            groups.setdefault((record.objective, ", ".join(changes)), []).append(record)
    return [
        f"{objective}, {describe_seeds(group)}: {changes}"
        for (objective, changes), group in groups.items()
    ]
