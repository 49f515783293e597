"""A page with some images and the foreground that was found in them."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from PIL import Image

from ucls.cache import atomic_write
from ucls.report.thumbnails import encode

SIDE = 200
"""Pixels of the longer side of a picture."""
COLOUR = (230, 60, 20)
_SHARE = 0.5
"""Of the colour in what it covers."""
_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:1.5rem}main{display:flex;flex-wrap:wrap;gap:1rem}"
    "figure{margin:0}figcaption{max-width:200px;overflow-wrap:anywhere;color:#555}"
)


def overlay(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """A picture with its foreground in colour.

    Args:
        picture: of mode ``RGB`` or ``L``.
        mask: of mode ``L``, 255 where the foreground is, of the same size.
    """
    colour = picture.convert("RGB")
    share = mask.point(lambda value: round(value * _SHARE))
    return Image.composite(Image.new("RGB", colour.size, COLOUR), colour, share)


def write_sheet(path: Path, pictures: Iterable[tuple[str, Image.Image]], *, title: str) -> None:
    """Writes a page that opens without a network.

    Args:
        path: of the HTML.
        pictures: each with its name.
        title: what is shown.

    Raises:
        UclsError: when the disk does not take it.
    """
    figures = [
        f'<figure><img alt="" src="data:image/webp;base64,{encode(picture, SIDE)}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, picture in pictures
    ]
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(title)}</title>'
    body = f"<style>{_STYLE}</style><h1>{escape(title)}</h1><main>{''.join(figures)}</main>\n"
    with atomic_write(path) as partial:
        partial.write_text(head + body, encoding="utf-8", errors="backslashreplace")
