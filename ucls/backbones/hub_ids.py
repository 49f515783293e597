"""Names that the Hugging Face hub has for backbones known here by another one."""

_DINOV3 = "pretrain-lvd1689m"
_SIZES = {"small": "s", "base": "b", "large": "l", "giant": "g"}
_SIGLIP = {
    "base-patch16-224": "vitb16",
    "base-patch16-384": "vitb16_384",
    "large-patch16-256": "vitl16_256",
    "large-patch16-384": "vitl16_384",
    "so400m-patch14-224": "so400m14",
    "so400m-patch14-384": "so400m14_378",
}

HUB_IDS = {
    **{
        f"facebook/dinov2{of}-{size}": f"dinov2_vit{_SIZES[size]}14{end}"
        for size in ("small", "base", "large", "giant")
        for of, end in (("", ""), ("-with-registers", "_reg4"))
    },
    **{
        f"facebook/dinov3-{size}-{_DINOV3}": f"dinov3_{size}"
        for size in ("vits16", "vitsplus16", "vitb16", "vitl16", "vithplus16", "vit7b16")
    },
    **{
        f"facebook/dinov3-convnext-{size}-{_DINOV3}": f"convnext_{size}.dinov3_lvd1689m"
        for size in ("tiny", "small", "base", "large")
    },
    **{f"facebook/dino-{size}": f"dino_{size}" for size in ("vits16", "vits8", "vitb16", "vitb8")},
    "facebook/vit-msn-small": "msn_vits16",
    "facebook/vit-msn-base": "msn_vitb16",
    "facebook/vit-msn-large": "msn_vitl16",
    "facebook/vit-mae-base": "mae_vitb16",
    "facebook/vit-mae-large": "mae_vitl16",
    "facebook/vit-mae-huge": "mae_vith14",
    "facebook/ijepa_vith14_1k": "vit_huge_patch14_gap_224.in1k_ijepa",
    "facebook/ijepa_vith14_22k": "vit_huge_patch14_gap_224.in22k_ijepa",
    "facebook/ijepa_vith16_1k": "vit_huge_patch16_gap_448.in1k_ijepa",
    "facebook/ijepa_vitg16_22k": "vit_giant_patch16_gap_224.in22k_ijepa",
    "openai/clip-vit-base-patch32": "clip_vitb32",
    "openai/clip-vit-base-patch16": "clip_vitb16",
    "openai/clip-vit-large-patch14": "clip_vitl14",
    "openai/clip-vit-large-patch14-336": "clip_vitl14_336",
    **{
        f"google/{kind}-{size}": f"{kind}_{name}"
        for kind in ("siglip", "siglip2")
        for size, name in _SIGLIP.items()
    },
    "google/vit-base-patch16-224-in21k": "vit_base_patch16_224.orig_in21k",
    "google/vit-large-patch16-224-in21k": "vit_large_patch16_224.orig_in21k",
    "google/vit-huge-patch14-224-in21k": "vit_huge_patch14_224.orig_in21k",
}
"""Hub id to the canonical name of the same weights."""
