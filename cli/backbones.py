"""``ucls backbones``: the backbones known by name."""

EXAMPLE = "ucls backbones"

_NOTES = """
The licence is that of the weights. (*) is on no hub and needs --weights FILE.
Also: pixels (the image itself, no weights), and any ViT of timm by its name
there, such as timm/vit_base_patch16_224. Weights come from the hub, or from
--weights FILE: .safetensors, or the checkpoint (.pth) of the original release;
--weights random is untrained, for trials."""


def command() -> None:
    """List the backbones that UCLS knows by name."""
    from rich.table import Table

    from ucls.backbones.names import BACKBONES
    from ucls.cli.console import new_console

    table = Table(show_edge=False, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for number in ("width", "patch", "size"):
        table.add_column(number, justify="right")
    table.add_column("licence", no_wrap=True)
    table.add_column("pretrained by", no_wrap=True)
    for info in BACKBONES.values():
        name = info.name if info.is_hosted else f"{info.name} (*)"
        sizes = (str(info.width), str(info.patch_size), str(info.image_size))
        table.add_row(name, *sizes, info.license, info.family)
    new_console().print(table)
    print(_NOTES)
