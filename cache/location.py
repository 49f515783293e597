"""Where feature caches lie."""

import os
from pathlib import Path

import platformdirs


def cache_directory(given: Path | None = None) -> Path:
    """Returns the folder of the feature caches: ``given``, else $UCLS_CACHE, else the user's.

    The folder need not exist yet.
    """
    if given is not None:
        return given.expanduser()
    if from_environment := os.environ.get("UCLS_CACHE"):
        return Path(from_environment).expanduser()
    return platformdirs.user_cache_path("ucls")
