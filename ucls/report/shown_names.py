"""Names and paths as they can be shown on one line, whatever is in them."""

import unicodedata

LONGEST = 40
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Line ends and control characters, those that turn the direction of writing, lone surrogates."""


def shown_name(name: str, longest: int = LONGEST) -> str:
    """One line of a name, in which nothing moves the cursor or turns other text around.

    Args:
        name: any text.
        longest: characters to keep; what is cut off is told by an ellipsis.
    """
    # A name may be long; what comes far behind the cut cannot be seen.
    start = name[: 4 * longest]
    visible = (" " if unicodedata.category(letter) in HIDDEN else letter for letter in start)
    line = " ".join("".join(visible).split())
    is_whole = len(line) <= longest and len(start) == len(name)
    return line if is_whole else line[: longest - 1].rstrip() + "…"


def shown_cluster(number: int, name: str = "", longest: int = LONGEST) -> str:
    """The number of a cluster, and its name where it has one; -1 is ``in no cluster``."""
    if number < 0:
        return "in no cluster"
    return f"{number} {shown_name(name, longest)}".rstrip()
