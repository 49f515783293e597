"""The corrections of a run: kept beside its labels, made anew when these are."""

from itertools import takewhile

from ucls.cache import run_files as files
from ucls.corrections.edits import Corrections, read_corrections, write_corrections
from ucls.corrections.replay import Corrected, apply, group
from ucls.corrections.subtrees import Leaves
from ucls.errors import UsageError
from ucls.runs.classifier import load_classifier, regroup_classifier
from ucls.runs.image_labels import ImageLabels
from ucls.runs.run import Run


def corrections_of(run: Run) -> Corrections:
    """What was corrected of a run so far; no edits if nothing was.

    Raises:
        UsageError: if the file is damaged.
    """
    path = run.folder.file(files.CORRECTIONS)
    return read_corrections(path) if path.is_file() else Corrections()


def apply_in(run: Run, corrections: Corrections, found: ImageLabels) -> Corrected:
    """Makes edits to the labels of a run; the errors are those of :func:`apply`."""
    return apply(corrections, found, Leaves.of(run), n_clusters=run.n_clusters)


def keep_corrections(
    run: Run, corrections: Corrections, found: ImageLabels, *, is_undone: bool = False
) -> int:
    """Writes the corrections of a run; those they replace are kept beside them.

    Args:
        run: whose they are.
        corrections: the edits.
        found: the labels that they are made to.
        is_undone: whether fewer of the same edits are what is left by someone who takes them back.

    Returns:
        How many edits were replaced, and are kept.
    """
    path = run.folder.file(files.CORRECTIONS)
    corrections = replace_fingerprint(corrections, found)
    before = corrections_of(run).edits
    pairs = zip(before, corrections.edits, strict=False)
    n_shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    is_taken_back = is_undone and 0 < n_shared == len(corrections.edits)
    n_replaced = 0 if is_taken_back else len(before) - n_shared
    if n_replaced:
        path.replace(run.folder.file(files.PREVIOUS_CORRECTIONS))
    write_corrections(path, corrections)
    return n_replaced


def replace_fingerprint(corrections: Corrections, found: ImageLabels) -> Corrections:
    """The same corrections, said to be of these labels."""
    return corrections.model_copy(update={"labels": found.fingerprint})


def put_aside(run: Run, reason: str) -> None:
    """Keeps the corrections of a run out of the way, and removes the classifier made of them."""
    path, aside = (
        run.folder.file(name) for name in (files.CORRECTIONS, files.PREVIOUS_CORRECTIONS)
    )
    path.replace(aside)
    run.folder.file(files.CORRECTED_CLASSIFIER).unlink(missing_ok=True)
    run.reporter.warn(f"{path} is put aside as {aside.name}: {reason}")


def carry_corrections(run: Run, found: ImageLabels) -> ImageLabels:
    """Corrects labels that were just found as they were corrected before, if they are the same.

    Corrections of other labels are put aside, with the classifier that was made of them.
    """
    path = run.folder.file(files.CORRECTIONS)
    if not path.is_file():
        return found
    try:
        corrected = apply_in(run, corrections_of(run), found)
    except UsageError as error:
        put_aside(run, str(error))
        return found
    known = load_classifier(run.folder, corrected=True).groups
    if known is not None and not known.is_retrained:
        regroup_classifier(run.folder, group(corrected))
    return corrected.labels
