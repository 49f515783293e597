"""Every setting of ``ucls pretrain``, its methods, and what each takes where one is left open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from ucls.errors import UsageError
from ucls.settings.config import Count, Fraction, NonNegative, Positive, Section
from ucls.settings.problems import tell_problems

SMALL_IMAGES = 64
"""Pixels per side up to which images keep their size, and are cropped twice only: of less, local
crops show too little (reimplementation of Self-Classifier, table 2)."""
LARGE_IMAGE = 224
LOCAL_SHARE = 96 / 224
"""Of the side of a local crop to that of a global one."""
N_LOCAL = 6
WITH_LOCAL, ALONE = (0.4, 1.0), (0.14, 1.0)
"""Areas of global crops, beside local ones and without."""

Scale = tuple[Fraction, Fraction]


class PretrainConfig(Section):
    """What all methods heed. None: what the method takes, or what fits the images."""

    method: str = "self-classifier"
    arch: str = "resnet18"
    """``small``, or any model of timm."""
    n_clusters: Annotated[int, Field(ge=2)] | None = None
    """C. None: the number of classes of a labelled source, which must be given otherwise."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    image_size: Annotated[int, Field(ge=8)] | None = None
    """Pixels per side of a global crop. None: the shorter side of most images, at most 224."""
    n_local: Annotated[int, Field(ge=0)] | None = None
    """Local crops of each image. None: 6, or none of images of up to 64 pixels."""
    global_scale: Scale | None = None
    """Areas of global crops, as shares of the image."""
    local_scale: Scale = (0.05, 0.4)
    flips: bool = True
    recolours: bool | None = None
    """Change colours, blur and solarise, as BYOL does. None: as the method does."""
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
    last_rate: Fraction = 1 / 1000
    """Where the schedule ends, as a share of the highest rate."""
    schedule: Literal["cosine", "linear", "constant"] | None = None
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


class SelfClassifierOptions(Section):
    """Amrani et al., ECCV 2022."""

    scales: tuple[Positive, ...] = (1, 2, 4, 8)
    """Clusters of each classifier, as multiples of C."""
    hidden_dim: Count = 4096
    bottleneck_dim: Count = 128
    row_temperature: Positive = 0.1
    column_temperature: Positive = 0.05
    learnable_classifier: bool = True
    queue: Annotated[int, Field(ge=0)] = 0
    """Embeddings among which the nearest neighbour of each stands for it; 262,144 for ImageNet."""


@dataclass(frozen=True)
class Method:
    """A way to learn a network, as far as it is known without torch.

    Attributes:
        name: of the method.
        help: what it does, in a few words.
        source: where it is from.
        build: ``module:function`` from encoder, settings, options and task to a
            :class:`ucls.pretraining.protocol.Method`.
        options: what only it heeds.
        settings: what it takes where settings are left open.
        has_warmup: whether its rate rises at first.
    """

    name: str
    help: str
    source: str
    build: str
    options: type[Section]
    settings: Mapping[str, Any] = field(default_factory=dict)
    has_warmup: bool = False


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="self-classifier",
            help="views in the same cluster, under a uniform prior",
            source="Amrani et al., ECCV 2022; settings of its reimplementation",
            build="ucls.pretraining.methods.self_classifier:build",
            options=SelfClassifierOptions,
            settings={
                "epochs": 800,
                "batch_size": 512,
                "optimizer": "sgd",
                "learning_rate": 0.4,
                "schedule": "cosine",
                "weight_decay": 1e-4,
                "recolours": True,
            },
            has_warmup=True,
        ),
    )
}


def read_pretrain_config(values: Mapping[str, Any]) -> PretrainConfig:
    """Settings from what a user gave; what the method alone heeds goes into ``options``.

    Args:
        values: names to values.

    Raises:
        UsageError: with every wrong name and value at once.
    """
    given = {name: value for name, value in values.items() if value is not None}
    method = _method(given.get("method", PretrainConfig().method))
    own = method.options.model_fields
    options = dict(given.pop("options", {}))
    options |= {name: given.pop(name) for name in list(given) if name in own}
    names = [name for name in PretrainConfig.model_fields if name != "options"]
    problems = _problems(PretrainConfig, given, [*names, *own])
    problems += _problems(method.options, options, list(own))
    if problems:
        raise UsageError("; ".join(problems))
    return PretrainConfig.model_validate({**given, "options": options})


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
        UsageError: if the number of clusters is not known, or there are too few images.
    """
    method = METHODS[config.method]
    n_clusters = config.n_clusters or n_classes
    if n_clusters is None:
        raise UsageError(
            "the images have no labels, so say how many clusters to learn: -k NUMBER "
            "(ucls suggest-k tells which there may be)"
        )
    size = config.image_size or _fitting_size(typical_side)
    n_local = config.n_local
    if n_local is None:
        n_local = N_LOCAL if size > SMALL_IMAGES else 0
    taken = dict(method.settings)
    epochs = config.epochs or taken["epochs"]
    batch_size = config.batch_size or min(taken["batch_size"], n_images)
    if batch_size > n_images:
        raise UsageError(
            f"a batch of {batch_size} images was asked for, but there are {n_images}: take fewer"
        )
    fitted = {
        **taken,
        "n_clusters": n_clusters,
        "image_size": size,
        "n_local": n_local,
        "global_scale": WITH_LOCAL if n_local else ALONE,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": taken["learning_rate"] * batch_size / taken["batch_size"],
        "warmup_epochs": min(10.0, epochs / 10) if method.has_warmup else 0.0,
        "options": method.options.model_validate(config.options).model_dump(),
    }
    given = {name: value for name, value in config if value is not None and name != "options"}
    return config.model_copy(update={**fitted, **given})


def _fitting_size(side: int) -> int:
    """Of crops: small images keep their side, others get one that patches divide."""
    return max(8, side) if side <= SMALL_IMAGES else min(LARGE_IMAGE, side // 16 * 16)


def local_size(image_size: int) -> int:
    """Pixels per side of a local crop."""
    return max(4, round(image_size * LOCAL_SHARE))


def _method(name: Any) -> Method:
    if name not in METHODS:
        raise UsageError(f"there is no method {name!r}: take one of {', '.join(METHODS)}")
    return METHODS[name]


def _problems(section: type[Section], values: Mapping[str, Any], names: list[str]) -> list[str]:
    try:
        section.model_validate(values)
    except ValidationError as error:
        return tell_problems(error, names)
    return []
