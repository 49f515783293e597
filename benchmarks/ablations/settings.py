"""The settings of each run of a study, from the study's own, a preset's and the user's."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.ablations.study import Settings, Study, Variant
from ucls.config import Config
from ucls.errors import UclsError, UsageError
from ucls.objectives.settings import OBJECTIVES, ObjectiveName, unused_settings
from ucls.presets import preset as preset_values
from ucls.settings.given import known_objective

UNTIMED: Settings = {"evaluate.kmeans_restarts": 1, "evaluate.upper_bounds": False}
"""What no table of the ablations shows is not measured at length."""
HAVE_OPTIONS = {"n_clusters": "-k", "device": "--device", "seed": "--first-seed"}


@dataclass(frozen=True)
class Choices:
    """What the user chose for all runs of a study.

    Attributes:
        given: dotted names to values.
        preset: of the thesis's settings; None for our own, fitted to the data.
        threshold: of the adaptive neighbours: a number in [-1, 1], or ``typical``; None for what
            fits the data, or the preset's.
        n_clusters: None for the number of classes.
        device: ``auto``, ``cpu`` or ``cuda[:i]``.
    """

    given: Settings = field(default_factory=dict)
    preset: str | None = None
    threshold: float | str | None = None
    n_clusters: int | None = None
    device: str = "auto"

    @property
    def all_given(self) -> dict[str, Any]:
        """The settings, with the threshold."""
        chosen = {} if self.threshold is None else {"neighbors.threshold": self.threshold}
        return {**self.given, **chosen}


def check_choices(study: Study, choices: Choices) -> None:
    """Finds out before anything runs whether the study can be run as the user wants it.

    Raises:
        UsageError: if a setting is wrong, or is what the study varies.
    """
    if clash := sorted(study.varied & set(choices.given)):
        hint = ", or give --threshold" if clash == ["neighbors.threshold"] else ""
        raise UsageError(
            f"{', '.join(clash)} is what the rows of {study.name} vary, so it cannot be set for "
            f"all of them: leave it out{', or give --values' if study.setting else hint}"
        )
    for name, option in HAVE_OPTIONS.items():
        if name in choices.given:
            raise UsageError(f"give {option} instead of --set {name}=...")
    takes_threshold = any("neighbors.threshold" not in row.settings for row in study.variants)
    if choices.threshold is not None and not takes_threshold:
        raise UsageError(
            f"every row of {study.name} has a threshold of its own: leave --threshold out"
        )
    for variant in study.variants:
        try:
            run_config(study, variant, choices, has_images=True, seed=0)
        except UclsError as error:
            raise UsageError(f"{study.name}, {variant.key}: {error}") from error


def run_config(
    study: Study, variant: Variant, choices: Choices, *, has_images: bool, seed: int
) -> Config:
    """The settings of one run, with None for what is to be fitted to the data.

    Later ones win: those that all rows share, the preset, the user's, the row's own. Without
    images there is no backbone to choose.

    Raises:
        UsageError: if a setting is wrong.
    """
    given = choices.all_given
    objective = known_objective({**given, **variant.settings})
    of_rows = {known_objective({**given, **other.settings}) for other in study.variants}
    values: dict[str, Any] = {**UNTIMED, **_heeded(study.shared, objective, OBJECTIVES)}
    values |= _thesis_settings(study, choices.preset, objective, has_images=has_images)
    values |= _heeded(given, objective, of_rows)
    values |= variant.settings
    values |= {"n_clusters": choices.n_clusters, "device": choices.device, "seed": seed}
    return Config().with_values(values)


def parse_threshold(text: str) -> float | str | None:
    """Reads ``auto`` as None, numbers as such, and leaves other words to the settings to check."""
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError:
        return text


def parse_values(text: str) -> list[float]:
    """Reads ``10,20``; doubles count once.

    Raises:
        UsageError: if there is something other than numbers.
    """
    try:
        return list(dict.fromkeys(float(value) for value in text.split(",")))
    except ValueError:
        raise UsageError(f"expected --values as numbers such as 10,20, got {text!r}") from None


def _thesis_settings(
    study: Study, name: str | None, objective: ObjectiveName, *, has_images: bool
) -> dict[str, Any]:
    """The preset as the study used it, without what the source tells."""
    if name is None:
        return {}
    by_source = ("n_clusters", "features", *(() if has_images else ("extract.",)))
    values = {**preset_values(name, objective=objective), **study.thesis}
    # Whether neighbours are averaged is the study's own matter.
    return {
        key: value
        for key, value in values.items()
        if not key.startswith(by_source) and key != "train.n_smoothing"
    }


def _heeded(
    values: Mapping[str, Any], objective: ObjectiveName, objectives: Collection[ObjectiveName]
) -> dict[str, Any]:
    """Leaves out what one of several objectives heeds, and this one does not."""
    names = {key: key.removeprefix("train.") for key in values if key.startswith("train.")}
    unused = unused_settings(objective, dict.fromkeys(names.values(), True))
    return {
        key: value
        for key, value in values.items()
        if not set(unused.get(names.get(key, ""), ())) & set(objectives)
    }
