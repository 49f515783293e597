"""The teacher-student loop over cached features (thesis 5.1.1, 5.2)."""

import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ucls.config import TrainConfig, required
from ucls.errors import UclsError, UsageError
from ucls.graph import NeighborGraph
from ucls.heads import MultiHead
from ucls.objectives.temi import TemiObjective
from ucls.progress import Advance, ignore_progress
from ucls.sampling import NeighborSampler
from ucls.schedules import scale_to_batch, warmup_cosine

PREDICTION_CHUNK = 4096

State = dict[str, torch.Tensor]


class EpochRecord(NamedTuple):
    """What one epoch did; a line of ``train.jsonl``."""

    epoch: int
    loss: float
    head_losses: list[float]
    learning_rate: float
    seconds: float
    images_per_second: float


class Prediction(NamedTuple):
    """Each head's cluster for each image."""

    labels: npt.NDArray[np.int32]
    """[H, N], in 0..C-1."""
    confidence: npt.NDArray[np.float16]
    """[H, N], the teacher's probability of that cluster."""


class HeadTrainer:
    """Trains all heads at the same time, with features and neighbours on the device.

    Every epoch draws from a generator seeded by (seed, epoch), so a training that is resumed
    from its :meth:`state` continues exactly as if it had never stopped.

    Args:
        features: float [N, D].
        graph: S_x of every image.
        config: all fields set, as :func:`ucls.autoconfig.autoconfigure` leaves them.
        n_clusters: C.
        seed: of the initial weights and of all draws.
        device: where everything lives.

    Raises:
        UsageError: if the graph does not fit the features, or an image has no neighbour.
    """

    def __init__(
        self,
        features: npt.NDArray[np.floating],
        graph: NeighborGraph,
        config: TrainConfig,
        *,
        n_clusters: int,
        seed: int,
        device: torch.device,
    ) -> None:
        if graph.n_images != len(features):
            raise UsageError(
                f"the graph is of {graph.n_images} images, but there are features of "
                f"{len(features)}; build it of the same features"
            )
        self.config, self.seed, self.device = config, seed, device
        self.features = torch.as_tensor(features, dtype=torch.float32).to(device)
        self.sampler = NeighborSampler(graph, device)
        n_images, n_features = self.features.shape
        self.batch_size = min(required(config.batch_size), n_images)
        self.steps_per_epoch = n_images // self.batch_size
        self.n_epochs = required(config.epochs)
        self.epoch = 0

        n_heads = required(config.n_heads)
        self.student = self._new_heads(n_features, n_clusters)
        self.teacher = self._new_heads(n_features, n_clusters).requires_grad_(False)
        # Without an affine part: the heads' first layer can learn that too, and the gradient
        # with respect to the features, a large product, is not needed.
        self.normalize: nn.Module = (
            nn.BatchNorm1d(n_features, affine=False) if config.batch_norm else nn.Identity()
        )
        self.objective = TemiObjective(config, n_heads=n_heads, n_clusters=n_clusters)
        self.normalize.to(device)
        self.objective.to(device)
        self.optimizer = new_optimizer(self.student, weight_decay=config.weight_decay)
        self.head_losses = torch.full((n_heads,), torch.inf, device=device)

    def _new_heads(self, n_features: int, n_clusters: int) -> MultiHead:
        return MultiHead(
            required(self.config.n_heads),
            n_features,
            n_clusters,
            hidden_dim=required(self.config.hidden_dim),
            bottleneck_dim=required(self.config.bottleneck_dim),
            generator=torch.Generator().manual_seed(self.seed),
        ).to(self.device)

    def train_epoch(self, advance: Advance = ignore_progress) -> EpochRecord:
        """Goes once through the images, telling ``advance`` of every batch.

        Raises:
            UclsError: if a head's loss is no longer finite.
        """
        started = time.perf_counter()
        generator = torch.Generator(self.device)
        generator.manual_seed(epoch_seed(self.seed, self.epoch))
        order = torch.randperm(len(self.features), generator=generator, device=self.device)
        losses = torch.zeros_like(self.head_losses)
        self.normalize.train()
        for i in range(self.steps_per_epoch):
            rows = order[i * self.batch_size : (i + 1) * self.batch_size]
            losses += self.step(rows, self.epoch * self.steps_per_epoch + i, generator)
            advance(self.batch_size)
        self.head_losses = losses / self.steps_per_epoch
        self.epoch += 1
        if not bool(self.head_losses.isfinite().all()):
            raise UclsError(
                f"the training loss is no longer finite in epoch {self.epoch}; lower "
                "train.learning_rate or raise train.teacher_temperature"
            )
        return self._record(time.perf_counter() - started)

    def _record(self, seconds: float) -> EpochRecord:
        head_losses = self.head_losses.tolist()
        return EpochRecord(
            epoch=self.epoch,
            loss=sum(head_losses) / len(head_losses),
            head_losses=head_losses,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            seconds=seconds,
            images_per_second=self.steps_per_epoch * self.batch_size / seconds,
        )

    def step(self, rows: torch.Tensor, step: int, generator: torch.Generator) -> torch.Tensor:
        """Takes one optimiser step on the images ``rows`` [B]; returns each head's loss [H]."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(step)
        neighbors = self.sampler.draw(rows, self.objective.n_neighbors, generator)
        views = torch.cat([rows, neighbors.T.reshape(-1)])
        features = self.normalize(self.features[views])
        seen_by_student = features[: self.objective.n_student_views * len(rows)]
        dtype = torch.bfloat16 if self.config.precision == "bfloat16" else torch.float32
        with torch.no_grad():
            teacher_logits = by_view(self.teacher(features, dtype=dtype), len(rows))
        student_logits = by_view(self.student(seen_by_student, dtype=dtype), len(rows))
        progress = step / (self.n_epochs * self.steps_per_epoch)
        head_losses: torch.Tensor = self.objective(student_logits, teacher_logits, progress)
        self.optimizer.zero_grad()
        head_losses.mean().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self._update_teacher()
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

    @torch.no_grad()
    def _update_teacher(self) -> None:
        teacher: list[torch.Tensor] = list(self.teacher.parameters())
        student: list[torch.Tensor] = list(self.student.parameters())
        torch._foreach_lerp_(teacher, student, 1.0 - required(self.config.teacher_momentum))

    @torch.no_grad()
    def predict(self, features: npt.NDArray[np.floating]) -> Prediction:
        """Labels ``features`` [N, D] with every head of the teacher, in float32."""
        self.normalize.eval()
        labels, confidence = [], []
        for chunk in torch.as_tensor(features, dtype=torch.float32).split(PREDICTION_CHUNK):  # type: ignore[no-untyped-call]
            logits = self.teacher(self.normalize(chunk.to(self.device)))
            best = (logits / self.config.teacher_temperature).softmax(dim=-1).max(dim=-1)
            labels.append(best.indices.int().cpu())
            confidence.append(best.values.half().cpu())
        return Prediction(torch.cat(labels, dim=1).numpy(), torch.cat(confidence, dim=1).numpy())

    @property
    def _modules(self) -> dict[str, nn.Module]:
        return {
            "teacher": self.teacher,
            "batch_norm": self.normalize,
            "student": self.student,
            "objective": self.objective,
        }

    def trained_state(self) -> State:
        """The teacher and its batch norm: what ``heads.safetensors`` holds."""
        return module_state({name: self._modules[name] for name in ("teacher", "batch_norm")})

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


def new_optimizer(heads: MultiHead, *, weight_decay: float) -> torch.optim.AdamW:
    """AdamW on all weights; biases do not decay."""
    groups = [
        {"params": heads.weights(), "weight_decay": weight_decay},
        {"params": heads.biases(), "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, fused=True)


def by_view(logits: torch.Tensor, batch_size: int) -> torch.Tensor:
    """[H, V * B, C] to [V, H, B, C]."""
    n_heads, _, n_clusters = logits.shape
    return logits.view(n_heads, -1, batch_size, n_clusters).transpose(0, 1)


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
