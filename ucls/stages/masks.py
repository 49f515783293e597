"""Finding the foreground of images without labels."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError
from ucls.images.sets import ImageSet
from ucls.masks.folder import is_fresh, mask_paths, write_mask
from ucls.masks.record import MasksRecord
from ucls.progress import SILENT, Reporter
from ucls.report.mask_sheet import overlay, write_sheet
from ucls.settings.extraction import fitting_workers
from ucls.settings.masks import METHODS, MasksConfig, read_masks_config
from ucls.sources import GivenSource, open_source

if TYPE_CHECKING:
    from ucls.masks.protocol import Masker
    from ucls.pretraining.pixels import PixelBatch

SHEET = "overlays.html"
ON_SHEET = 48
"""Images on the page, evenly taken."""


class Masked(NamedTuple):
    """Masks of a source."""

    path: Path
    """Their folder."""
    n_written: int
    n_kept: int
    """Those that were there."""
    n_full: int
    """Of the written ones, those that are all foreground or none."""


def masks(
    source: GivenSource,
    *,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Masked:
    """Writes a mask of the foreground for each training image of a source.

    Needs nothing; leaves, for ``a/b.jpg``, ``a/b.png`` of the same width and height, 255 where the
    foreground is and 0 elsewhere, ``masks.json`` and ``overlays.html``. Masks that are there and no
    older than their image are kept, so that what was stopped goes on.

    Args:
        source: images, see :func:`ucls.sources.load_source`.
        out: the folder; None for ``runs/NAME-masks``.
        settings: fields of :class:`ucls.settings.masks.MasksConfig`, and options of the method.
        overwrite: make all masks anew.
        reporter: shown what happens.

    Raises:
        UsageError: if the source or the settings are wrong.
        MismatchError: if the folder holds masks that were made otherwise.
        UclsError: if there are no weights to be had.
    """
    opened = open_source(source)
    images = opened.splits["train"]
    if not isinstance(images, ImageSet):
        raise UsageError(f"{opened.name} holds features, but masks need images")
    images = images.of_classes(opened.classes)
    config = read_masks_config(settings or {})
    folder = Path(out or Path("runs") / f"{opened.name}-masks")
    paths = mask_paths(folder, images.paths)
    method = METHODS[config.method]
    masker: Masker = resolve_name(method.build)(
        config, method.options.model_validate(config.options)
    )
    record = MasksRecord(folder, config, masker.weights_hash)
    may_stay = record.begin(overwrite=overwrite)
    is_kept = is_fresh(images, paths) if may_stay else np.zeros(len(paths), bool)
    n_written = n_full = 0
    if is_kept.all():
        reporter.say(f"masks: all {len(paths):,} in {folder} are there already")
    else:
        # It is missing until all masks are there, so that a kill leaves none of other masks.
        (folder / SHEET).unlink(missing_ok=True)
        n_written, n_full = _Writer(images, paths, masker, reporter).write(is_kept, config)
    if not (folder / SHEET).is_file():
        _show(images, paths, folder)
    return Masked(folder, n_written, int(is_kept.sum()), n_full)


class _Writer:
    def __init__(
        self, images: ImageSet, paths: list[Path], masker: "Masker", reporter: Reporter
    ) -> None:
        self.images, self.paths, self.masker, self.reporter = images, paths, masker, reporter

    def write(self, is_kept: NDArray[np.bool_], config: MasksConfig) -> tuple[int, int]:
        """Returns how many masks were written, and how many of them are all or nothing."""
        n_written = n_full = 0
        total = (len(is_kept), "images")
        with self.reporter.track("masks", *total, done=int(is_kept.sum())) as advance:
            for batch in self._batches(is_kept, config.workers):
                wanted = np.flatnonzero(~is_kept[batch.rows])
                if not len(wanted):  # none of those without a mask can be read
                    continue
                soft = self.masker(batch.pixels).numpy()
                for place in wanted.tolist():
                    width, height = batch.sizes[place].tolist()
                    write_mask(
                        self.paths[batch.rows[place]],
                        soft[place],
                        size=(width, height),
                        threshold=self.masker.threshold,
                    )
                    share = (soft[place] > self.masker.threshold).mean()
                    n_full += bool(share in (0, 1))
                n_written += len(wanted)
                advance(len(wanted))
        return n_written, n_full

    def _batches(self, is_kept: NDArray[np.bool_], workers: int | None) -> Iterator["PixelBatch"]:
        """All images of each batch in which a mask is missing: some methods compare them."""
        from ucls.pretraining.pixels import Decoded, Stretch

        n_batches = -(-len(is_kept) // self.masker.batch_size)
        batches = np.array_split(np.arange(len(is_kept)), n_batches)
        return Decoded(
            self.images,
            Stretch(self.masker.image_size, self.masker.channels),
            workers=fitting_workers() if workers is None else workers,
            reporter=self.reporter,
        ).batches([rows for rows in batches if not is_kept[rows].all()])


def _show(images: ImageSet, paths: list[Path], folder: Path) -> None:
    rows = np.unique(np.linspace(0, len(paths) - 1, min(ON_SHEET, len(paths))).astype(int))
    write_sheet(
        folder / SHEET, _overlays(images, paths, rows.tolist()), title=f"Masks of {images.name}"
    )


def _overlays(
    images: ImageSet, paths: list[Path], rows: list[int]
) -> Iterator[tuple[str, Image.Image]]:
    for row in rows:
        if not paths[row].is_file():
            continue
        try:
            picture = images.read(row)
        except UnreadableImageError:
            continue
        with Image.open(paths[row]) as mask:
            yield images.paths[row], overlay(picture, mask)
