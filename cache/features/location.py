"""Where feature caches lie."""

import os
from pathlib import Path

import platformdirs

from ucls.cache.files import check_folder
from ucls.errors import UsageError


def cache_directory(given: Path | None = None) -> Path:
    """Returns the folder of the feature caches: ``given``, else $UCLS_CACHE, else the user's.

    The folder need not exist yet.

    Raises:
        UsageError: if it is a file, or would have to be made at the root of the disk.
    """
    chosen = given or os.environ.get("UCLS_CACHE") or platformdirs.user_cache_path("ucls")
    folder = Path(chosen).expanduser()
    if folder.is_file():
        raise UsageError(
            f"expected a folder for feature caches, got the file {folder}: choose another one "
            "with --cache-dir or $UCLS_CACHE"
        )
    check_folder(folder)
    return folder
