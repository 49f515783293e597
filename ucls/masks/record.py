"""How the masks of a folder were made."""

from pathlib import Path
from typing import Any

from ucls.cache import read_json, settings_key, versions, write_json
from ucls.errors import MismatchError
from ucls.settings.masks import HOW_TO_RUN, MasksConfig

RECORD = "masks.json"


class MasksRecord:
    """The record of a folder.

    Args:
        folder: of the masks.
        config: what they are made by.
        weights_hash: of the network.
    """

    def __init__(self, folder: Path, config: MasksConfig, weights_hash: str) -> None:
        self.path = folder / RECORD
        self.settings: dict[str, Any] = config.model_dump(mode="json", exclude=HOW_TO_RUN)
        self.weights_hash = weights_hash
        told = {k: v for k, v in self.settings.items() if k not in ("backbone", "weights")}
        self.key = settings_key(told, weights_hash)

    def begin(self, *, overwrite: bool) -> bool:
        """Takes the folder over; returns whether masks that are there may stay.

        Raises:
            MismatchError: if it holds masks that were made otherwise, unless ``overwrite``.
        """
        if self.path.is_file() and not overwrite:
            found = read_json(self.path)
            if found.get("key") != self.key:
                raise MismatchError(
                    f"{self.path.parent} holds masks made with {self._differences(found)}: take "
                    "another --out, or --overwrite"
                )
            return True
        record = {"key": self.key, "settings": self.settings, "weights_hash": self.weights_hash}
        write_json(self.path, record | {"versions": versions()})
        return not overwrite

    def _differences(self, found: dict[str, Any]) -> str:
        before, now = found.get("settings", {}), self.settings
        if before.get("method") != now["method"]:
            changed = ["other method"]
        else:
            own = now["options"].items()
            changed = [f"other {k}" for k, v in own if before["options"].get(k) != v]
        if found.get("weights_hash") != self.weights_hash:
            changed.append("another network")
        return " and ".join(changed) or "other settings"
