"""What the thesis's ablations vary."""

from collections.abc import Mapping, Sequence

from benchmarks.ablations.study import Settings, Study, Variant
from ucls.errors import UsageError

THRESHOLDS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
N_HEADS = (10, 20, 30, 40, 50, 60, 70, 80)

ALONE: Settings = {
    "train.scales": (1,),
    "train.n_smoothing": 1,
    "train.early_stopping": False,
    "merge.linkage": "none",
    "ensemble.heads": "all",
    "ensemble.drop_collapsed": False,
}
"""As in the thesis: heads of as many clusters as wanted, all of them in the consensus (6.4.2), and
no smoothing, which came last (6.4.4.3)."""

BASELINE: Settings = {
    "train.objective": "temi",
    "features": "cls",
    "train.batch_norm": False,
    "neighbors.threshold": 1.0,
    "train.prior": "none",
}
"""TEMI (5.1.1): its loss is two-way and weighs pairs, and has no cross-entropy."""
WITH_PATCHES: Settings = {**BASELINE, "features": "cls+patch"}
WITH_BATCH_NORM: Settings = {**WITH_PATCHES, "train.batch_norm": True}
WITH_ADAPTIVE: Settings = {
    name: value for name, value in WITH_BATCH_NORM.items() if name != "neighbors.threshold"
}
WITH_SINKHORN: Settings = {**WITH_ADAPTIVE, "train.prior": "uniform"}
ENHANCED: Settings = {**WITH_SINKHORN, "train.objective": "ucls"}
"""All of it: the loss of UCLS is one-way and has the cross-entropy (5.2.7, eqs. 5.10-5.12)."""

TEMIS_TRAINING: Settings = {
    "train.epochs": 200,
    "train.warmup_epochs": 20,
    "train.learning_rate": 1e-4,
    "train.batch_size": 512,
}
"""Before the hyperparameters were optimised (6.4.1, 6.4.1.1), which table 6.9 leaves out
(6.4.1.8); table 6.19 holds its first and last row."""
TEMIS_WORDS = "TEMI's 200 epochs, 20 of them warm-up, learning rate 1e-4, batch 512 (6.4.1.8)"
SHORT_TRAINING: Settings = {"train.epochs": 200}
SHORT_WORDS = "200 epochs (6.4.4)"


def _thresholds(values: Sequence[float]) -> tuple[Variant, ...]:
    names = [repr(float(value)) for value in values]
    return tuple(Variant(name, name, {"neighbors.threshold": float(name)}, name) for name in names)


def _n_heads(values: Sequence[float]) -> tuple[Variant, ...]:
    names = [f"{value:g}" for value in values]
    return tuple(
        # What is no whole number is left for the settings to refuse.
        Variant(name, name, {"train.n_heads": int(value) if value == int(value) else value}, name)
        for name, value in zip(names, values, strict=True)
    )


COMPONENTS = Study(
    name="components",
    title="Components one by one",
    heading="Components",
    axis="Components, from left to right one more",
    tables=("6.9", "6.11"),
    published="components",
    variants=(
        Variant("baseline", "Baseline (TEMI)", BASELINE, "baseline"),
        Variant("features", "+ Feat.", WITH_PATCHES, "features", needs_patches=True),
        Variant("batch-norm", "+ BN", WITH_BATCH_NORM, "batch-norm"),
        Variant(
            "adaptive-neighbors", "+ Adaptive NN ({threshold})", WITH_ADAPTIVE, "adaptive-neighbors"
        ),
        Variant("sinkhorn", "+ SK", WITH_SINKHORN, "sinkhorn"),
        Variant("cross-entropy", "+ TEMI w/ CE", ENHANCED, "cross-entropy"),
    ),
    parts=("best_head", "ensemble", "self_training"),
    settings=ALONE,
    thesis=TEMIS_TRAINING,
    training=TEMIS_WORDS,
    notes=("Each row keeps what those above it have.",),
)
"""Tables 6.9 and 6.11."""

SWEEP = Study(
    name="thresholds",
    title="Threshold of the adaptive neighbours",
    heading="Threshold",
    axis="Threshold (cosine similarity)",
    tables=("6.16",),
    published="thresholds",
    variants=_thresholds(THRESHOLDS),
    parts=("best_head", "heads"),
    shows_neighbors=True,
    settings=ALONE,
    thesis=SHORT_TRAINING,
    training=SHORT_WORDS,
    values=_thresholds,
    notes=("At 1.0 the k nearest neighbours alone are taken.",),
)
"""Table 6.16."""

HEADS = Study(
    name="heads",
    title="Number of heads",
    heading="Heads",
    axis="Heads trained at the same time",
    tables=("6.17",),
    published="heads",
    variants=_n_heads(N_HEADS),
    settings=ALONE,
    thesis=SHORT_TRAINING,
    training=SHORT_WORDS,
    values=_n_heads,
)
"""Table 6.17."""

SMOOTHING = Study(
    name="smoothing",
    title="Smoothing over several neighbours",
    heading="Smoothing",
    axis="Neighbours in the teacher's target",
    tables=("6.18",),
    published="smoothing",
    variants=tuple(
        Variant(f"{m}", label, {"train.n_smoothing": m}, f"{m}")
        for m, label in ((1, "without (m = 1)"), (4, "with (m = 4)"))
    ),
    settings=ALONE,
    training="the presets' own epochs, since the rows without smoothing are in tables 6.8 and 6.14",
)
"""Table 6.18."""

LOSSES = Study(
    name="losses",
    title="The components under two losses",
    heading="Loss",
    axis="Loss and settings",
    tables=("6.19",),
    published="objectives",
    variants=(
        Variant("temi-baseline", "TEMI, baseline", BASELINE, "baseline", "temi"),
        Variant("temi-enhanced", "TEMI + enhancements", ENHANCED, "enhanced", "temi"),
        Variant(
            "scan-baseline", "SCAN, baseline", {**BASELINE, "train.objective": "scan"},
            "baseline", "scan",
        ),
        Variant(
            "scan-enhanced", "SCAN + enhancements", {**ENHANCED, "train.objective": "scan"},
            "enhanced", "scan",
        ),
    ),
    settings=ALONE,
    thesis=TEMIS_TRAINING,
    training=TEMIS_WORDS,
    notes=("SCAN's loss (lambda = 4) takes every enhancement but the cross-entropy.",),
)  # fmt: skip
"""Table 6.19."""

STUDIES: Mapping[str, Study] = {
    study.name: study for study in (COMPONENTS, SWEEP, HEADS, SMOOTHING, LOSSES)
}


def find_study(name: str) -> Study:
    """Returns the study of a name.

    Raises:
        UsageError: if there is none.
    """
    if name not in STUDIES:
        raise UsageError(f"there is no study {name!r}; choose one of {', '.join(STUDIES)}")
    return STUDIES[name]
