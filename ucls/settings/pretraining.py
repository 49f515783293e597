"""Every setting of ``ucls pretrain``, and what is taken where one is left open."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from ucls.backbones.learned_files import SMALL_IMAGES
from ucls.errors import UsageError
from ucls.settings.pretraining_methods import METHODS, Method
from ucls.settings.problems import read_with_options
from ucls.settings.sections import Count, Device, Fraction, NonNegative, Positive, Section

LARGE_IMAGE = 224
LOCAL_SHARE = 96 / 224
"""Of the side of a local crop to that of a global one."""
WITH_LOCAL = (0.4, 1.0)
"""Areas of global crops beside local ones; alone, they have those of the method."""

Scale = tuple[Fraction, Fraction]


class PretrainConfig(Section):
    """What all methods heed. None: what the method takes, or what fits the images."""

    method: str = "self-classifier"
    arch: str = "resnet18"
    """``small``, ``alexnet``, or any model of timm."""
    sobel: bool = False
    """The network sees edges in place of grey and colours."""
    n_clusters: Annotated[int, Field(ge=2)] | None = None
    """C. None: the number of classes of a labelled source, which must be given otherwise; methods
    without clusters take none."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Device = "auto"
    image_size: Annotated[int, Field(ge=8)] | None = None
    """Pixels per side of a global crop. None: the shorter side of most images, at most 224."""
    n_local: Annotated[int, Field(ge=0)] | None = None
    """Local crops of each image. None: as the method does, or none of images of up to 64 pixels."""
    global_scale: Scale | None = None
    """Areas of global crops, as shares of the image."""
    local_scale: Scale = (0.05, 0.4)
    flips: bool = True
    recolours: Literal["byol", "moco", "none"] | None = None
    """Change colours, blur and solarise as BYOL does, or as MoCo v2 and SimSiam do, which solarise
    none. None: as the method does."""
    epochs: Count | None = None
    batch_size: Annotated[int, Field(ge=2)] | None = None
    """Images of a step, over all ranks."""
    accumulation: Count = 1
    """Parts of a batch that go through the network one by one; batch norm and softmax over images
    see a part each."""
    optimizer: Literal["sgd", "lars", "adamw"] | None = None
    learning_rate: Positive | None = None
    """The highest. None: the method's, times batch size over the batch size of the method."""
    first_rate: Fraction = 1 / 40
    """Where the warmup starts, as a share of the highest rate."""
    last_rate: Fraction | None = None
    """Where the cosine ends, as a share of the highest rate. None: as the method does."""
    schedule: Literal["cosine", "linear", "steps", "constant"] | None = None
    milestones: tuple[Fraction, ...] = (0.6, 0.8)
    """Shares of the epochs after which the rate falls to a tenth, in steps."""
    warmup_epochs: NonNegative | None = None
    """None: 10, but a tenth of all epochs at most; none where the method has none."""
    weight_decay: NonNegative | None = None
    momentum: Fraction = 0.9
    precision: Literal["float32", "bfloat16"] | None = None
    """Of the forward pass. None: bfloat16 on a GPU."""
    workers: Annotated[int, Field(ge=0)] | None = None
    """Processes that decode images which do not fit into memory."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What only the method heeds."""


def read_pretrain_config(values: Mapping[str, Any]) -> PretrainConfig:
    """Settings from what a user gave; what the method alone heeds goes into ``options``.

    Args:
        values: names to values.

    Raises:
        UsageError: with every wrong name and value at once.
    """
    method = _method(values.get("method") or PretrainConfig().method)
    return read_with_options(values, PretrainConfig, method.options)


def fit_pretrain_config(
    config: PretrainConfig,
    *,
    n_images: int,
    n_classes: int | None,
    typical_side: int,
) -> PretrainConfig:
    """Fills in what is left open.

    Args:
        config: of the user.
        n_images: N.
        n_classes: that the labels tell apart, if there are any.
        typical_side: the shorter side of most images, in pixels.

    Raises:
        UsageError: if the number of clusters is not known or of no use, or there are too few
            images.
    """
    method = METHODS[config.method]
    size = config.image_size or _fitting_size(typical_side)
    taken = dict(method.settings)
    if size <= SMALL_IMAGES:
        taken |= {"n_local": 0, **method.small_settings}
    own = {name: taken.pop(name) for name in method.options.model_fields if name in taken}
    n_local = taken["n_local"] if config.n_local is None else config.n_local
    epochs = config.epochs or taken["epochs"]
    batch_size = config.batch_size or min(taken["batch_size"], n_images)
    if batch_size > n_images:
        raise UsageError(
            f"a batch of {batch_size} images was asked for, but there are {n_images}: take fewer"
        )
    fitted = {
        **taken,
        "n_clusters": _n_clusters(method, config.n_clusters, n_classes),
        "image_size": size,
        "global_scale": WITH_LOCAL if n_local else taken["global_scale"],
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": taken["learning_rate"] * batch_size / taken["batch_size"],
        "warmup_epochs": min(10.0, epochs / 10) if method.has_warmup else 0.0,
        "options": method.options.model_validate({**own, **config.options}).model_dump(),
    }
    given = {name: value for name, value in config if value is not None and name != "options"}
    return config.model_copy(update={**fitted, **given})


def _fitting_size(side: int) -> int:
    """Of crops: small images keep their side, others get one that patches divide."""
    return max(8, side) if side <= SMALL_IMAGES else min(LARGE_IMAGE, side // 16 * 16)


def local_size(image_size: int) -> int:
    """Pixels per side of a local crop."""
    return max(4, round(image_size * LOCAL_SHARE))


def _n_clusters(method: Method, wanted: int | None, n_classes: int | None) -> int | None:
    if not method.has_clusters:
        if wanted is not None:
            raise UsageError(
                f"{method.name} learns no clusters, so that their number is of no use: leave "
                "n_clusters (-k) out"
            )
        return None
    if wanted is None and n_classes is None:
        raise UsageError(
            "the images have no labels, so say how many clusters to learn: -k NUMBER "
            "(ucls suggest-k tells which there may be)"
        )
    return wanted or n_classes


def _method(name: Any) -> Method:
    if name not in METHODS:
        raise UsageError(f"there is no method {name!r}: take one of {', '.join(METHODS)}")
    return METHODS[name]
