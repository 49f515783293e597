"""Lists of WordNet ids: the classes of ImageNet-50, 100 and 200."""

from pathlib import Path

from ucls.datasets.wordnet import WORDNET_ID
from ucls.errors import UsageError

ORIGIN = "https://github.com/wvangansbeke/Unsupervised-Classification"


def read_subset(path: Path, n_classes: int) -> tuple[str, ...]:
    """Reads a list of classes.

    Args:
        path: a text file with a WordNet id at the start of each line; empty lines do not count.
        n_classes: how many distinct ids it must hold.

    Returns:
        The ids, sorted.

    Raises:
        UsageError: if the file cannot be read, or holds anything else.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(
            f"cannot read the subset {path} ({error.strerror}): expected a text file with a "
            "WordNet id on each line"
        ) from error
    ids = set()
    for number, line in enumerate(lines, 1):
        first, *_ = line.split() or [""]
        if first and not WORDNET_ID.fullmatch(first):
            raise UsageError(
                f"expected a WordNet id such as n01440764 in line {number} of {path}, "
                f"got {first[:40]!r}: give one id on each line"
            )
        ids |= {first} - {""}
    if len(ids) != n_classes:
        raise UsageError(
            f"expected {n_classes} distinct WordNet ids in {path}, got {len(ids)}: "
            f"take the list of SCAN for {n_classes} classes ({ORIGIN})"
        )
    return tuple(sorted(ids))


def missing_subset(name: str, n_classes: int) -> UsageError:
    """The error for a dataset whose classes are not told."""
    return UsageError(
        f"{name} needs --subset FILE.txt with its {n_classes} WordNet ids, one on each line: "
        f"take data/imagenet_subsets/imagenet_{n_classes}.txt of SCAN ({ORIGIN})"
    )
