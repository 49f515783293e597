"""The losses of a step as one graph, fused by ``torch.compile``, once that pays."""

import warnings
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

from ucls.objectives.protocol import Batch, Objective
from ucls.progress import SILENT, Reporter

PAYS_FROM = 120.0
"""Seconds that a training still takes on a GPU. A guess: half a minute of them to compile.

On a CPU it takes a minute, and the step gains nothing: 0.29 s after 63 s of compiling, against
0.23 s (10,000 images, 1,280 features, 100 clusters, 4 heads, one thread)."""
TRIALS = 3
"""The first compiles, and the next records the CUDA graphs that those after it play."""


class CompiledLosses:
    """Takes the losses of an objective, compiled from when :meth:`compile` has been called.

    Forward and backward pass are one graph each, without a word to the host in between, and on a
    GPU each is played as a CUDA graph. What a step draws, the optimiser and the moving average stay
    outside. Shapes are those of the first batch, and the progress is a tensor, so no step compiles
    anew.

    Args:
        objective: what is compiled; what can't be one graph stays as it is.
        reporter: is told where it stays, and why.
        backend: of ``torch.compile``.
    """

    def __init__(
        self,
        objective: Objective,
        *,
        reporter: Reporter = SILENT,
        backend: str | Callable[..., Any] = "inductor",
    ) -> None:
        self._objective, self._reporter, self._backend = objective, reporter, backend
        self._graph: Callable[..., torch.Tensor] | None = None
        self._is_tried = False

    @property
    def is_compiled(self) -> bool:
        """Whether the objective is compiled by now."""
        return self._graph is not None

    def __call__(self, batch: Batch) -> torch.Tensor:
        """The loss of each head, [R]; valid until the next call."""
        if self._graph is None:
            return self._objective(batch)
        if batch.views.is_cuda:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        # Filled on the device: copied from the host it would wait for it.
        progress = torch.full((), float(batch.progress), device=batch.views.device)
        return self._graph(batch.rows, batch.views, progress)

    def pays(self, device: torch.device, seconds_left: float) -> bool:
        """Whether to compile now that so much is left; once only."""
        return device.type == "cuda" and seconds_left > PAYS_FROM and not self._is_tried

    def compile(self, batch: Batch) -> None:
        """Compiles for batches like this one, which changes nothing that is learned.

        Where that fails the reporter is told, and all goes on as before.
        """
        self._is_tried = True

        def losses(rows: torch.Tensor, views: torch.Tensor, progress: torch.Tensor) -> torch.Tensor:
            # No graph holds what is drawn in between.
            return self._objective(Batch(rows, views, progress, cast("torch.Generator", None)))

        mode = "reduce-overhead" if self._backend == "inductor" else None
        module = cast("nn.Module", self._objective)
        kept = {name: buffer.clone() for name, buffer in module.named_buffers()}
        self._graph = torch.compile(
            losses, fullgraph=True, dynamic=False, backend=self._backend, mode=mode
        )
        try:
            with warnings.catch_warnings():
                # Advice on other settings of PyTorch.
                warnings.simplefilter("ignore")
                for _ in range(TRIALS):
                    module.zero_grad()
                    self(batch).mean().backward()  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes on without
            self._graph = None
            self._reporter.say(f"train: steps are not compiled, so they take longer: {_why(error)}")
        finally:
            module.zero_grad()
            for name, buffer in module.named_buffers():
                buffer.copy_(kept[name])


def _why(error: BaseException) -> str:
    """The first line of what lies at the bottom of an error."""
    while cause := error.__cause__ or getattr(error, "inner_exception", None):
        error = cause
    return (str(error).strip() or type(error).__name__).splitlines()[0]
