"""What a folder of ``ucls pretrain`` holds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ucls.backbones.learned_files import NETWORK
from ucls.cache import read_json, settings_key, versions, write_json
from ucls.cache.locks import folder_lock
from ucls.errors import MismatchError
from ucls.settings.pretraining import PretrainConfig

RECORD = "pretrain.json"
LOG = "pretrain.jsonl"
CLUSTERS = "clusters.csv"
CHECKPOINT = "checkpoint.safetensors"
FILES = (NETWORK, LOG, CLUSTERS, CHECKPOINT)
LOCK = "pretrain.lock"
HOW_TO_RUN = {"device", "workers"}
"""Settings that do not tell one training from another."""


class PretrainRecord:
    """The record of a folder.

    Args:
        path: of the folder.
        config: of the training, all fields set.
        fingerprint: of its images.
        source: what to give to :func:`ucls.sources.load_source` to open these again.
    """

    def __init__(
        self, path: Path, config: PretrainConfig, fingerprint: str, *, source: Mapping[str, str]
    ) -> None:
        self.path, self.config, self.source = path, config, dict(source)
        self.key = settings_key(config.model_dump(mode="json", exclude=HOW_TO_RUN), fingerprint)

    def begin(self, *, overwrite: bool) -> bool:
        """Takes the folder over; returns whether the training was finished there before.

        Raises:
            MismatchError: if it holds another training, unless ``overwrite``.
        """
        record = self.path / RECORD
        # Without a checkpoint a training that was stopped, or never began, leaves nothing to lose.
        has_more = any((self.path / name).is_file() for name in FILES)
        if record.is_file() and has_more and not overwrite:
            found = read_json(record)
            if found.get("key") != self.key:
                raise MismatchError(
                    f"{self.path} holds a training of {self._differences(found)}: take another "
                    "--out, or --overwrite"
                )
            return bool(found.get("figures")) and (self.path / NETWORK).is_file()
        for name in FILES:
            (self.path / name).unlink(missing_ok=True)
        self._write(None)
        return False

    def figures(self) -> dict[str, Any]:
        """Of the last epoch, of a training that is finished."""
        figures: dict[str, Any] = read_json(self.path / RECORD)["figures"]
        return figures

    def finish(self, figures: dict[str, Any]) -> None:
        """Keeps the figures of the last epoch."""
        self._write(figures)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes out of the folder.

        Raises:
            UclsError: if another one is at work there.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with folder_lock(self.path, LOCK):
            yield

    def _write(self, figures: dict[str, Any] | None) -> None:
        write_json(
            self.path / RECORD,
            {
                "key": self.key,
                "source": self.source,
                "settings": self.config.model_dump(mode="json"),
                "versions": versions(),
                "figures": figures,
            },
        )

    def _differences(self, found: dict[str, Any]) -> str:
        before = found.get("settings", {})
        now = self.config.model_dump(mode="json", exclude=HOW_TO_RUN)
        changed = [name for name in now if before.get(name) != now[name]]
        data = "images or masks" if self.config.options.get("masks") else "images"
        return f"other {', '.join(changed) or data}"


def learned_from(path: Path) -> dict[str, str]:
    """What to give to :func:`ucls.sources.load_source` to open the images of a training again."""
    source: dict[str, str] = read_json(path / RECORD)["source"]
    return source
