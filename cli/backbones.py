"""``ucls backbones``: the backbones known by name."""

EXAMPLE = "ucls backbones"

NUMBERS = ("width", "patch", "size")
LEAST_NEEDED = (("patch", "size"), ("pretrained by",), ("width",))

_NOTES = """
The licence is that of the weights. (*) is on no hub and needs --weights FILE.
Also: pixels (the image itself, no weights), any model of timm by its name
there, such as timm/vit_base_patch16_224 (one that is no ViT gives its pooled
vector, cls), and Hugging Face ids such as facebook/dinov2-small. Weights come
from the hub, or from --weights FILE: .safetensors, or the checkpoint (.pth) of
the original release; or from a folder as transformers, timm or OpenCLIP save it,
which needs no --backbone beside it. --weights random is untrained, for trials.
Any other image encoder can be had as ONNX: --backbone onnx:FILE."""


def command() -> None:
    """List the backbones that UCLS knows by name."""
    from ucls.backbones.names import BACKBONES
    from ucls.cli.console import print_table

    rows = [
        {
            "name": info.name if info.is_hosted else f"{info.name} (*)",
            "width": str(info.width),
            "patch": str(info.patch_size),
            "size": str(info.image_size),
            "licence": info.license,
            "pretrained by": info.family,
        }
        for info in BACKBONES.values()
    ]
    print_table(rows, LEAST_NEEDED, numbers=NUMBERS)
    print(_NOTES)
