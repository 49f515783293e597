"""The settings of each run of a study, from the study's own, a preset's and the user's."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.ablations.study import Settings, Study, Variant
from ucls.errors import UclsError, UsageError
from ucls.settings.config import Config
from ucls.settings.objectives import OBJECTIVES, ObjectiveName, unused_settings
from ucls.settings.presets import preset as preset_values

UNTIMED: Settings = {"evaluate.kmeans_restarts": 1, "evaluate.upper_bounds": False}
"""What no table of the ablations shows is not measured at length."""
PATCHES_MISSING = (
    "the features of this source are one vector per image, without patch tokens, so there is "
    "nothing to add to `cls`"
)


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


def check_choices(study: Study, choices: Choices) -> None:
    """Finds out before anything runs whether the study can be run as the user wants it.

    Raises:
        UsageError: if a setting is wrong, or is what the study varies.
    """
    clash = sorted(study.varied & set(choices.given))
    if clash:
        if study.values is not None:
            hint = ", or give --values"
        else:
            hint = ", or give --threshold" if clash == ["neighbors.threshold"] else ""
        raise UsageError(
            f"{', '.join(clash)} is what the rows of {study.name} vary, so it cannot be set for "
            f"all of them: leave it out{hint}"
        )
    for name, owner in (("n_clusters", "-k"), ("device", "--device"), ("seed", "--first-seed")):
        if name in choices.given:
            raise UsageError(f"give {owner} instead of --set {name}=...")
    adaptive = [v for v in study.variants if "neighbors.threshold" not in v.settings]
    if choices.threshold is not None and not adaptive:
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

    Later ones win: those that all rows share, the preset, the user's, the row's own.

    Args:
        study: whose row it is.
        variant: the row.
        choices: the user's.
        has_images: whether the source has images for a backbone; a feature file has none.
        seed: of the run.

    Raises:
        UsageError: if a setting is wrong.
    """
    given = dict(choices.given)
    if choices.threshold is not None:
        given["neighbors.threshold"] = choices.threshold
    objective = _objective({**given, **variant.settings})
    values: dict[str, Any] = {**UNTIMED, **_heeded(study.settings, objective, OBJECTIVES)}
    values |= _thesis_settings(study, choices.preset, objective, has_images=has_images)
    values |= _heeded(
        given, objective, {_objective({**given, **v.settings}) for v in study.variants}
    )
    values |= variant.settings
    values |= {"n_clusters": choices.n_clusters, "device": choices.device, "seed": seed}
    return Config().with_values(values)


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


def _objective(values: Mapping[str, Any]) -> ObjectiveName:
    wanted = values.get("train.objective")
    return next((name for name in OBJECTIVES if name == wanted), "ucls")


def _heeded(
    values: Settings, objective: ObjectiveName, objectives: Collection[ObjectiveName]
) -> dict[str, Any]:
    """Leaves out what one of several objectives heeds, and this one does not."""
    names = {key: key.removeprefix("train.") for key in values if key.startswith("train.")}
    unused = unused_settings(objective, dict.fromkeys(names.values(), True))
    return {
        key: value
        for key, value in values.items()
        if not set(unused.get(names.get(key, ""), ())) & set(objectives)
    }


def fit_to_features(study: Study, feature_sets: Collection[str]) -> tuple[Study, dict[str, str]]:
    """The study as far as the features of a source go.

    Args:
        study: with all of its rows.
        feature_sets: what the source's cache holds: ``cls``, ``cls+patch``, ...

    Returns:
        The study with ``cls`` alone in place of patches that are not there, and the labels of rows
        that are left out with the reason.
    """
    if "cls+patch" in feature_sets:
        return study, {}
    left_out = {v.label: PATCHES_MISSING for v in study.variants if v.needs_patches}
    kept = tuple(_without_patches(v) for v in study.variants if not v.needs_patches)
    return replace(study, variants=kept), left_out


def _without_patches(variant: Variant) -> Variant:
    if variant.settings.get("features") != "cls+patch":
        return variant
    return replace(variant, settings={**variant.settings, "features": "cls"})


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
