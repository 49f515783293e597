"""Every setting of ``ucls masks``, and its methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from ucls.backbones.normalized_cut import TAU
from ucls.settings.problems import read_with_options
from ucls.settings.sections import Count, Device, Fraction, Section

MethodName = Literal["tokencut", "contracam"]
HOW_TO_RUN = {"device", "workers"}
"""Settings that do not tell some masks from others."""


class MasksConfig(Section):
    """What both methods heed."""

    method: MethodName = "tokencut"
    backbone: str | None = None
    """A ViT, or for ContraCAM the run folder of ``ucls pretrain``. None: ``dino_vits16``, the ViT
    of TokenCut."""
    weights: str | None = None
    """Where they lie; ``random`` for untrained ones."""
    device: Device = "auto"
    workers: Annotated[int, Field(ge=0)] | None = None
    """Processes that decode images."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What only the method heeds."""


class TokenCutOptions(Section):
    """Wang et al., CVPR 2022."""

    image_size: Count | None = None
    """Pixels per side of what the ViT sees. None: as it was trained."""
    tau: Annotated[float, Field(ge=-1.0, le=1.0)] = TAU
    """Cosine similarity above which two patches are linked."""
    batch_size: Count = 32


class ContraCAMOptions(Section):
    """Mo et al., NeurIPS 2021."""

    iterations: Count = 10
    """As the authors localise objects; they take 1 for the masks of their background mixup."""
    threshold: Fraction = 0.5
    """Of what is foreground, as in the thesis on SegIns."""
    batch_size: Annotated[int, Field(ge=2)] = 256
    """Images that are told from one another."""


@dataclass(frozen=True)
class MaskMethod:
    """A way to find the foreground.

    Attributes:
        help: what it does, in a few words.
        build: ``module:function`` from settings and options to a
            :class:`ucls.masks.protocol.Masker`.
        options: what only it heeds.
    """

    help: str
    build: str
    options: type[Section]


METHODS: dict[str, MaskMethod] = {
    "tokencut": MaskMethod(
        "normalised cut of a ViT's patches", "ucls.masks.tokencut:build", TokenCutOptions
    ),
    "contracam": MaskMethod(
        "what tells images apart, by a network of `ucls pretrain`",
        "ucls.masks.contracam:build",
        ContraCAMOptions,
    ),
}


def read_masks_config(values: Mapping[str, Any]) -> MasksConfig:
    """Settings from what a user gave; what the method alone heeds goes into ``options``.

    Args:
        values: names to values.

    Raises:
        UsageError: with every wrong name and value at once.
    """
    name = values.get("method") or MasksConfig().method
    # An unknown name is told with all else that is wrong.
    own = METHODS[name].options if name in METHODS else Section
    config = read_with_options(values, MasksConfig, own)
    options = own.model_validate(config.options).model_dump()
    return config.model_copy(update={"options": options})
