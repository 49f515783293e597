"""The loop that trains all heads over cached features, whatever the objective."""

import time
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ucls.batch_norm import share_batch_statistics
from ucls.devices import threads_for
from ucls.errors import UclsError, UsageError
from ucls.heads.collapse import collapsed_heads
from ucls.heads.layers import by_size
from ucls.heads.protocol import Heads
from ucls.heads.rebuild import NETWORKS
from ucls.heads.rows import AllRows, SharedRows
from ucls.objectives.building import Task
from ucls.objectives.protocol import Batch, Epoch, Objective
from ucls.objectives.registry import build_objective
from ucls.optimizer import AdamW
from ucls.preparation.columns import CHUNK
from ucls.progress import SILENT, Advance, Reporter, ignore_progress
from ucls.ranks import average_gradients, world_size
from ucls.schedules import scale_to_batch, warmup_cosine
from ucls.settings.config import TrainConfig, required
from ucls.tables import AnyFeatures
from ucls.training.compiled import CompiledLosses
from ucls.training.standstill import SAMPLE, interval, moved_share
from ucls.training.training_set import TrainingSet
from ucls.types import NeighborGraph

State = dict[str, torch.Tensor]
Features = npt.NDArray[np.floating]


class EpochRecord(NamedTuple):
    """What one epoch did; a line of ``train.jsonl``."""

    epoch: int
    loss: float
    head_losses: list[float]
    learning_rate: float
    seconds: float
    images_per_second: float
    moved: float | None = None
    """Share of the images that changed their cluster since the heads were last looked at."""
    collapsed: dict[int, str] | None = None
    """Heads that have collapsed, each with the reason, where the heads were looked at."""


class Prediction(NamedTuple):
    """Each head's cluster for each image."""

    labels: npt.NDArray[np.int32]
    """[R, N], below the clusters of each head."""
    confidence: npt.NDArray[np.float16]
    """[R, N], the probability of that cluster."""


class HeadTrainer:
    """Trains some heads at the same time.

    Every epoch draws from a generator seeded by (seed, epoch), so a training that is resumed
    from its :meth:`state` continues exactly as if it had never stopped.

    Args:
        data: what they are trained on.
        config: all fields set, as :func:`ucls.settings.fitting.autoconfigure` leaves them.
        n_clusters: C.
        seed: of the initial weights and of all draws.
        spaces: width of each feature space; they sum to D. None, or with fewer inputs: one.
        reporter: is told what keeps a long training on a GPU from being compiled.
    """

    def __init__(
        self,
        data: TrainingSet,
        config: TrainConfig,
        *,
        n_clusters: int,
        seed: int,
        spaces: Sequence[int] | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        self.data, self.config, self.seed = data, config, seed
        self.batch_size = min(required(config.batch_size), len(data))
        self.steps_per_epoch = len(data) // self.batch_size
        self.n_epochs = required(config.epochs)
        self.epoch = 0
        chosen = np.random.default_rng(seed).permutation(len(data))[:SAMPLE]
        self.sample = torch.from_numpy(np.sort(chosen)).to(data.device)
        n_inputs = data.inputs.n_inputs
        if spaces is None or n_inputs < data.n_features:
            spaces = (n_inputs,)
        task = Task(len(data), n_inputs, n_clusters, tuple(spaces), seed)
        self.objective: Objective = build_objective(config, task)
        self._module.to(data.device)
        self.losses = CompiledLosses(self.objective, reporter=reporter)
        self.optimizer = AdamW(
            self.objective.weights(), self.objective.biases(), weight_decay=config.weight_decay
        )
        self.is_shared = config.parallel == "data" and world_size() > 1
        if self.is_shared:
            self._share()
        self.seen: torch.Tensor | None = None
        self.head_losses = torch.full((self.n_all_heads,), torch.inf, device=data.device)

    @classmethod
    def on(
        cls,
        features: Features,
        graph: NeighborGraph,
        config: TrainConfig,
        *,
        n_clusters: int,
        seed: int,
        device: torch.device,
        spaces: Sequence[int] | None = None,
    ) -> Self:
        """Trains on a copy of features; the arguments are those of both classes."""
        data = TrainingSet(features.copy(), graph, config, n_clusters=n_clusters, device=device)
        return cls(data, config, n_clusters=n_clusters, seed=seed, spaces=spaces)

    def _share(self) -> None:
        """Lets all processes see a part of each batch.

        Raises:
            UsageError: if it cannot be divided evenly.
        """
        if self.batch_size % world_size():
            raise UsageError(
                f"a batch of {self.batch_size} images cannot be divided evenly among "
                f"{world_size()} processes: take a multiple with --set train.batch_size"
            )
        share_batch_statistics(self._module)

    @property
    def head_clusters(self) -> list[int]:
        """Clusters of each of the R heads; those of the first size come first."""
        heads = self.objective.heads
        return [size for size in heads.sizes for _ in range(heads.n_heads)]

    @property
    def n_all_heads(self) -> int:
        """R, heads in all."""
        return len(self.head_clusters)

    @property
    def n_entries(self) -> int:
        """Of what the widest layer of all heads makes of a batch."""
        heads = self.objective.heads
        return heads.n_heads * self.batch_size * max(self.config.hidden_dim or 0, sum(heads.sizes))

    def train_epoch(self, advance: Advance = ignore_progress) -> EpochRecord:
        """Goes once through the images, telling ``advance`` of every batch.

        Raises:
            UclsError: if a head's loss is no longer finite.
        """
        started = time.perf_counter()
        generator = torch.Generator(self.data.device)
        generator.manual_seed(epoch_seed(self.seed, self.epoch))
        order = self.objective.start_epoch(self.describe_epoch(generator))
        losses = torch.zeros_like(self.head_losses)
        self.train_mode(True)
        with threads_for(self.n_entries):
            batches = torch.split(order, self.batch_size, dim=-1)[: self.steps_per_epoch]
            first = self.epoch * self.steps_per_epoch
            for i, (rows, following) in enumerate(zip_longest(batches, batches[1:])):
                losses += self.step(rows, first + i, generator, following=following)
                advance(self.batch_size)
        self.head_losses = losses / self.steps_per_epoch
        self.epoch += 1
        if not bool(self.head_losses.isfinite().all()):
            heeded = self.config.teacher_temperature is not None
            raise UclsError(
                f"the training loss is no longer finite in epoch {self.epoch}; lower "
                f"train.learning_rate{' or raise train.teacher_temperature' if heeded else ''}"
            )
        seconds = time.perf_counter() - started
        seconds_left = seconds * (self.n_epochs - self.epoch)
        # No graph holds what processes tell each other.
        if not self.is_shared and self.losses.pays(self.data.device, seconds_left):
            self.losses.compile(self.draw(order[..., : self.batch_size], 0, generator))
        return self._record(seconds)

    def describe_epoch(self, generator: torch.Generator) -> Epoch:
        """What the objective may know before the next epoch."""
        n_first = self.objective.heads.n_heads
        return Epoch(
            n_images=len(self.data),
            progress=self.epoch / self.n_epochs,
            generator=generator,
            predict=lambda: self._predict(self.data.chunks())[0][:n_first],
        )

    def _look_at_heads(self) -> tuple[float | None, dict[int, str] | None]:
        """How many images moved and which heads have collapsed, every few epochs and at the end."""
        if self.epoch % interval(self.n_epochs) and self.epoch < self.n_epochs:
            return None, None
        labels = self._predict([self.data.stored[0, self.sample]])[0].int()
        moved = None if self.seen is None else moved_share(self.seen, labels)
        self.seen = labels
        most = np.minimum(self.head_clusters, self.data.n_distinct)
        return moved, collapsed_heads(labels.cpu().numpy(), most)

    def _record(self, seconds: float) -> EpochRecord:
        moved, collapsed = self._look_at_heads()
        head_losses = self.head_losses.tolist()
        return EpochRecord(
            epoch=self.epoch,
            loss=sum(head_losses) / len(head_losses),
            head_losses=head_losses,
            learning_rate=self.optimizer.learning_rate,
            seconds=seconds,
            images_per_second=self.steps_per_epoch * self.batch_size / seconds,
            moved=moved,
            collapsed=collapsed,
        )

    def step(
        self,
        rows: torch.Tensor,
        step: int,
        generator: torch.Generator,
        *,
        following: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Takes one optimiser step.

        Args:
            rows: the images, int64 [B]; [H, B] where each head has its own.
            step: counted from the start of the training.
            generator: of all draws.
            following: the images of the next step.

        Returns:
            The loss of each head, [R].
        """
        self.optimizer.learning_rate = self.learning_rate(step)
        # Before the losses: a CUDA graph gives the gradients the memory of those before.
        self.optimizer.zero_grad()
        head_losses = self.losses(self.draw(rows, step, generator, following=following))
        head_losses.mean().backward()  # type: ignore[no-untyped-call]
        if self.is_shared:
            average_gradients(self._module.parameters())
        self.optimizer.step()
        self.objective.after_step()
        return head_losses.detach()

    def draw(
        self,
        rows: torch.Tensor,
        step: int,
        generator: torch.Generator,
        *,
        following: torch.Tensor | None = None,
    ) -> Batch:
        """Draws what a step works on; the arguments are those of :meth:`step`."""
        views = self.data.views.draw(
            rows, self.objective.n_partners, generator, following=following
        )
        return Batch(rows, views, step / (self.n_epochs * self.steps_per_epoch), generator)

    def learning_rate(self, step: int) -> float:
        """The learning rate at a step counted from the start of the training."""
        rate = warmup_cosine(
            step,
            peak=required(self.config.learning_rate),
            final=self.config.final_learning_rate,
            warmup_steps=required(self.config.warmup_epochs) * self.steps_per_epoch,
            total_steps=self.n_epochs * self.steps_per_epoch,
        )
        return scale_to_batch(rate, self.batch_size)

    def predict(self, features: AnyFeatures) -> Prediction:
        """Labels plain ``features`` [N, D] with every head, in float32."""
        device = self.data.device
        inputs = (
            self.data.inputs(torch.as_tensor(features[start : start + CHUNK]).to(device).float())
            for start in range(0, len(features), CHUNK)
        )
        return _as_prediction(*self._predict(inputs))

    def predict_own(self) -> Prediction:
        """Labels the images that it trains on."""
        return _as_prediction(*self._predict(self.data.chunks()))

    @torch.no_grad()
    def _predict(self, chunks: Iterable[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Labels [R, N] of chunks [n, d] of inputs, and the probabilities of these."""
        self.train_mode(False)
        heads = self.objective.heads
        parts = []
        for inputs in chunks:
            logits = heads(inputs) / self.objective.temperature
            best = [part.softmax(dim=-1).max(dim=-1) for part in by_size(logits, heads.sizes)]
            indices = torch.cat([found.indices for found in best])
            parts.append((indices, torch.cat([found.values for found in best])))
        return torch.cat([p[0] for p in parts], dim=1), torch.cat([p[1] for p in parts], dim=1)

    def train_mode(self, on: bool, /) -> None:
        """Switches batch norms between the statistics of a batch and those of the training."""
        self._module.train(on)
        rows = SharedRows() if on and self.is_shared else AllRows()
        for module in self._module.modules():
            if isinstance(module, tuple(NETWORKS.values())):
                cast("Heads", module).rows = rows

    @property
    def _module(self) -> nn.Module:
        return cast("nn.Module", self.objective)

    def trained_state(self) -> State:
        """The heads and what lies before them: what ``heads.safetensors`` holds."""
        heads = cast("nn.Module", self.objective.heads)
        return {**named_state("heads", heads), **self.data.inputs.state_dict()}

    def state(self) -> State:
        """Everything that :meth:`load_state` needs to continue after the current epoch.

        The tensors are the trainer's own: copy or write them before it goes on.
        """
        return {
            **named_state("objective", self._module),
            **{f"optimizer.{name}": value for name, value in self.optimizer.state().items()},
            "epoch": torch.tensor(self.epoch),
            "head_losses": self.head_losses,
            **({} if self.seen is None else {"seen": self.seen}),
        }

    def load_state(self, state: State) -> None:
        """Continues from an earlier :meth:`state` of a trainer with the same arguments."""
        self._module.load_state_dict(with_prefix(state, "objective"))
        self.optimizer.load_state(with_prefix(state, "optimizer"))
        self.epoch = int(state["epoch"])
        self.head_losses = state["head_losses"].to(self.data.device)
        self.seen = state["seen"].to(self.data.device) if "seen" in state else None


def _as_prediction(labels: torch.Tensor, confidence: torch.Tensor) -> Prediction:
    return Prediction(labels.int().cpu().numpy(), confidence.half().cpu().numpy())


def epoch_seed(seed: int, epoch: int) -> int:
    """A seed of its own for every epoch of every run."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])


def named_state(name: str, module: nn.Module) -> State:
    """The state of a module, under names that begin with its own."""
    return {f"{name}.{key}": value for key, value in module.state_dict().items()}


def with_prefix(state: State, prefix: str) -> State:
    """The part of a state under one name, with that name removed."""
    return {
        key.removeprefix(f"{prefix}."): value
        for key, value in state.items()
        if key.startswith(f"{prefix}.")
    }
