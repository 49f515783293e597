"""The training of a network, from wherever it was stopped.

All that is random follows from the seed, the epoch and the step, so that a training that was
stopped goes on as if it had not been.

Shapes: B images of a batch.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ucls.errors import UclsError, UsageError
from ucls.pretraining.checkpoint import Checkpoint, Place
from ucls.pretraining.draws import Draws
from ucls.pretraining.measuring import Measurer
from ucls.pretraining.optimizers import build_optimizer, rate_at, set_rate
from ucls.pretraining.pixels import PixelBatch, Pixels
from ucls.pretraining.protocol import Batch, Epoch, Method
from ucls.pretraining.views import MultiCrop
from ucls.progress import Reporter
from ucls.ranks import agreed, average_gradients, rank, summed, world_size
from ucls.settings.config import required
from ucls.settings.pretraining import PretrainConfig

NOTICE_AFTER = 0.05
"""Share of the training after which a collapse is told; before, little is learned."""
STEPS_BEFORE_NOTICE = 40
"""At least: batch norms start from means that are not those of the images, and all look alike."""
_EPOCH, _STEP = 1_000_003, 7_919


class Training:
    """A method on its images.

    Args:
        method: on the device, in training mode.
        pixels: to learn from.
        config: all fields set.
        crops: that make views.
        measurer: says how good the network is after an epoch.
        checkpoint: of what is unfinished.
        device: where to compute.
        reporter: shown what happens.

    Raises:
        UsageError: if batches are too small for the method, or do not fall to the ranks evenly.
    """

    def __init__(
        self,
        method: Method,
        pixels: Pixels,
        config: PretrainConfig,
        *,
        crops: MultiCrop,
        measurer: Measurer,
        checkpoint: Checkpoint,
        device: torch.device,
        reporter: Reporter,
    ) -> None:
        self.method, self.pixels, self.crops, self.config = method, pixels, crops, config
        self.measurer, self.checkpoint = measurer, checkpoint
        self.device, self.reporter = device, reporter
        self.batch_size = required(config.batch_size)
        parts = config.accumulation * world_size()
        if self.batch_size % parts:
            raise UsageError(
                f"a batch of {self.batch_size} images cannot be divided into {parts} equal parts "
                "(processes times accumulation): take a multiple"
            )
        method.check_batch(self.batch_size // config.accumulation)
        self.n_steps = len(pixels.rows) // self.batch_size
        if not self.n_steps:
            raise UsageError(
                f"only {len(pixels.rows)} images can be read, fewer than one batch of "
                f"{self.batch_size}: take smaller batches with --set batch_size="
            )
        self.optimizer = build_optimizer(
            method.parameters(), config, steady=method.steady_parameters()
        )

    def train(self) -> list[str]:
        """Trains all epochs that are left; returns a line of JSON for each epoch.

        Raises:
            UclsError: if the loss is no finite number.
        """
        place = self.checkpoint.restore(self.method, self.optimizer)
        epochs = required(self.config.epochs)
        done = place.epoch * self.n_steps + place.step
        if done:
            self.reporter.say(
                f"pretrain: goes on at epoch {place.epoch + 1}, step {place.step + 1}"
            )
        images = (epochs * self.n_steps * self.batch_size, "images")
        with self.reporter.track("pretrain", *images, done=done * self.batch_size) as advance:
            while place.epoch < epochs:
                for step, loss in self._steps(place):
                    place = place._replace(step=step + 1, loss=place.loss + loss)
                    advance(self.batch_size, epoch=str(place.epoch + 1), loss=loss)
                    if self.checkpoint.is_due():
                        self.checkpoint.save(self.method, self.optimizer, place)
                place = self._finish_epoch(place)
        return list(place.log)

    def _finish_epoch(self, place: Place) -> Place:
        self.method.finish_epoch()
        is_last = place.epoch + 1 == required(self.config.epochs)
        figures: dict[str, Any] = {
            "epoch": place.epoch + 1,
            "loss": place.loss / self.n_steps,
            "learning_rate": self._rate(place.epoch, self.n_steps - 1),
            **self.measurer.measure(self.method),
        }
        after = Place(place.epoch + 1, 0, 0.0, (*place.log, json.dumps(figures)))
        if not is_last:
            self.checkpoint.save(self.method, self.optimizer, after)
        return after

    def _steps(self, place: Place) -> Iterator[tuple[int, float]]:
        epoch = Epoch(
            place.epoch,
            rows=torch.from_numpy(self.pixels.rows),
            generator=torch.Generator().manual_seed(self._seed(place.epoch, 0)),
            predict=self._predict,
        )
        order = self.method.start_epoch(epoch).numpy()
        own = [
            part
            for step in range(place.step, self.n_steps)
            for part in self._parts(order[step * self.batch_size : (step + 1) * self.batch_size])
        ]
        batches = self.pixels.whole_batches(own)
        for step in range(place.step, self.n_steps):
            parts = [next(batches) for _ in range(self.config.accumulation)]
            yield step, self._step(place.epoch, step, parts)

    def _predict(self) -> Tensor:
        found = torch.zeros(len(self.pixels.rows), dtype=torch.int64)
        for rows, clusters in self.measurer.clusters(self.method):
            found[np.searchsorted(self.pixels.rows, rows)] = torch.from_numpy(clusters).long()
        return agreed(lambda: found)

    def _parts(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """What this rank gets of a batch, in the parts that go through the network one by one."""
        parts = np.split(rows, self.config.accumulation)
        return [np.split(part, world_size())[rank()] for part in parts]

    def _step(self, epoch: int, step: int, parts: Sequence[PixelBatch]) -> float:
        set_rate(self.optimizer, self._rate(epoch, step))
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for number, part in enumerate(parts):
            seed = self._seed(epoch, step + 1) + number
            torch.manual_seed(seed)  # of dropout
            loss = self._loss(part, seed) / len(parts)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(summed(loss.detach())) / world_size()
        if not np.isfinite(total):
            raise UclsError(
                f"the loss is {total} in epoch {epoch + 1}, step {step + 1}: take a lower rate, "
                f"such as --set learning_rate={required(self.config.learning_rate) / 4:g}"
            )
        average_gradients(self.method.parameters())
        self.optimizer.step()
        self.method.after_step()
        if self._is_time_to_look(epoch, step):
            self._look_for_collapse(parts[0])
        return total

    def _loss(self, part: PixelBatch, seed: int) -> Tensor:
        n_own = len(part.rows)
        own = slice(rank() * n_own, (rank() + 1) * n_own)
        draws = Draws(seed, n_own * world_size(), own)
        images = part.pixels.to(self.device, non_blocking=True)
        rows = torch.from_numpy(part.rows).to(self.device)
        views = self.crops(images, part.aspects, draws)
        with autocast(self.device, self.config.precision):
            return self.method.loss(Batch(views, rows))

    def _is_time_to_look(self, epoch: int, step: int) -> bool:
        total = required(self.config.epochs) * self.n_steps
        after = max(STEPS_BEFORE_NOTICE, int(NOTICE_AFTER * total))
        return epoch * self.n_steps + step == after

    def _look_for_collapse(self, part: PixelBatch) -> None:
        if note := self.measurer.collapse(self.method, part):
            self.reporter.warn(
                f"pretrain: {note}; if it stays so, stop, and take a lower --set learning_rate="
            )

    def _rate(self, epoch: int, step: int) -> float:
        number = epoch * self.n_steps + step
        return rate_at(number, config=self.config, steps_per_epoch=self.n_steps)

    def _seed(self, epoch: int, step: int) -> int:
        return (self.config.seed * _EPOCH + epoch) * _EPOCH + step * _STEP


def autocast(device: torch.device, precision: str | None) -> AbstractContextManager[Any]:
    """The forward pass in the precision that the settings name."""
    if precision == "bfloat16" or (precision is None and device.type == "cuda"):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
