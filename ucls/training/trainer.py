"""The loop that trains all heads over cached features, whatever the objective."""

import time
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ucls.errors import UclsError, UsageError
from ucls.feature_sets import count_distinct
from ucls.heads.collapse import collapsed_heads
from ucls.heads.layers import by_size
from ucls.objectives.building import Task
from ucls.objectives.protocol import Batch, Epoch, Objective
from ucls.objectives.registry import build_objective
from ucls.progress import Advance, ignore_progress
from ucls.schedules import scale_to_batch, warmup_cosine
from ucls.settings.config import TrainConfig, required
from ucls.training.sampling import NeighborSampler
from ucls.training.scale import CHUNK, ColumnStatistics
from ucls.training.standstill import SAMPLE, head_agreement, interval
from ucls.training.views import ViewKind, ViewSampler
from ucls.types import NeighborGraph

PREDICTION_CHUNK = 4096

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
    agreement: float | None = None
    """Mean NMI of each head with the next one, where the heads were looked at."""
    collapsed: dict[int, str] | None = None
    """Heads that have collapsed, each with the reason, where the heads were looked at."""


class Prediction(NamedTuple):
    """Each head's cluster for each image."""

    labels: npt.NDArray[np.int32]
    """[R, N], below the clusters of each head."""
    confidence: npt.NDArray[np.float16]
    """[R, N], the probability of that cluster."""


class HeadTrainer:
    """Trains all heads at the same time, with features and neighbours on the device.

    Every epoch draws from a generator seeded by (seed, epoch), so a training that is resumed
    from its :meth:`state` continues exactly as if it had never stopped.

    Args:
        features: float [N, D], or [V, N, D] with augmented views after the plain one; of any scale,
            as they are multiplied by ``scale``.
        graph: S_x of every image.
        config: all fields set, as :func:`ucls.settings.fitting.autoconfigure` leaves them.
        n_clusters: C.
        seed: of the initial weights and of all draws.
        device: where everything lives.
        spaces: width of each feature space; they sum to D. None: one.

    Attributes:
        scale: brings the mean variance of the plain view's columns to 1.

    Raises:
        UsageError: if the graph does not fit the features, an image has no neighbour, or augmented
            views are asked for and there are none.
    """

    def __init__(
        self,
        features: Features,
        graph: NeighborGraph,
        config: TrainConfig,
        *,
        n_clusters: int,
        seed: int,
        device: torch.device,
        spaces: Sequence[int] | None = None,
    ) -> None:
        views = torch.from_numpy(np.require(features, np.float32, "W"))
        views = views.to(device) if views.ndim == 3 else views[None].to(device)
        _check_views(views, graph, config)
        self.config, self.seed, self.device = config, seed, device
        self.features = views[0]
        kind: ViewKind = required(config.views)
        self.views = ViewSampler(views, NeighborSampler(graph, device), kind=kind)
        n_images, n_features = self.features.shape
        self.batch_size = min(required(config.batch_size), n_images)
        self.steps_per_epoch = n_images // self.batch_size
        self.n_epochs = required(config.epochs)
        self.epoch = 0
        chosen = np.random.default_rng(seed).permutation(n_images)[:SAMPLE]
        self.sample = torch.from_numpy(np.sort(chosen)).to(device)

        task = Task(n_images, n_features, n_clusters, tuple(spaces or (n_features,)), seed)
        self.objective: Objective = build_objective(config, task)
        # Without an affine part: the heads' first layer can learn that too, and the gradient
        # with respect to the features, a large product, is not needed.
        statistics = ColumnStatistics.of(torch.split(self.features, CHUNK))
        self.scale = statistics.scale
        self.normalize: nn.Module = (
            _batch_norm(statistics) if required(config.batch_norm) else nn.Identity()
        )
        cast("nn.Module", self.objective).to(device)
        self.optimizer = new_optimizer(self.objective, weight_decay=config.weight_decay)
        self.head_losses = torch.full((self.n_all_heads,), torch.inf, device=device)
        # No head can fill more clusters than there are different images.
        plain = features if features.ndim == 2 else features[0]
        self.n_distinct = count_distinct(plain, enough=max(self.head_clusters))

    @property
    def head_clusters(self) -> list[int]:
        """Clusters of each of the R heads; those of the first size come first."""
        heads = self.objective.heads
        return [size for size in heads.sizes for _ in range(heads.n_heads)]

    @property
    def n_all_heads(self) -> int:
        """R, heads in all."""
        return len(self.head_clusters)

    def train_epoch(self, advance: Advance = ignore_progress) -> EpochRecord:
        """Goes once through the images, telling ``advance`` of every batch.

        Raises:
            UclsError: if a head's loss is no longer finite.
        """
        started = time.perf_counter()
        generator = torch.Generator(self.device)
        generator.manual_seed(epoch_seed(self.seed, self.epoch))
        order = self.objective.start_epoch(self.describe_epoch(generator))
        losses = torch.zeros_like(self.head_losses)
        self.train_mode(True)
        for i in range(self.steps_per_epoch):
            rows = order[..., i * self.batch_size : (i + 1) * self.batch_size]
            losses += self.step(rows, self.epoch * self.steps_per_epoch + i, generator)
            advance(self.batch_size)
        self.head_losses = losses / self.steps_per_epoch
        self.epoch += 1
        if not bool(self.head_losses.isfinite().all()):
            heeded = self.config.teacher_temperature is not None
            raise UclsError(
                f"the training loss is no longer finite in epoch {self.epoch}; lower "
                f"train.learning_rate{' or raise train.teacher_temperature' if heeded else ''}"
            )
        return self._record(time.perf_counter() - started)

    def describe_epoch(self, generator: torch.Generator) -> Epoch:
        """What the objective may know before the next epoch."""
        n_first = self.objective.heads.n_heads
        return Epoch(
            n_images=len(self.features),
            progress=self.epoch / self.n_epochs,
            generator=generator,
            predict=lambda: self._predict(self.features)[0][:n_first],
        )

    def _look_at_heads(self) -> tuple[float | None, dict[int, str] | None]:
        """How far the heads agree and which have collapsed, every few epochs and at the end."""
        if self.epoch % interval(self.n_epochs) and self.epoch < self.n_epochs:
            return None, None
        labels = self._predict(self.features[self.sample])[0].int().cpu().numpy()
        most = np.minimum(self.head_clusters, self.n_distinct)
        return head_agreement(labels), collapsed_heads(labels, most)

    def _record(self, seconds: float) -> EpochRecord:
        agreement, collapsed = self._look_at_heads()
        head_losses = self.head_losses.tolist()
        return EpochRecord(
            epoch=self.epoch,
            loss=sum(head_losses) / len(head_losses),
            head_losses=head_losses,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            seconds=seconds,
            images_per_second=self.steps_per_epoch * self.batch_size / seconds,
            agreement=agreement,
            collapsed=collapsed,
        )

    def step(self, rows: torch.Tensor, step: int, generator: torch.Generator) -> torch.Tensor:
        """Takes one optimiser step.

        Args:
            rows: the images, int64 [B]; [H, B] where each head has its own.
            step: counted from the start of the training.
            generator: of all draws.

        Returns:
            The loss of each head, [R].
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(step)
        views = self.views.draw(rows, self.objective.n_partners, generator).mul_(self.scale)
        normalized = self.normalize(views.flatten(0, -2)).view_as(views)
        progress = step / (self.n_epochs * self.steps_per_epoch)
        head_losses = self.objective(Batch(rows, normalized, progress, generator))
        self.optimizer.zero_grad()
        head_losses.mean().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.objective.after_step()
        return head_losses.detach()

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

    def predict(self, features: Features) -> Prediction:
        """Labels plain ``features`` [N, D] with every head, in float32."""
        labels, confidence = self._predict(torch.as_tensor(features, dtype=torch.float32))
        return Prediction(labels.int().cpu().numpy(), confidence.half().cpu().numpy())

    @torch.no_grad()
    def _predict(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Labels [R, N] and the probabilities of these."""
        self.train_mode(False)
        heads = self.objective.heads
        parts = []
        for chunk in features.split(PREDICTION_CHUNK):  # type: ignore[no-untyped-call]
            inputs = self.normalize(chunk.to(self.device) * self.scale)
            logits = heads(inputs) / self.objective.temperature
            best = [part.softmax(dim=-1).max(dim=-1) for part in by_size(logits, heads.sizes)]
            indices = torch.cat([found.indices for found in best])
            parts.append((indices, torch.cat([found.values for found in best])))
        return torch.cat([p[0] for p in parts], dim=1), torch.cat([p[1] for p in parts], dim=1)

    def train_mode(self, on: bool, /) -> None:
        """Switches batch norms between the statistics of a batch and those of the training."""
        for module in self._modules.values():
            module.train(on)

    @property
    def _modules(self) -> dict[str, nn.Module]:
        return {"objective": cast("nn.Module", self.objective), "batch_norm": self.normalize}

    def trained_state(self) -> State:
        """The heads and the batch norm before them: what ``heads.safetensors`` holds."""
        heads = cast("nn.Module", self.objective.heads)
        return module_state({"heads": heads, "batch_norm": self.normalize})

    def state(self) -> State:
        """Everything that :meth:`load_state` needs to continue after the current epoch.

        The tensors are the trainer's own: copy or write them before it goes on.
        """
        slots = self.optimizer.state_dict()["state"]
        return {
            **module_state(self._modules),
            **{f"optimizer.{i}.{key}": v for i, slot in slots.items() for key, v in slot.items()},
            "epoch": torch.tensor(self.epoch),
            "head_losses": self.head_losses,
        }

    def load_state(self, state: State) -> None:
        """Continues from an earlier :meth:`state` of a trainer with the same arguments."""
        for name, module in self._modules.items():
            module.load_state_dict(with_prefix(state, name))
        slots: dict[int, State] = {}
        for name, value in with_prefix(state, "optimizer").items():
            index, key = name.split(".")
            # The optimiser would otherwise train in the caller's tensors.
            slots.setdefault(int(index), {})[key] = value.clone()
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": slots, "param_groups": groups})
        self.epoch = int(state["epoch"])
        self.head_losses = state["head_losses"].to(self.device)


def _batch_norm(statistics: ColumnStatistics) -> nn.BatchNorm1d:
    """Batch norm that knows the data before the first batch, for whoever asks the heads then."""
    normalize = nn.BatchNorm1d(len(statistics.mean), affine=False).to(statistics.mean.device)
    normalize.running_mean = statistics.centre
    normalize.running_var = (statistics.variance * statistics.scale**2).float()
    return normalize


def _check_views(views: torch.Tensor, graph: NeighborGraph, config: TrainConfig) -> None:
    n_views, n_images, _ = views.shape
    if graph.n_images != n_images:
        raise UsageError(
            f"the graph is of {graph.n_images} images, but there are features of "
            f"{n_images}; build it of the same features"
        )
    if config.views in ("augmented", "both") and n_views == 1:
        raise UsageError(
            f"train.views is {config.views}, but no augmented views are cached; extract them with "
            "--views 2, or choose train.views=neighbor"
        )


def new_optimizer(objective: Objective, *, weight_decay: float) -> torch.optim.AdamW:
    """AdamW on all weights; biases do not decay."""
    groups = [
        {"params": objective.weights(), "weight_decay": weight_decay},
        {"params": objective.biases(), "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, fused=True)


def epoch_seed(seed: int, epoch: int) -> int:
    """A seed of its own for every epoch of every run."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])


def module_state(modules: dict[str, nn.Module]) -> State:
    """The state of several modules under dotted names."""
    return {
        f"{name}.{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }


def with_prefix(state: State, prefix: str) -> State:
    """The part of a state under one name, with that name removed."""
    return {
        key.removeprefix(f"{prefix}."): value
        for key, value in state.items()
        if key.startswith(f"{prefix}.")
    }
