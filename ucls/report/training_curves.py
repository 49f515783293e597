"""How the loss fell, epoch by epoch, as ``train.jsonl`` has it."""

import json
from dataclasses import dataclass
from pathlib import Path

from ucls.cache.files import REWRITE
from ucls.errors import UsageError


@dataclass(frozen=True)
class TrainingCurve:
    """The epochs of a group of heads, as JSON can hold them.

    Attributes:
        group: its number, from 0.
        epochs: their numbers, from 1.
        loss: the mean of all heads of the group in each.
        lowest: that of the best head in each.
        highest: that of the worst head in each.
    """

    group: int
    epochs: list[int]
    loss: list[float]
    lowest: list[float]
    highest: list[float]


def read_training_curves(path: Path) -> list[TrainingCurve]:
    """Reads the log of a training; an empty one has no curves.

    Raises:
        UsageError: if the file is damaged.
    """
    curves: dict[int, TrainingCurve] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            # Older logs know of no groups.
            group = int(record.get("group", 0))
            curve = curves.setdefault(group, TrainingCurve(group, [], [], [], []))
            curve.epochs.append(int(record["epoch"]))
            curve.loss.append(float(record["loss"]))
            by_head = record.get("head_losses") or [record["loss"]]
            curve.lowest.append(float(min(by_head)))
            curve.highest.append(float(max(by_head)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path} is damaged ({error}); {REWRITE}") from error
    return [curves[group] for group in sorted(curves)]
