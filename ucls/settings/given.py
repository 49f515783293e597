"""From options, texts and files to settings."""

import tomllib
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause


def gather(
    *,
    config: Path | None = None,
    preset: str | None = None,
    settings: Iterable[str] | None = None,
    of_run: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """Puts everything the user set together, the more specific over the more general.

    Args:
        config: a TOML file.
        preset: name of a preset.
        settings: ``NAME=VALUE`` texts.
        of_run: whether they are those of a run, so that what is wrong in the file is told of it.
        **options: settings by their name with ``__`` for the dot; None where not given.

    Returns:
        Dotted names to values.

    Raises:
        UsageError: if a file, a preset or a text cannot be read, or the file has wrong settings
            that nothing replaces.
    """
    from ucls.cache.run_folder import flatten
    from ucls.settings.presets import preset as preset_values

    values = dict(parse_setting(text) for text in settings or ())
    values |= {name.replace("__", "."): v for name, v in options.items() if v is not None}
    if config is not None:
        of_file = flatten(read_toml(config))
        if of_run:
            _check_file(config, of_file, of_file.keys() - values.keys())
        values = of_file | values
    if preset is None:
        return values
    return preset_values(preset, objective=known_objective(values)) | values


def _check_file(path: Path, values: Mapping[str, Any], names: Set[str]) -> None:
    """Raises UsageError if some of these settings are wrong, whatever others are."""
    from ucls.settings.config import config_problems, replaced

    problems = config_problems(replaced({}, values))
    own = [problem for problem in problems if problem.partition(":")[0] in names]
    if own:
        raise UsageError(f"{path}: {'; '.join(own)}")


def known_objective(values: Mapping[str, Any]) -> str:
    """The objective that was asked for; ``ucls`` if none was, or one that is not known."""
    from ucls.settings.objectives import objective_names

    wanted = values.get("train.objective")
    return next((name for name in objective_names() if name == wanted), "ucls")


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a TOML file.

    Raises:
        UsageError: if it is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"there is no file {path}; expected a TOML file of settings") from None
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {cause(error)}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text in UTF-8, as TOML must be: save it so") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None


def parse_setting(text: str) -> tuple[str, Any]:
    """Reads ``train.epochs=50``; the value is TOML, or else a plain text.

    Raises:
        UsageError: if there is no ``=``.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"expected --set NAME=VALUE such as train.epochs=50, got {text!r}")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()
