"""The methods of ``ucls pretrain``: their options, and what each takes where settings are open."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from ucls.settings.sections import Count, Fraction, NonNegative, Positive, Section


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


class SimSiamOptions(Section):
    """Chen and He, CVPR 2021."""

    dim: Count = 2048
    """Of the embeddings."""
    predictor_dim: Count = 512
    projector_layers: Literal[2, 3] = 3
    fix_pred_lr: bool = True
    """The rate of the predictor stays the highest."""


class MocoOptions(Section):
    """Chen et al. 2020 (MoCo v2)."""

    dim: Count = 128
    """Of the embeddings."""
    temperature: Positive = 0.2
    key_momentum: Fraction = 0.999
    """Of the key encoder, per step."""
    queue: Count = 65_536
    """Keys that images are to differ from; at most a quarter as many as there are images."""
    batch_norm_groups: Count = 8
    """Groups of a batch over which batch norm goes, so that the shuffled keys lie in others than
    their queries; the public code has one for each of 8 GPUs."""


class C2BinOptions(Section):
    """C2BIN, table 10."""

    scales: tuple[Positive, ...] = (1, 4, 16)
    """Clusters of each predictor, as multiples of C."""
    hidden_dim: Count = 512
    projection_dim: Count = 512
    temperature: Positive = 1.0
    """Of the contrast of clusters, eq. 4."""
    follower_momentum: Fraction = 0.995
    """Of the follower, per step."""
    cluster_weight: NonNegative = 1.0
    entropy_weight: NonNegative = 1.0


class UicOptions(Section):
    """Unsupervised Image Classification."""

    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    """Of what enters the classifier, and of fully connected layers before it."""
    fixed_epochs: Annotated[int, Field(ge=0)] = 0
    """Last epochs, in which the labels are those of whole images; 30 in the paper."""


class SegInsOptions(Section):
    """The thesis, chapter 3: what is heeded whatever it extends."""

    masks: Annotated[Path | None, Field(validate_default=True)] = None
    """The folder of the masks, which must be given."""
    segmentation: Literal["dice", "bce"] = "dice"
    """The loss of the masks."""
    segmentation_weight: NonNegative = 1.0
    """Lambda."""

    @field_validator("masks")
    @classmethod
    def _is_given(cls, masks: Path | None) -> Path:
        if masks is None:
            raise ValueError(
                "SegIns learns from masks of the foreground: pass their folder as --masks, which "
                "`ucls masks SOURCE --out masks/` makes"
            )
        return masks


class SegInsSOptions(SimSiamOptions, SegInsOptions):
    """SegIns on SimSiam."""


class SegInsMOptions(MocoOptions, SegInsOptions):
    """SegIns on MoCo v2."""

    segmentation_weight: NonNegative = 2.0


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
        small_settings: what it takes in their place, and of its options, for images of up to 64
            pixels.
        n_global: global crops of each image.
        has_warmup: whether its rate rises at first.
        has_clusters: whether it finds clusters, whose number must be known.
    """

    name: str
    help: str
    source: str
    build: str
    options: type[Section]
    settings: Mapping[str, Any] = field(default_factory=dict)
    small_settings: Mapping[str, Any] = field(default_factory=dict)
    n_global: int = 2
    has_warmup: bool = False
    has_clusters: bool = False


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
                "last_rate": 1 / 1000,
                "weight_decay": 1e-4,
                "recolours": "byol",
                "n_local": 6,
                "global_scale": (0.14, 1.0),
            },
            has_warmup=True,
            has_clusters=True,
        ),
        Method(
            name="simsiam",
            help="views predict each other",
            source="Chen and He, CVPR 2021; multi-crop and epochs as in the thesis, section 4.2",
            build="ucls.pretraining.methods.simsiam:build",
            options=SimSiamOptions,
            settings={
                "epochs": 500,
                "batch_size": 512,
                "optimizer": "sgd",
                "learning_rate": 0.1,
                "schedule": "cosine",
                "last_rate": 0.0,
                "weight_decay": 1e-4,
                "recolours": "moco",
                "n_local": 4,
                "global_scale": (0.2, 1.0),
            },
            small_settings={
                "epochs": 800,
                "learning_rate": 0.06,
                "weight_decay": 5e-4,
                "projector_layers": 2,
            },
        ),
        Method(
            name="moco",
            help="views alike, and unlike those of other images",
            source="Chen et al. 2020 (MoCo v2); multi-crop and epochs as in thesis section 4.2",
            build="ucls.pretraining.methods.moco:build",
            options=MocoOptions,
            settings={
                "epochs": 500,
                "batch_size": 256,
                "optimizer": "sgd",
                "learning_rate": 0.03,
                "schedule": "cosine",
                "last_rate": 0.0,
                "weight_decay": 1e-4,
                "recolours": "moco",
                "n_local": 4,
                "global_scale": (0.2, 1.0),
            },
        ),
        Method(
            name="c2bin",
            help="clusters contrasted while views predict each other",
            source="Contrasting clusters while bootstrapping instances, table 10",
            build="ucls.pretraining.methods.c2bin:build",
            options=C2BinOptions,
            settings={
                "epochs": 300,
                "batch_size": 256,
                "optimizer": "adamw",
                "learning_rate": 3e-4,
                "schedule": "cosine",
                "last_rate": 0.0,
                "weight_decay": 0.0,
                "recolours": "moco",
                "n_local": 0,
                "global_scale": (0.2, 1.0),
            },
            has_clusters=True,
        ),
        Method(
            name="uic",
            help="views classified as another was in the epoch before",
            source="Unsupervised Image Classification for Deep Representation Learning",
            build="ucls.pretraining.methods.uic:build",
            options=UicOptions,
            settings={
                "epochs": 500,
                "batch_size": 256,
                "optimizer": "sgd",
                "learning_rate": 0.1,
                "schedule": "linear",
                "last_rate": 0.0,
                "weight_decay": 1e-4,
                "recolours": "none",
                "n_local": 0,
                "global_scale": (0.08, 1.0),
            },
            small_settings={"recolours": "moco"},
            n_global=1,
            has_clusters=True,
        ),
    )
}

METHODS |= {
    method.name: method
    for method in (
        replace(
            METHODS["simsiam"],
            name="segins-s",
            help="simsiam that also learns where the foreground is, from masks",
            source="the thesis, chapter 3",
            build="ucls.pretraining.methods.segins:build_s",
            options=SegInsSOptions,
        ),
        replace(
            METHODS["moco"],
            name="segins-m",
            help="the same of moco",
            source="the thesis, chapter 3",
            build="ucls.pretraining.methods.segins:build_m",
            options=SegInsMOptions,
        ),
    )
}
