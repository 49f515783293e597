"""Backbones known by a short name."""

import re
from dataclasses import dataclass

from ucls.backbones.hub_ids import HUB_IDS

RANDOM_WEIGHTS = "random"
"""What stands for a file of weights where there is none: an untrained model."""

UNTRAINED = "-untrained"
"""What the name of a backbone with random weights ends in, wherever it is shown or kept."""

ONNX = "onnx:"
"""What the name of a backbone in an ONNX file begins with; the name of its file follows."""


@dataclass(frozen=True)
class BackboneInfo:
    """A pretrained backbone.

    Attributes:
        name: its short name.
        timm_name: the timm model with its architecture and preprocessing, and with its weights
            unless ``is_hosted`` is false.
        family: the method it was pretrained with.
        width: D, the width of a token.
        patch_size: pixels per side of a patch.
        image_size: pixels per side by default.
        license: of the weights.
        position_offset: how its own code resamples position embeddings, see
            :func:`ucls.backbones.position_embeddings.resample_position_embedding`; None where that
            is timm's way.
        is_hosted: whether the hub has the weights; otherwise they come from a local file.
    """

    name: str
    timm_name: str
    family: str
    width: int
    patch_size: int
    image_size: int
    license: str
    position_offset: float | None = None
    is_hosted: bool = True


def _family(
    family: str,
    license_name: str,
    *models: tuple[str, str, int, int, int],
    position_offset: float | None = None,
    is_hosted: bool = True,
) -> list[BackboneInfo]:
    return [
        BackboneInfo(
            name=name,
            timm_name=timm_name,
            family=family,
            width=width,
            patch_size=patch_size,
            image_size=image_size,
            license=license_name,
            position_offset=position_offset,
            is_hosted=is_hosted,
        )
        for name, timm_name, width, patch_size, image_size in models
    ]


_MODELS = (
    *_family(
        "DINOv2",
        "apache-2.0",
        ("dinov2_vits14", "vit_small_patch14_dinov2.lvd142m", 384, 14, 224),
        ("dinov2_vitb14", "vit_base_patch14_dinov2.lvd142m", 768, 14, 224),
        ("dinov2_vitl14", "vit_large_patch14_dinov2.lvd142m", 1024, 14, 224),
        ("dinov2_vitg14", "vit_giant_patch14_dinov2.lvd142m", 1536, 14, 224),
        position_offset=0.1,
    ),
    *_family(
        "DINOv2, registers",
        "apache-2.0",
        ("dinov2_vits14_reg4", "vit_small_patch14_reg4_dinov2.lvd142m", 384, 14, 224),
        ("dinov2_vitb14_reg4", "vit_base_patch14_reg4_dinov2.lvd142m", 768, 14, 224),
        ("dinov2_vitl14_reg4", "vit_large_patch14_reg4_dinov2.lvd142m", 1024, 14, 224),
        ("dinov2_vitg14_reg4", "vit_giant_patch14_reg4_dinov2.lvd142m", 1536, 14, 224),
    ),
    # timm's plain models leave out the biases of queries, keys and values, which are zero in the
    # released weights; its `qkvb` models carry the zeros along.
    *_family(
        "DINOv3",
        "dinov3-license",
        ("dinov3_vits16", "vit_small_patch16_dinov3.lvd1689m", 384, 16, 256),
        ("dinov3_vitsplus16", "vit_small_plus_patch16_dinov3.lvd1689m", 384, 16, 256),
        ("dinov3_vitb16", "vit_base_patch16_dinov3.lvd1689m", 768, 16, 256),
        ("dinov3_vitl16", "vit_large_patch16_dinov3.lvd1689m", 1024, 16, 256),
        ("dinov3_vithplus16", "vit_huge_plus_patch16_dinov3.lvd1689m", 1280, 16, 256),
        ("dinov3_vit7b16", "vit_7b_patch16_dinov3.lvd1689m", 4096, 16, 256),
    ),
    *_family(
        "DINO",
        "apache-2.0",
        ("dino_vits16", "vit_small_patch16_224.dino", 384, 16, 224),
        ("dino_vits8", "vit_small_patch8_224.dino", 384, 8, 224),
        ("dino_vitb16", "vit_base_patch16_224.dino", 768, 16, 224),
        ("dino_vitb8", "vit_base_patch8_224.dino", 768, 8, 224),
        position_offset=0.1,
    ),
    # The same architectures and preprocessing as the models named here, with other weights.
    *_family(
        "MSN",
        "cc-by-nc-4.0",
        ("msn_vits16", "vit_small_patch16_224.dino", 384, 16, 224),
        ("msn_vitb16", "vit_base_patch16_224.dino", 768, 16, 224),
        ("msn_vitl16", "vit_large_patch16_224.mae", 1024, 16, 224),
        position_offset=0.0,
        is_hosted=False,
    ),
    # Trained with an approximation of GELU that only timm's `quickgelu` models have. The licence
    # is that of the release; timm has its default there.
    *_family(
        "CLIP",
        "mit",
        ("clip_vitb32", "vit_base_patch32_clip_quickgelu_224.openai", 768, 32, 224),
        ("clip_vitb16", "vit_base_patch16_clip_quickgelu_224.openai", 768, 16, 224),
        ("clip_vitl14", "vit_large_patch14_clip_quickgelu_224.openai", 1024, 14, 224),
        ("clip_vitl14_336", "vit_large_patch14_clip_quickgelu_336.openai", 1024, 14, 336),
    ),
    *_family(
        "SigLIP",
        "apache-2.0",
        ("siglip_vitb16", "vit_base_patch16_siglip_224.webli", 768, 16, 224),
        ("siglip_vitb16_384", "vit_base_patch16_siglip_384.webli", 768, 16, 384),
        ("siglip_vitl16_256", "vit_large_patch16_siglip_256.webli", 1024, 16, 256),
        ("siglip_vitl16_384", "vit_large_patch16_siglip_384.webli", 1024, 16, 384),
        ("siglip_so400m14", "vit_so400m_patch14_siglip_224.webli", 1152, 14, 224),
        ("siglip_so400m14_378", "vit_so400m_patch14_siglip_378.webli", 1152, 14, 378),
    ),
    *_family(
        "SigLIP 2",
        "apache-2.0",
        ("siglip2_vitb16", "vit_base_patch16_siglip_224.v2_webli", 768, 16, 224),
        ("siglip2_vitb16_384", "vit_base_patch16_siglip_384.v2_webli", 768, 16, 384),
        ("siglip2_vitl16_256", "vit_large_patch16_siglip_256.v2_webli", 1024, 16, 256),
        ("siglip2_vitl16_384", "vit_large_patch16_siglip_384.v2_webli", 1024, 16, 384),
        ("siglip2_so400m14", "vit_so400m_patch14_siglip_224.v2_webli", 1152, 14, 224),
        ("siglip2_so400m14_378", "vit_so400m_patch14_siglip_378.v2_webli", 1152, 14, 378),
    ),
    *_family(
        "MAE",
        "cc-by-nc-4.0",
        ("mae_vitb16", "vit_base_patch16_224.mae", 768, 16, 224),
        ("mae_vitl16", "vit_large_patch16_224.mae", 1024, 16, 224),
        ("mae_vith14", "vit_huge_patch14_224.mae", 1280, 14, 224),
    ),
)

BACKBONES = {info.name: info for info in _MODELS}

_SHORT_NAMES = {info.timm_name: info.name for info in _MODELS if info.is_hosted}
# Where one set of weights has an architecture of its own, timm needs no tag.
_SHORT_NAMES |= {
    info.timm_name.partition(".")[0]: info.name for info in _MODELS if "dinov" in info.timm_name
}


def canonical_name(name: str) -> str:
    """Gives the spellings of a backbone's name the same one, as far as it can without timm.

    Args:
        name: a short name, ``pixels``, ``features``, a timm model with or without its tag, with
            or without ``timm/`` before it, or what the Hugging Face hub calls one of these.

    Returns:
        The short name if there is one for exactly these weights, otherwise the name in timm with
        its tag as it was given. Which tag a model without one gets, only timm knows: outside of
        :data:`BACKBONES`, the name with that tag and the name without stay two names.
    """
    name = re.sub(r"^hf[-_]hub:", "", name)  # as timm and OpenCLIP write it before an id
    timm_name = HUB_IDS.get(name, name).removeprefix("timm/")
    return _SHORT_NAMES.get(timm_name, timm_name)
