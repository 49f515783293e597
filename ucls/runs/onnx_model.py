"""A run's backbone, features and classifier as one network, and what ONNX says of it."""

import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ucls import __version__
from ucls.backbones.protocol import Backbone, spatial_size
from ucls.cache import FEATURE_SETS
from ucls.runs.classifier import Classifier

OUTPUTS = ("probabilities", "labels")


class Labeller(nn.Module):
    """From preprocessed images, or features made elsewhere, to the clusters of a run.

    Args:
        classifier: of the run.
        feature_set: which tokens it takes.
        backbone: that gives them, on the CPU in float32; None for features made elsewhere.
    """

    weight: Tensor
    bias: Tensor
    groups: Tensor
    numbers: Tensor

    def __init__(self, classifier: Classifier, feature_set: str, backbone: Backbone | None) -> None:
        super().__init__()
        self._feature_set, self._backbone, self._heads = feature_set, backbone, classifier.heads
        linear = classifier.linear
        members = classifier.members
        same = torch.eye(len(linear.bias))
        groups = same if members is None else torch.from_numpy(members).float()
        self.register_buffer("groups", groups)
        self.register_buffer("numbers", torch.tensor(classifier.share_numbers))
        self.register_buffer("weight", torch.from_numpy(linear.weight * linear.scale))
        self.register_buffer("bias", torch.from_numpy(linear.bias))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Labels images.

        Args:
            inputs: uint8 [B, channels, H, W], or float32 [B, D] without a backbone.

        Returns:
            float32 [B, C], the probability of every cluster, and int64 [B], the number of the
            likeliest; -1 where images belong to none.
        """
        features = inputs if self._backbone is None else self._features(self._backbone, inputs)
        if self._heads is not None:
            features = torch.cat(self._heads.by_head(features), dim=1)
        probabilities = (features @ self.weight + self.bias).softmax(dim=1) @ self.groups
        return probabilities, self.numbers[probabilities.argmax(dim=1)]

    def _features(self, backbone: Backbone, images: Tensor) -> Tensor:
        """The features [B, D'], rounded as in the feature caches."""
        tokens = backbone.encode(images)
        n_blocks, with_patch = FEATURE_SETS[self._feature_set]
        features = tokens.cls[:, -n_blocks:].flatten(1)
        if with_patch and tokens.patch_mean is not None:
            features = torch.cat([features, tokens.patch_mean], dim=1)
        return features.half().float()


@dataclass(frozen=True)
class ModelInput:
    """What the network takes.

    Attributes:
        name: of the input.
        example: two of them.
        facts: what a user has to know to make such an input, by name.
    """

    name: str
    example: Tensor
    facts: dict[str, Any]


def input_of(backbone: Backbone | None, n_features: int) -> ModelInput:
    """What a network takes: images that a backbone sees, or features made elsewhere.

    Args:
        backbone: None for features.
        n_features: D, where there is no backbone.
    """
    if backbone is None:
        told = f"float32 [batch, {n_features}]: one row for each image, made as those of the run"
        return ModelInput("features", torch.zeros(2, n_features), {"input": told})
    spec = backbone.spec
    height, width = spatial_size(spec.image_size)
    mode = "RGB" if spec.channels == 3 else "grey"
    told = (
        f"uint8 [batch, {spec.channels}, {height}, {width}]: {mode} in 0..255, upright (EXIF), "
        "transparency on white, resized and cropped by `transform`; the model itself divides by "
        "255 and standardises"
    )
    facts = {
        "input": told,
        "image_size": [height, width],
        "channels": spec.channels,
        "crop": spec.crop,
        "interpolation": spec.interpolation,
        "mean": spec.mean,
        "std": spec.std,
        "transform": transform_of(backbone),
        "backbone": spec.name,
        "weights_hash": spec.weights_hash,
    }
    example = torch.zeros(2, spec.channels, height, width, dtype=torch.uint8)
    return ModelInput("images", example, facts)


def transform_of(backbone: Backbone) -> str:
    """What happens to a picture before a backbone sees it, in words."""
    height, width = spatial_size(backbone.spec.image_size)
    transform = getattr(backbone.preprocess, "transform", None)
    if transform is None:
        return f"Resize(size=({height}, {width}), interpolation=bicubic), by Pillow"
    return " ".join(str(transform).split())


def metadata(
    facts: dict[str, Any], *, numbers: list[int], names: list[str], feature_set: str
) -> dict[str, str]:
    """What the file says of itself: text by name, all but plain text as JSON.

    Args:
        facts: of the input.
        numbers: of the clusters, in the order of the probabilities.
        names: of the same.
        feature_set: which tokens the classifier takes.
    """
    everything = {
        **facts,
        "outputs": "probabilities float32 [batch, clusters], labels int64 [batch]",
        "feature_set": feature_set,
        "clusters": names,
        "numbers": numbers,
        "version": __version__,
    }
    return {
        f"ucls.{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in everything.items()
    }
