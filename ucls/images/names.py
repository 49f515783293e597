"""Names of files that are told apart on every system."""

import os
import unicodedata
from collections.abc import Collection
from itertools import count

MOST_BYTES = 255
"""Of a name, in most file systems."""


def key_of(name: str) -> str:
    """What two names have in common where a system takes them for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def numbered(stem: str, number: int, extension: str = "") -> str:
    """Writes ``stem (2).png``, or ``stem.png`` for 1; a stem too long for a file system is cut."""
    end = extension if number == 1 else f" ({number}){extension}"
    return shortened(stem, MOST_BYTES - len(os.fsencode(end))) + end


def distinct(stem: str, used: Collection[str]) -> str:
    """The first numbered name whose key is not among those used."""
    names = (numbered(stem, number) for number in count(1))
    return next(name for name in names if key_of(name) not in used)


def shortened(text: str, n_bytes: int) -> str:
    """The longest beginning of a text that takes at most so many bytes."""
    while len(os.fsencode(text)) > n_bytes:
        # A character takes at most four bytes.
        text = text[: -max(1, (len(os.fsencode(text)) - n_bytes) // 4)]
    return text
