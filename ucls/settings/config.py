"""Every setting of UCLS and its default.

What only some objectives heed has its default beside them, in :mod:`ucls.settings.objectives`.

``None`` means "fit to the data": :func:`ucls.settings.fitting.autoconfigure` fills these in before
a run starts, and the filled-in settings are written to the run folder's ``config.toml``.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from ucls.ensemble.heads_as_text import FORMS
from ucls.ensemble.methods import all_options, method_names
from ucls.errors import UsageError
from ucls.settings.method_options import literal, setting_field
from ucls.settings.objectives import (
    RECORDS,
    objective_names,
    own_options,
    unused_settings,
)
from ucls.settings.problems import tell_problems
from ucls.settings.sections import (
    Count,
    Device,
    Fraction,
    NonNegative,
    OpenSection,
    Positive,
    Section,
    matching,
)
from ucls.types import Effort

FEATURES = re.compile(r"fg|cls2|cls4?(\+(patch|fg))?")
PREPARE = matching(
    "auto|none|distance|(center|standardize|pca|whiten)(-[1-9])?",
    "auto, none, distance, center, standardize, pca or whiten, of which the last four may leave "
    "out some directions, such as center-1",
)
HEADS = re.compile(r"all|(best|anmi)(:[1-9][0-9]*)?|[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")

Scale = Annotated[float, Field(ge=1.0, le=100.0)]

Value = TypeVar("Value")


def required(value: Value | None) -> Value:
    """Returns a setting that must have been fitted to the data by now."""
    if value is None:
        raise ValueError("settings are incomplete; pass them through autoconfigure first")
    return value


class ExtractConfig(Section):
    """Stage ``extract``: images to token features."""

    backbone: str | None = None
    """A name from ``ucls backbones``, any timm model, what the Hugging Face hub calls one of them,
    a folder of transformers, timm or OpenCLIP that tells what it holds, ``onnx:FILE``, ``pixels``,
    or ``features`` (a feature file as it is). None: what a folder given as weights holds,
    ``pixels`` for ``digits`` and ``mnist``, ``features`` for feature files, otherwise DINOv2
    ViT-B/14 with registers."""
    weights: tuple[str, ...] = ()
    """Local weights: a .safetensors file, an original checkpoint, a folder as transformers, timm or
    OpenCLIP save it, or ``random`` (an untrained model, to try things out). ``NAME=FILE`` means one
    of several backbones. Empty: timm's hub cache."""
    image_size: Count | tuple[Count, Count] | None = None
    """Pixels per side, or height and width. None: what ``ucls backbones`` lists, 224 for other
    ViTs; for ``pixels`` 32, or the dataset's own size, which it also keeps beside other
    backbones."""
    channels: Literal[1, 3] | None = None
    """``pixels`` only: 1 for grey, 3 for colour. None: 3, or 1 for ``digits`` and ``mnist``."""
    precision: Literal["float32", "bfloat16", "float16"] | None = None
    """Precision of the forward pass, by autocast. None: float32 on a CPU, float16 on a GPU."""
    views: Annotated[int, Field(ge=0)] = 0
    """Augmented views that are stored besides each plain training image."""
    batch_size: Count | None = None
    """Images per forward pass. None: what fits the device."""
    workers: Annotated[int, Field(ge=0)] | None = None
    """Processes that decode images. None: one per core up to 16; 0 decodes in the main process."""
    strict: bool = False
    """Stop at the first unreadable image instead of skipping it."""

    @field_validator("weights", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class NeighborsConfig(Section):
    """Stage ``neighbors``: the adaptive sets S_x (thesis 5.2.5)."""

    prepare: Annotated[str, PREPARE] | None = None
    """How features are prepared before neighbours, heads and k-means see them: ``none``,
    ``center`` (scaled to length 1, then centred), ``standardize`` (centred, each column scaled),
    ``distance`` (centred; compared by distance, not by direction), ``pca`` or ``whiten`` (128
    principal components), with ``-n`` to leave out the first n directions: ``center-1``. ``auto``
    chooses by the features, takes pixels and DINOv2's tokens as they are, and leaves out a backbone
    whose features have nothing to do with those of the others."""
    apart_from: tuple[str, ...] = ()
    """Run folders of the same images. The directions that tell their clusters apart are left out of
    the features, so that other clusters are found."""
    k: Count | None = None
    """Nearest neighbours that every image gets."""
    widen: bool = True
    """Take up to 50 in place of ``k`` where most images lie in bursts of near-duplicates, which are
    nearest to one another."""
    threshold: Annotated[float, Field(ge=-1.0, le=1.0)] | Literal["typical"] | None = None
    """Cosine similarity above which an image joins S_x; 1 switches the adaptive part off, and
    ``typical`` is the median similarity of an image to its k-th neighbour."""
    cap: Count | Literal["balanced", "none"] = "balanced"
    """Largest size of S_x. ``balanced`` is N / n_clusters, the size of one balanced cluster, as far
    as all sets together hold 2,000,000,000 images (12 GB; ImageNet's 1,000 classes take less)."""
    cap_keeps: Literal["nearest", "sample"] = "nearest"
    """What a capped S_x keeps: its nearest images, or a uniform sample of them."""
    backend: Literal["auto", "faiss", "torch"] = "auto"
    """``torch``, on any device, or ``faiss``, on the CPU and with more memory. Both are exact;
    ``auto`` is torch."""
    search: Literal["auto", "exact", "approximate"] = "auto"
    """``approximate`` looks into parts of the images that FAISS has put together; how many of the
    nearest it finds is measured. ``auto``: only if exact search would take more than a quarter of
    ``time_limit``."""


class TrainConfig(OpenSection):
    """Stage ``train``: one objective, many heads (thesis 5.1.1, 5.2, and the other papers).

    What not every objective heeds is None where the objective's own value is taken; see
    :mod:`ucls.settings.objectives`, which may also declare further settings, of one objective
    alone. Giving a setting to an objective that has no use for it is an error.
    """

    objective: str = "ucls"
    """What is minimised; one of :func:`ucls.settings.objectives.objective_names`."""
    n_heads: Count | None = None
    """Networks in all; each is a head, or one head per entry of ``scales``. Left open, they are
    fewer if more of them no longer change the consensus."""
    heads_at_once: Count | None = None
    """Networks that are trained at the same time."""
    parallel: Literal["heads", "data"] = "heads"
    """What processes that train together (torchrun) divide: the ``heads``, by groups of
    ``heads_at_once``, each of which comes out as in one process; or the ``data`` of each batch,
    which is the same but for rounding."""
    scales: Annotated[tuple[Scale, ...], Field(min_length=1)] | None = None
    """Clusters of each classifier of a network, as multiples of ``n_clusters``. Heads with more
    clusters than that are merged in stage ``merge``."""
    components: Count | Literal["all"] | None = None
    """Principal components of the features that the heads see; linear heads see them turned."""
    hidden_dim: Count | None = None
    """Width of the hidden layers of each head."""
    bottleneck_dim: Count | None = None
    """Width of the embedding before each head's last layer."""
    epochs: Count | None = None
    warmup_epochs: Annotated[int, Field(ge=0)] | None = None
    """Epochs over which the learning rate rises linearly from zero."""
    batch_size: Annotated[int, Field(ge=2)] | None = None
    learning_rate: Positive | None = None
    """Peak learning rate for a batch of 256; scaled by batch_size / 256."""
    final_learning_rate: NonNegative = 0.0
    """Where the cosine ends, for a batch of 256."""
    weight_decay: NonNegative = 1e-4
    views: Literal["neighbor", "augmented", "both", "itself"] | None = None
    """What an image is paired with: a neighbour, a cached augmented view of it, both (an augmented
    view of a neighbour), or itself. None: itself for ``turtle``, else a neighbour."""
    batch_norm: bool | None = None
    """Batch norm over the features, shared by student and teacher (thesis 5.2.3). None: on."""
    precision: Literal["float32", "bfloat16"] | None = None
    """Precision of the matrix products; weights and losses always stay float32."""
    early_stopping: bool | None = None
    """Stop once the assignments stand still, and add no heads that do not change the consensus."""
    student_temperature: Positive | None = None
    """Of the softmax that is trained."""
    teacher_temperature: Positive | None = None
    teacher_momentum: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    """EMA momentum of the teacher, or of C2BIN's follower, per step."""
    prior: Literal["uniform", "soft", "none"] | None = None
    """Cluster sizes that the teacher asks for: equal ones (Sinkhorn-Knopp, thesis 5.2.4), roughly
    equal ones of the images that it is surest of, a tenth at first and all in the end (P2OT, Zhang
    et al. 2024), or none."""
    prior_strength: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Of the ``soft`` prior: near 1 it asks for equal sizes, near 0 for nothing. P2OT's lambda over
    lambda + epsilon (0.91 in the paper)."""
    sinkhorn_iterations: Count | None = None
    n_smoothing: Count | None = None
    """Neighbours averaged in the teacher's target (eq. 5.13); 1 switches it off."""
    marginal_momentum: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    """EMA momentum of the class marginal (eq. 5.4), which a ``soft`` prior does without."""
    beta: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Exponent in the pointwise mutual information (eq. 5.5)."""
    instance_weights: bool | None = None
    """Weight pairs by the mean teacher agreement over heads (eqs. 5.7-5.8)."""
    symmetric: bool | None = None
    """TEMI's two-way loss (eq. 5.6) instead of the one-way loss of UCLS."""
    cross_entropy: NonNegative | None = None
    """Final weight of the cross-entropy to the teacher's argmax (eqs. 5.10-5.12); 0 is off."""
    entropy_weight: NonNegative | None = None
    """Of the entropy of the cluster sizes: SCAN's lambda (4, thesis table 6.19), C2BIN's lambda_ent
    (2; the paper's 1 goes with another unit of tau), TURTLE's gamma (10)."""
    n_views: Annotated[int, Field(ge=2)] | None = None
    """Self-Classifier: views of each image, itself included; the first two are global."""
    column_temperature: Positive | None = None
    """Self-Classifier: of the softmax over images; ``student_temperature`` is that over rows."""
    learnable_classifier: bool | None = None
    """Self-Classifier: train the classifiers too, not only the projection."""
    fixed_share: Fraction | None = None
    """UIC: share of the epochs, at the end, in which the pseudo-labels are fixed."""
    contrast_temperature: Positive | None = None
    """C2BIN: of the contrast between clusters (eq. 4), in units of B / K, the product of an even,
    sharp cluster with itself, so that it does not depend on the batch."""
    cluster_weight: NonNegative | None = None
    """C2BIN: of the cluster loss against the alignment (eq. 7)."""
    inner_steps: Count | None = None
    """TURTLE: steps of the inner classifiers for each step of the task encoder."""
    inner_learning_rate: Positive | None = None
    """TURTLE: of the inner classifiers."""

    def option(self, name: str) -> Any:
        """The value of a setting that only the record of the objective declares."""
        return required(getattr(self, name))

    @classmethod
    def registered(cls) -> dict[str, tuple[Any, Any]]:
        """The names of the objectives, and the options that only their records declare."""
        names = (literal(objective_names()), cls.model_fields["objective"].default)
        options = {name: (kind | None, None) for name, kind in own_options().items()}
        return {"objective": names, **options}

    @model_validator(mode="after")
    def _warmup_fits(self) -> "TrainConfig":
        if self.epochs is not None and (self.warmup_epochs or 0) > self.epochs:
            raise ValueError(
                f"warmup_epochs ({self.warmup_epochs}) must not exceed epochs ({self.epochs})"
            )
        return self

    @model_validator(mode="after")
    def _objective_heeds_all(self) -> "TrainConfig":
        unused = unused_settings(self.objective, self.model_dump())
        if unused:
            each = (
                f"{name} has no part in the objective {self.objective}, it is used by "
                f"{', '.join(users)}"
                for name, users in unused.items()
            )
            raise ValueError(f"{'; '.join(each)}: leave it out or choose one of these")
        if not RECORDS[self.objective].several_sizes and len(self.scales or (1,)) > 1:
            raise ValueError(
                f"{self.objective} has heads of one size, but scales are {list(self.scales or ())}"
            )
        if self.prior_strength is not None and self.prior != "soft":
            raise ValueError("prior_strength has a part in prior = soft only: set that too")
        if self.marginal_momentum is not None and self.prior == "soft":
            raise ValueError("marginal_momentum has no part in prior = soft: leave one of them out")
        return self


class MergeConfig(Section):
    """Stage ``merge``: heads with more clusters than wanted, merged by the neighbour graph."""

    linkage: Literal["auto", "diffusion", "spectral", "average", "none"] | None = None
    """How clusters are merged: those of all heads in one tree, by where random walks over their
    links lead (``diffusion``); or head by head, by ``spectral`` clustering, which favours clusters
    of like size, or the two with the most links over the product of their sizes (``average``).
    ``auto`` takes ``diffusion`` unless sizes look about equal, and where heads then do not agree,
    others that need no merging are trained in their place; ``none`` leaves heads as they are, and
    those with more clusters out of the consensus."""
    min_cluster_size: Annotated[int, Field(ge=0)] = 0
    """Training images of a cluster at least: smaller ones join the nearest in the tree, and fewer
    clusters are left. Only with the linkage ``diffusion``, which ``auto`` takes then."""

    known: str | None = None
    """A CSV of what is known of some images, with paths as in ``labels.csv``, or rows of an array
    from 0: ``path`` and ``label``; or ``path_a``, ``path_b`` and ``link``, which is ``must`` or
    ``cannot``. It joins and divides clusters, and images near to known ones follow them. In the end
    these have the cluster of their label, which it names, must-links one cluster and cannot-links
    two."""

    @model_validator(mode="after")
    def _one_tree_joins_small_clusters(self) -> "MergeConfig":
        if self.min_cluster_size and self.linkage not in (None, "auto", "diffusion"):
            raise ValueError(
                f"min_cluster_size needs the linkage auto or diffusion, but it is {self.linkage}"
            )
        return self


class EnsembleConfig(OpenSection):
    """Stage ``ensemble``: a consensus of the heads (thesis 5.1.2).

    Besides these fields it has one for every option of :data:`ucls.ensemble.methods.METHODS`, which
    stand beside each method.
    """

    method: str = "mcla"
    """``all`` runs all that can be run and keeps the one with the highest ANMI."""
    heads: str | None = None
    """``all``; ``best`` (the half with the lowest training loss) or ``best:16``; ``anmi`` (the half
    with the highest mean NMI to the other heads) or ``anmi:16``; or numbers: ``0-4,7``."""
    drop_collapsed: bool = True
    """Leave out heads that fill fewer than half of their clusters, or are as uneven as fewer than a
    quarter of them; never heads that are named by number."""
    weights: Literal["equal", "agreement", "loss"] = "equal"
    """How much each head counts in ``vote``, in MCLA's second vote and in the confidence:
    ``agreement`` with the consensus, or training ``loss``."""
    keep_k: bool = False
    """Give each empty cluster the half of the largest one that is least sure."""

    @classmethod
    def registered(cls) -> dict[str, tuple[Any, Any]]:
        """The names of the methods, and their options."""
        names = (literal(method_names()), cls.model_fields["method"].default)
        options = {name: setting_field(option) for name, option in all_options().items()}
        return {"method": names, **options}

    @field_validator("heads")
    @classmethod
    def _heads_are_a_selection(cls, heads: str | None) -> str | None:
        text = None if heads is None else re.sub(r"\s*([,:-])\s*", r"\1", heads.strip())
        if text is not None and not HEADS.fullmatch(text):
            raise ValueError(f"expected {FORMS}, but it is {heads!r}")
        return text


class SelfTrainConfig(Section):
    """Stage ``self-train``: linear classifiers on pseudo-labels (thesis 6.2)."""

    inputs: Literal["tokens", "heads"] | None = None
    """What the classifiers see: the backbone's ``tokens``, or the logits of the ``heads`` that
    form the consensus. Of the latter training images keep what the classifier was taught."""
    learning_rates: Annotated[tuple[Positive, ...], Field(min_length=1)] = (
        2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2,
    )  # fmt: skip
    """One classifier per learning rate and feature set; for a batch of 256."""
    iterations: Count | None = None
    batch_size: Count | None = None
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    holdout: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    """Share of the training images whose pseudo-labels choose the classifier."""
    confidence_weights: bool = True
    """Weight each pseudo-label in the cross-entropy by the share of the heads that agree."""
    outliers: Literal["auto"] | Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Images that get no cluster, as they are farther from their neighbours than is usual in the
    nearest cluster: such a share of the training images, or ``auto`` for those that stand out,
    which may be none. None: every image gets one."""


class EvaluateConfig(Section):
    """Stage ``evaluate``: metrics against labels, where labels are known."""

    kmeans_restarts: Count | None = None
    knn: Count = 20
    """Neighbours of the k-NN upper bound."""
    upper_bounds: bool = True
    """Also report k-NN and linear-probe accuracy, which see the true labels."""


TIME_LIMIT = re.compile(r"[0-9]+(\.[0-9]+)?[smh]")


class Config(Section):
    """All settings of a run."""

    n_clusters: Annotated[int, Field(ge=2)] | None = None
    """None: the number of classes of a labelled source."""
    effort: Effort | None = None
    """How much work goes into the heads. None: what fits ``time_limit``, or else ``normal``."""
    time_limit: str | None = None
    """How long a run may take, such as ``90s``, ``10m`` or ``2h``: chooses the effort."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Device = "auto"
    features_in: Literal["auto", "memory", "disk"] = "auto"
    """Where features are while stages work on them; ``auto``: on disk if they would take more than
    half of the free memory. From disk heads see them in half precision."""
    features: str | None = None
    """Which cached tokens to use (thesis 5.2.6): ``cls``, ``cls+patch``, ``cls2``, ``cls4`` or
    ``cls4+patch``; ``fg``, ``cls+fg`` or ``cls4+fg`` for the patches of the foreground, which
    TokenCut finds; ``cls+patch@NAME,cls@OTHER`` puts those of several backbones side by side.
    None: ``cls+patch`` where patches are cached."""
    extract: ExtractConfig = ExtractConfig()
    neighbors: NeighborsConfig = NeighborsConfig()
    train: TrainConfig = Field(default_factory=TrainConfig)
    merge: MergeConfig = MergeConfig()
    ensemble: EnsembleConfig = Field(default_factory=EnsembleConfig)
    self_train: SelfTrainConfig = SelfTrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()

    @field_validator("time_limit")
    @classmethod
    def _limit_chooses_the_effort(cls, limit: str | None, info: ValidationInfo) -> str | None:
        if limit is not None and not TIME_LIMIT.fullmatch(limit):
            raise ValueError(
                f"expected a number with its unit such as 90s, 10m or 2h, but it is {limit!r}"
            )
        if limit is not None and info.data.get("effort") is not None:
            raise ValueError("it chooses the effort: leave one of the two out")
        return limit

    @field_validator("features")
    @classmethod
    def _features_are_known(cls, features: str | None) -> str | None:
        for part in [] if features is None else features.split(","):
            tokens, at, backbone = part.partition("@")
            if not FEATURES.fullmatch(tokens) or (at and not backbone) or "@" in backbone:
                raise ValueError(
                    "expected cls, cls+patch, cls2, cls4, cls4+patch, fg, cls+fg or cls4+fg, or "
                    f"several such as cls+patch@NAME,cls@OTHER, but it is {features!r}"
                )
        return features

    def with_values(self, values: dict[str, Any]) -> "Config":
        """Returns a copy with some settings replaced.

        Args:
            values: dotted names to values, such as ``{"train.epochs": 50}``.

        Raises:
            UsageError: with every wrong name and value at once.
        """
        return read_config(replaced(self.model_dump(), values))


def replaced(tree: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings in which those of dotted names are others, in place."""
    for name, value in values.items():
        *sections, field = name.split(".")
        branch = tree
        for section in sections:
            if not isinstance(branch.get(section), dict):
                branch[section] = {}
            branch = branch[section]
        branch[field] = value
    return tree


def read_config(tree: Mapping[str, Any]) -> Config:
    """Validates nested settings.

    Raises:
        UsageError: with every wrong name and value at once.
    """
    if problems := config_problems(tree):
        raise UsageError("; ".join(problems))
    return Config.model_validate(tree)


def config_problems(tree: Mapping[str, Any]) -> list[str]:
    """Tells everything that is wrong with nested settings, a line for each."""
    try:
        Config.model_validate(tree)
    except ValidationError as error:
        return tell_problems(error, setting_names())
    return []


def setting_names() -> list[str]:
    """The dotted names of all settings."""
    names: list[str] = []
    for name, value in Config():
        fields = dict(value) if isinstance(value, Section) else ()
        names += [f"{name}.{field}" for field in fields] or [name]
    return names
