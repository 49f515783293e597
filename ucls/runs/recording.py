"""What a stage takes, kept in ``run.json``."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from ucls.cache import RunFolder
from ucls.usage import measure


@contextmanager
def recorded(folder: RunFolder, stage: str, key: str) -> Iterator[None]:
    """Records a stage's status, wall time and peak memory around its work.

    Args:
        folder: of the run.
        stage: its name.
        key: digest of the settings and inputs that it works with.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    entry: dict[str, Any] = {"status": "running", "key": key, "started": started}
    folder.record_stage(stage, entry)
    try:
        with measure() as usage:
            yield
    except BaseException:
        folder.record_stage(stage, {**entry, "status": "failed"})
        raise
    folder.record_stage(stage, {**entry, "status": "done", **vars(usage)})
