"""A folder name for each cluster, which any system takes."""

import re
import unicodedata
from collections.abc import Iterable

from ucls.images.names import MOST_BYTES, distinct, key_of, shortened
from ucls.runs.image_labels import ImageLabels

WRONG = "wrong"
"""Of the images that were marked as wrong."""

MOST_CHARACTERS = 100
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(?:\..*)?", re.IGNORECASE
)
"""Names of devices on Windows, also with an extension."""
_UNUSABLE = re.compile(r'[/\\:*?"<>|]')
_JOINERS = "\u200c\u200d"
"""What scripts and emoji need, unlike other characters that are not seen."""


def folder_names(labels: ImageLabels, *, taken: Iterable[str] = ()) -> dict[int, str]:
    """Names the folders of all clusters that have images.

    A cluster without a given name has its number, with zeros before it so that numbers sort. Of
    names that are the same on some system, the one of the higher cluster gets a number behind it.

    Args:
        labels: of a run.
        taken: names of files that lie beside the folders.

    Returns:
        Cluster to name; -1 to :data:`WRONG`, whether or not there are such images.
    """
    clusters = sorted(labels.sizes())
    width = len(str(max((*clusters, *labels.found.tolist()), default=0)))
    found = {-1: WRONG} | {k: f"{k:0{width}}" for k in clusters}
    given = {k: name for k in clusters if (name := safe_name(labels.names.get(k, "")))}
    used = {key_of(name) for name in (*taken, *(found[k] for k in found if k not in given))}
    for cluster, name in given.items():
        found[cluster] = distinct(name, used)
        used.add(key_of(found[cluster]))
    return found


def safe_name(text: str) -> str:
    """Makes a folder name of any text: at most 100 characters and 255 bytes.

    Nothing hides it or turns the direction of what is printed behind it, and it is no option of a
    command. Empty if nothing of the text is left.
    """
    seen = "".join(filter(_is_seen, unicodedata.normalize("NFC", text)))
    name = _UNUSABLE.sub("_", " ".join(seen.split()))
    name = shortened(name.lstrip(" .-")[:MOST_CHARACTERS], MOST_BYTES).rstrip(" .")
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def _is_seen(character: str) -> bool:
    """Whether a character is none that controls, formats or stands for a byte; spaces are seen."""
    is_control = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn")
    return character in _JOINERS or character.isspace() or not is_control
