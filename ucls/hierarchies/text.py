"""Text files that people give."""

from pathlib import Path

from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause


def read_text(path: Path) -> str:
    """Reads a text in UTF-8.

    Raises:
        UsageError: if the file is missing, cannot be read, or is no such text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}: check the path of the hierarchy") from None
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {cause(error) or error}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text in UTF-8: save it so") from None
