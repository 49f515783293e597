"""The thesis's own settings, by the name of its datasets (thesis 6.2, 6.4.1.1, 6.4.1.8).

They leave nothing in ``neighbors``, ``train`` and ``self_train`` to be fitted to the data. The
results of tables 6.12-6.15 were made without neighbour smoothing (compare ImageNet's 70.34 with
table 6.18), so it is off here. After the warm-up the learning rate stays, as in TEMI's published
command (its ``lr`` and ``min_lr`` are the same), on which the thesis builds without naming another
end. Three things differ: TEMI's code keeps the last layer fixed in the first epoch, here it is
trained; the thesis resizes all images, here the shorter side is resized and the centre cropped,
which differs where an image is not square; and the package that made the thesis's consensus keeps
the highest ANMI of HGPA, MCLA and, up to 10,000 images, CSPA, here it is MCLA alone. Like that
package, it takes all heads and balances MCLA by images.
Heads have as many clusters as wanted, and none are merged.
"""

from typing import Any

from ucls.errors import UsageError
from ucls.settings.objectives import RECORDS, unused_settings

DINOV2_RATES = (
    1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1,
)  # fmt: skip
"""Of its linear evaluation."""

COMMON: dict[str, Any] = {
    "features": "cls+patch",
    "extract.backbone": "dinov2_vitl14_reg4",
    "extract.image_size": 224,
    "neighbors.k": 50,
    "neighbors.widen": False,
    "neighbors.prepare": "none",
    "neighbors.threshold": 0.3,
    "neighbors.cap": "balanced",
    "train.n_heads": 50,
    "train.heads_at_once": 50,
    "train.scales": (1,),
    "train.components": "all",
    "train.hidden_dim": 512,
    "train.bottleneck_dim": 256,
    "train.epochs": 400,
    "train.warmup_epochs": 100,
    "train.batch_size": 1024,
    "train.learning_rate": 1.25e-6,
    "train.final_learning_rate": 1.25e-6,
    "train.weight_decay": 1e-4,
    "train.teacher_momentum": 0.996,
    "train.teacher_temperature": 0.1,
    "train.beta": 0.6,
    "train.cross_entropy": 0.5,
    "train.n_smoothing": 1,
    "train.precision": "float32",
    "train.early_stopping": False,
    "merge.linkage": "none",
    "ensemble.heads": "all",
    "ensemble.drop_collapsed": False,
    "ensemble.vertex_weights": "size",
    "self_train.inputs": "tokens",
    "self_train.learning_rates": DINOV2_RATES,
    "self_train.confidence_weights": False,
    "self_train.batch_size": 1024,
    "self_train.iterations": 12_500,
}
CIFAR: dict[str, Any] = {"train.batch_size": 256, "train.teacher_temperature": 0.07}

PRESETS: dict[str, dict[str, Any]] = {
    "cifar10": {"n_clusters": 10, **CIFAR},
    "cifar20": {"n_clusters": 20, **CIFAR, "train.beta": 0.55},
    "cifar100": {"n_clusters": 100, **CIFAR},
    "stl10": {
        "n_clusters": 10,
        "extract.backbone": "dinov2_vitb14_reg4",
        "train.epochs": 800,
    },
    "food101": {"n_clusters": 101},
    "imagenet50": {"n_clusters": 50},
    "imagenet100": {"n_clusters": 100},
    "imagenet200": {"n_clusters": 200},
    "tiny-imagenet": {"n_clusters": 200},
    "imagenet": {"n_clusters": 1000},
}


def preset(name: str, *, objective: str = "ucls") -> dict[str, Any]:
    """Returns the settings of one dataset as dotted names to values.

    Args:
        name: of the preset.
        objective: what is to be trained. Settings that have no part in it are left out, and of
            others than the thesis trained all settings of the training.

    Raises:
        UsageError: if there is no preset of that name.
    """
    if name not in PRESETS:
        raise UsageError(f"there is no preset {name!r}; choose one of {', '.join(PRESETS)}")
    values = {**COMMON, **PRESETS[name]}
    record = RECORDS[objective]
    if not record.is_of_thesis:
        # The thesis trained no others, and their rates and sizes are of another kind.
        kept = ("train.early_stopping", "train.precision")
        return {k: value for k, value in values.items() if k in kept or not k.startswith("train.")}
    unused = unused_settings(objective, {key.removeprefix("train."): 0 for key in values})
    left_out = {*record.not_of_thesis, *(f"train.{name}" for name in unused)}
    return {key: value for key, value in values.items() if key not in left_out}
