"""Features as neighbours, heads and k-means see them.

Shapes: N images, D features in one or several spaces side by side.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self, cast, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ucls.tables import RowTable

Arrays = Mapping[str, npt.NDArray[Any]]
Features = npt.NDArray[np.floating]
CHUNK = 4096
PREFIX = "preparation."
"""Of its tensors where they lie beside others."""
OMIT = "omit"
"""The kind of a space that is left out."""


class PreparedSpace(nn.Module):
    """What becomes of the features of one space.

    Args:
        kind: ``none``, or what was done: ``center``, ``standardize``, ``distance``, ``pca`` or
            ``whiten``, with ``-n`` if the first n directions are left out; or ``omit``, where
            nothing is kept.
        width: of the features.
        tensors: ``mean`` [D], which is subtracted; ``scale`` [D], the factor after that;
            ``dropped`` [D, n], directions that are left out; ``axes`` [D, d], what the rest is
            turned to; ``height`` [1], a further column, over which angles are as distances.
    """

    mean: torch.Tensor | None
    scale: torch.Tensor | None
    dropped: torch.Tensor | None
    axes: torch.Tensor | None
    height: torch.Tensor | None

    def __init__(
        self, kind: str, width: int, *, tensors: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        super().__init__()
        self.kind, self.width = kind, width
        for name in ("mean", "scale", "dropped", "axes", "height"):
            self.register_buffer(name, (tensors or {}).get(name))

    @property
    def has_unit_length(self) -> bool:
        """Whether rows are scaled to length 1 first, so that only directions count."""
        return self.kind.startswith("center")

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features [n, D], float32, to prepared ones [n, d]."""
        if self.kind == OMIT:
            return features[:, :0]
        prepared = unit_length(features) if self.has_unit_length else features
        if self.mean is not None:
            prepared = prepared - self.mean
        if self.scale is not None:
            prepared = prepared * self.scale
        if self.dropped is not None:
            prepared = prepared - (prepared @ self.dropped) @ self.dropped.T
        if self.axes is not None:
            prepared = prepared @ self.axes
        if self.height is not None:
            column = torch.ones_like(prepared[:, :1]) * self.height
            prepared = torch.cat([prepared, column], dim=1)
        return prepared

    @property
    def prepared_width(self) -> int:
        """d, columns of what it makes."""
        if self.kind == OMIT:
            return 0
        width = self.width if self.axes is None else self.axes.shape[1]
        return width if self.height is None else width + 1


class Preparation(nn.Module):
    """What becomes of all features; several spaces count alike, whatever their scales.

    Args:
        spaces: in the order of their columns.
    """

    def __init__(self, spaces: Sequence[PreparedSpace]) -> None:
        super().__init__()
        self.spaces = nn.ModuleList(spaces)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is done in each space."""
        return tuple(space.kind for space in self._spaces())

    @property
    def is_none(self) -> bool:
        """Whether features stay as they are."""
        return all(kind == "none" for kind in self.kinds)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features [n, D], float32, to prepared ones [n, d]."""
        if self.is_none:
            return features
        spaces = self._spaces()
        parts = features.split([space.width for space in spaces], dim=1)  # type: ignore[no-untyped-call]
        both = zip(spaces, parts, strict=True)
        prepared = [space(part) for space, part in both if space.kind != OMIT]
        if len(prepared) == 1:
            return cast("torch.Tensor", prepared[0])
        return torch.cat([unit_length(part) for part in prepared], dim=1)

    @overload
    def of_array(self, features: Features) -> Features: ...

    @overload
    def of_array(self, features: RowTable) -> RowTable: ...

    def of_array(self, features: Features | RowTable) -> Features | RowTable:
        """Features [N, D] of any precision to prepared ones [N, d]; rows of a table when asked for.

        In place where they keep their width: give a copy to keep them. Otherwise at least float32,
        as a component or a height may be beyond half precision.
        """
        if self.is_none:
            return features
        width, precision = sum(self.widths), features.dtype
        if width != features.shape[1]:
            precision = np.promote_types(precision, np.float32)
        if isinstance(features, RowTable):
            return features.changed(self.of_array, width, precision)
        target = features
        if width != features.shape[1]:
            target = np.empty((len(features), width), precision)
        for start in range(0, len(features), CHUNK):
            rows = slice(start, start + CHUNK)
            target[rows] = self(torch.from_numpy(features[rows].astype(np.float32))).numpy()
        return target

    @property
    def widths(self) -> list[int]:
        """Columns of each prepared space that is kept."""
        return [space.prepared_width for space in self._spaces() if space.kind != OMIT]

    def describe(self) -> str:
        """The kinds and widths of the spaces, as JSON."""
        return json.dumps([[space.kind, space.width] for space in self._spaces()])

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """All tensors by name, for safetensors."""
        return {f"{PREFIX}{name}": value.cpu().numpy() for name, value in self.state_dict().items()}

    @classmethod
    def restore(cls, described: str, tensors: Arrays) -> Self:
        """The one with this description and these tensors, among others."""
        spaces = []
        for place, (kind, width) in enumerate(json.loads(described)):
            start = f"{PREFIX}spaces.{place}."
            own = {
                name.removeprefix(start): torch.from_numpy(np.array(value))
                for name, value in tensors.items()
                if name.startswith(start)
            }
            spaces.append(PreparedSpace(kind, width, tensors=own))
        return cls(spaces)

    def _spaces(self) -> list[PreparedSpace]:
        return [cast("PreparedSpace", space) for space in self.spaces]


def unit_length(features: torch.Tensor) -> torch.Tensor:
    """Rows [n, D] of length 1; rows of zeros stay."""
    tiny = torch.finfo(torch.float32).tiny
    # No square overflows or vanishes where the largest entry is 1.
    scaled = features / features.abs().amax(dim=1, keepdim=True).clamp_min(tiny)
    unit: torch.Tensor = scaled / scaled.norm(dim=1, keepdim=True).clamp_min(tiny)
    return unit
