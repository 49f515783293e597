"""A folder name for each cluster, which any system takes."""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from ucls.images.names import MOST_BYTES, distinct, key_of, shortened
from ucls.runs.image_labels import ImageLabels
from ucls.types import Labels

WITHOUT_CLUSTER = {-1: "wrong", -2: "outliers"}
"""The folders of images that were marked as wrong, and of those that were found in no cluster."""

MOST_CHARACTERS = 100
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(?:\..*)?", re.IGNORECASE
)
"""Names of devices on Windows, also with an extension."""
_UNUSABLE = re.compile(r'[/\\:*?"<>|]')
_JOINERS = "\u200c\u200d"
"""What scripts and emoji need, unlike other characters that are not seen."""


def folder_numbers(labels: ImageLabels) -> Labels:
    """The cluster of each image [N]; -1 if it was marked as wrong, -2 if it is an outlier."""
    is_outlier = (labels.clusters < 0) & (labels.found < 0)
    return np.where(is_outlier, -2, labels.clusters).astype(np.int32)


def folder_names(labels: ImageLabels, *, taken: Iterable[str] = ()) -> dict[int, str]:
    """Names the folders of all clusters that have images.

    A cluster without a given name has its number, with zeros before it so that numbers sort. Of
    names that are the same on some system, the one of the higher cluster gets a number behind it.

    Args:
        labels: of a run.
        taken: names of files that lie beside the folders.

    Returns:
        Cluster to name, also those of :data:`WITHOUT_CLUSTER`, whether or not there are such
        images.
    """
    clusters = sorted(labels.sizes())
    width = len(str(max((*clusters, *labels.found.tolist()), default=0)))
    found = WITHOUT_CLUSTER | {k: f"{k:0{width}}" for k in clusters}
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
