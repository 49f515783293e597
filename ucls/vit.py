"""Vision transformers from timm, frozen, as backbones."""

import difflib
import hashlib
import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ucls.backbones import BackboneSpec, Precision, Preprocess, Tokens
from ucls.errors import UclsError, UsageError

_N_LAYERS = 4


@dataclass(frozen=True)
class ViTPreprocess:
    """timm's evaluation transform: resize, crop, scale, normalise."""

    transform: Any

    def __call__(self, image: Image.Image) -> Tensor:
        """Returns float32 [3, S, S]."""
        tensor: Tensor = self.transform(image.convert("RGB"))
        return tensor


class ViTBackbone:
    """A frozen timm ViT.

    Args:
        model: a timm model as built by :func:`build_vit`, on the CPU in float32.
        name: its name in timm.
        image_size: pixels per side.
        device: where the forward pass runs.
        dtype: precision of the forward pass.
    """

    def __init__(
        self, model: Any, *, name: str, image_size: int, device: str, dtype: Precision
    ) -> None:
        import timm
        from timm.data.config import resolve_model_data_config
        from timm.data.transforms_factory import create_transform

        # Without the size, timm's transform keeps the size of the pretraining (518 for DINOv2).
        size = {"input_size": (3, image_size, image_size)}
        data = resolve_model_data_config(model, args=size)  # type: ignore[no-untyped-call]
        self.preprocess: Preprocess = ViTPreprocess(create_transform(**data, is_training=False))
        self.spec = BackboneSpec(
            name=name,
            weights_hash=hash_weights(model.state_dict()),
            timm_version=timm.__version__,
            image_size=image_size,
            channels=3,
            crop=f"{data['crop_mode']} {data['crop_pct']}",
            interpolation=data["interpolation"],
            mean=tuple(data["mean"]),
            std=tuple(data["std"]),
            dtype=dtype,
            n_layers=min(_N_LAYERS, len(model.blocks)),
            n_features=model.num_features,
            has_patch_mean=True,
        )
        self.device, self._dtype = device, getattr(torch, dtype)
        self.model = model.eval().requires_grad_(False).to(self.device, self._dtype)

    def encode(self, batch: Tensor) -> Tokens:
        """Runs the model on preprocessed images [B, 3, S, S].

        Returns:
            ``cls`` [B, L, D] and ``patch_mean`` [B, D], both after the model's final norm;
            register tokens are in neither.
        """
        with torch.inference_mode():
            layers = self.model.forward_intermediates(
                batch.to(self.device, self._dtype, non_blocking=True),
                indices=self.spec.n_layers,
                return_prefix_tokens=True,
                norm=True,
                output_fmt="NLC",
                intermediates_only=True,
            )
            # Each layer is (patch tokens [B, P, D], prefix tokens [B, 1 + registers, D]).
            cls = torch.stack([prefix[:, 0] for _, prefix in layers], dim=1)
            return Tokens(cls=cls.float(), patch_mean=layers[-1][0].float().mean(dim=1))


def build_vit(
    name: str, *, image_size: int, weights: str | None, device: str, dtype: Precision
) -> ViTBackbone:
    """Builds a timm ViT with its weights; see :func:`ucls.backbones.build_backbone`.

    Raises:
        UsageError: if the name, the size or the weights file do not fit.
        UclsError: if there are no weights to be had.
    """
    _check_model(name, image_size)
    if weights is None:
        model = _load_from_hub(name, image_size)
    else:
        model = _load_from_file(name, image_size, Path(weights).expanduser())
    return ViTBackbone(model, name=name, image_size=image_size, device=device, dtype=dtype)


def hash_weights(state: dict[str, Tensor]) -> str:
    """Returns the sha256 over names, shapes and bytes, as hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tuple(tensor.shape)} ".encode())
        values = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(values.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _check_model(name: str, image_size: int) -> None:
    """Builds the model without memory for its weights, to find mistakes before a download."""
    import timm

    if not timm.is_model(name):
        raise _unknown_name(name)
    try:
        with torch.device("meta"):
            model: Any = timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as error:
        if "Invalid pretrained tag" not in str(error):
            raise
        raise _unknown_name(name) from error
    if not _is_vit_with_class_token(model):
        raise UsageError(
            f"backbone {name} is not a ViT with a class token: take one, such as a DINOv2 model"
        )
    patch = model.patch_embed.patch_size[0]
    if image_size % patch:
        fit = max(round(image_size / patch), 1) * patch
        raise UsageError(
            f"backbone {name} cuts images into patches of {patch} pixels, which do not fill an "
            f"image size of {image_size}: take a multiple of {patch}, such as {fit}"
        )


def _is_vit_with_class_token(model: Any) -> bool:
    if getattr(model, "cls_token", None) is None or not hasattr(model, "patch_embed"):
        return False
    forward = getattr(model, "forward_intermediates", None)
    return forward is not None and "return_prefix_tokens" in inspect.signature(forward).parameters


def _unknown_name(name: str) -> UsageError:
    import timm

    known = ["pixels", *timm.list_models(), *timm.list_pretrained()]
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "see timm.list_models('vit_*')"
    return UsageError(f"timm knows no backbone {name!r}; {hint}")


def _load_from_hub(name: str, image_size: int) -> Any:
    import timm

    try:
        return timm.create_model(name, pretrained=True, num_classes=0, img_size=image_size)
    except Exception as error:
        raise UclsError(
            f"no weights for {name}: they are not in the cache of timm and cannot be downloaded "
            f"({type(error).__name__}); run once where there is a network, pass "
            "--set extract.weights=FILE.safetensors, or use --backbone pixels"
        ) from error


def _load_from_file(name: str, image_size: int, path: Path) -> Any:
    import timm

    state = _read_safetensors(path)
    for layer in _classifier_layers(name):
        state.pop(f"{layer}.weight", None)
        state.pop(f"{layer}.bias", None)
    # Told that the weights have no classifier, timm loads them strictly, and resamples position
    # embeddings by itself.
    overlay = {"state_dict": state, "num_classes": 0, "classifier": None}
    try:
        model: Any = timm.create_model(
            name,
            pretrained=True,
            pretrained_cfg_overlay=overlay,
            num_classes=0,
            img_size=image_size,
        )
    except Exception as error:
        lines = str(error).splitlines()
        details = "; ".join(textwrap.shorten(line, 150) for line in lines[1:4] or lines)
        raise UsageError(
            f"{path} does not hold weights of {name} ({details}): give the file that belongs to "
            "this backbone"
        ) from error
    model.pretrained_cfg.pop("state_dict")  # a second copy of all weights
    return model


def _classifier_layers(name: str) -> tuple[str, ...]:
    import timm

    config: Any = timm.get_pretrained_cfg(name)
    layers = config.classifier or ()
    return (layers,) if isinstance(layers, str) else tuple(layers)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix != ".safetensors" or not path.is_file():
        problem = "there is no such file" if path.suffix == ".safetensors" else "it is another kind"
        raise UsageError(f"expected a .safetensors file as weights, got {path}: {problem}")
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UsageError(
            f"cannot read {path} as safetensors: it is damaged or incomplete; get it again"
        ) from error
    if not state:
        raise UsageError(f"expected weights in {path}, got a file without tensors")
    return state
