"""What Python code hands over: a path or a name, an open source, or an array of features."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ucls.errors import UsageError
from ucls.images.feature_files import check_features
from ucls.images.feature_readers.stored import StoredArray
from ucls.sources.load import load_source
from ucls.sources.source import Source


class Tensor(Protocol):
    """A tensor of torch, which need not be imported for arrays."""

    def detach(self) -> Any:
        """The same without its history."""


GivenArray: TypeAlias = npt.NDArray[Any] | Tensor
GivenSource: TypeAlias = str | Path | Source | GivenArray
GivenLabels: TypeAlias = str | Sequence[int] | Sequence[str] | GivenArray

# They stand where messages name a file.
FEATURES, LABELS = Path("the array"), Path("the labels")


def open_source(source: GivenSource, *, labels: GivenLabels | None = None) -> Source:
    """Opens what is to be clustered.

    Args:
        source: a name or path, see :func:`ucls.sources.load_source`; an open source; or features
            [N, D] as an array of NumPy or a tensor.
        labels: to evaluate with: of an array, N integers or texts, -1 or an empty text where one is
            not known; of a folder, ``folders`` for the names of its sub-folders.

    Raises:
        UsageError: if the source or the labels cannot be used.
    """
    if isinstance(source, Source):
        if labels is not None:
            raise UsageError(
                "labels were given beside an open source, which has its own: open it with them, as "
                "in load_source('photos/', labels='folders')"
            )
        return source
    if not isinstance(source, str | Path):
        return array_source(source, labels)
    if labels is None:
        return load_source(str(source))
    if isinstance(labels, str) and labels == "folders":
        return load_source(str(source), labels="folders")
    raise UsageError(
        f"labels of {source} must be 'folders', its sub-folders: give others in a list of images, "
        "in a feature file, or beside an array"
    )


def array_source(features: GivenArray, labels: GivenLabels | None = None) -> Source:
    """Features that are in memory, as a source named by what they hold.

    Args:
        features: numbers [N, D], N at least 2; rows of zeros are left out as empty.
        labels: N integers or texts, as in :func:`open_source`; None without.

    Raises:
        UsageError: if the features are not a finite [N, D] of numbers that vary, or the labels do
            not fit.
    """
    found = check_features(
        FEATURES,
        StoredArray.held(_as_array(features)),
        name="array",
        labels=None if labels is None else (LABELS, _as_array(labels)),
    )
    found = replace(found, name=f"array-{found.fingerprint[:8]}")
    return Source(found.name, "features", {"train": found}, {"source": found.name})


def _as_array(values: Any) -> npt.NDArray[Any]:
    """An array; a tensor's values in float32 where NumPy lacks their type."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() else values
    try:
        return np.asarray(values)
    except ValueError as error:
        raise UsageError(
            f"expected an array or a tensor, got a {type(values).__name__} that is none: {error}"
        ) from error
