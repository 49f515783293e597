"""Pictures of shapes, to show what a page looks like without anyone's photographs."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SHAPES = ("circle", "square", "triangle", "star", "ring", "stripes", "cross", "crescent")
COLOURS = (
    (214, 84, 72), (66, 133, 190), (236, 178, 62), (92, 160, 96), (146, 104, 176), (72, 176, 170),
)  # fmt: skip
GROUNDS = ((246, 240, 228), (38, 50, 66), (206, 222, 214))
OVERSAMPLED = 2


def draw(kind: int, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A shape in a colour on a ground, as its kind has it, somewhere, turned and of some size.

    Args:
        kind: kinds below 8 differ in shape; 8, 16, ... more in colour and ground too.
        rng: of place, angle and grain.
        size: width and height in pixels.
    """
    shape, turn = SHAPES[kind % len(SHAPES)], kind // len(SHAPES)
    colour = np.array(COLOURS[(kind + 3 * turn) % len(COLOURS)]) + rng.integers(-14, 15, 3)
    ground = np.array(GROUNDS[(kind + turn) % len(GROUNDS)]) + rng.integers(-8, 9, 3)
    width, height = (OVERSAMPLED * side for side in size)
    mask = Image.new("L", (width, height))
    radius = min(width, height) * rng.uniform(0.26, 0.36)
    centre = np.array([width, height]) / 2 + rng.uniform(-0.12, 0.12, 2) * radius
    _draw_shape(ImageDraw.Draw(mask), shape, centre, radius)
    mask = mask.rotate(rng.uniform(-14, 14), center=(float(centre[0]), float(centre[1])))
    mask = mask.resize(size, Image.Resampling.LANCZOS)
    shadow = mask.filter(ImageFilter.GaussianBlur(size[1] / 40))
    light = np.linspace(1.08, 0.9, size[1])[:, None, None]
    pixels = np.broadcast_to(ground, (size[1], size[0], 3)) * light
    pixels = pixels * (1 - 0.25 * _share(shadow))
    pixels = pixels * (1 - _share(mask)) + colour * light * _share(mask)
    pixels += rng.normal(0, 5, (size[1], size[0], 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _share(mask: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(mask, np.float64)[..., None] / 255


def _draw_shape(
    pen: ImageDraw.ImageDraw,
    shape: str,
    centre: np.ndarray[tuple[int], np.dtype[np.float64]],
    radius: float,
) -> None:
    x, y = centre.tolist()
    box = (x - radius, y - radius, x + radius, y + radius)
    match shape:
        case "circle":
            pen.ellipse(box, fill=255)
        case "square":
            side = 0.85 * radius
            pen.rectangle((x - side, y - side, x + side, y + side), fill=255)
        case "ring":
            pen.ellipse(box, outline=255, width=int(radius / 2.6))
        case "stripes":
            for place in (-0.8, -0.1, 0.6):
                top = y + place * radius
                pen.rectangle((x - radius, top, x + radius, top + 0.35 * radius), fill=255)
        case "cross":
            pen.rectangle((x - radius, y - 0.3 * radius, x + radius, y + 0.3 * radius), fill=255)
            pen.rectangle((x - 0.3 * radius, y - radius, x + 0.3 * radius, y + radius), fill=255)
        case "crescent":
            pen.ellipse(box, fill=255)
            away = 0.55 * radius
            pen.ellipse(
                (box[0] + away, box[1] - 0.1 * radius, box[2] + away, box[3] - 0.1 * radius), fill=0
            )
        case _:
            pen.polygon(_corners(3 if shape == "triangle" else 5, x, y, radius), fill=255)


def _corners(n: int, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Of a triangle, or of a star with n points."""
    is_star = n == 5
    angles = np.pi * np.arange(n * (1 + is_star)) * (2 - is_star) / n - np.pi / 2
    radii = np.where(np.arange(len(angles)) % 2 == 1, 0.42, 1.0) if is_star else np.ones(n)
    return [
        (float(x + radius * r * np.cos(a)), float(y + radius * r * np.sin(a)))
        for a, r in zip(angles, radii, strict=True)
    ]
