from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from tests.ucls.training.trainers import SOFT, STUDENTS, Settings, equal, new_trainer, snapshot
from ucls.objectives.protocol import Batch
from ucls.progress import SilentReporter
from ucls.training.compiled import PAYS_FROM, CompiledLosses
from ucls.training.trainer import HeadTrainer


class Told(SilentReporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str, /) -> None:
        self.lines.append(message)


def batches(trainer: HeadTrainer, n_steps: int = 3) -> list[Batch]:
    generator = torch.Generator().manual_seed(1)
    trainer.train_mode(True)
    order = trainer.objective.start_epoch(trainer.describe_epoch(generator))
    size = trainer.batch_size
    return [
        trainer.draw(order[..., i * size : (i + 1) * size], 40 * i, generator)
        for i in range(n_steps)
    ]


def buffers(trainer: HeadTrainer) -> Iterator[torch.Tensor]:
    return cast("torch.nn.Module", trainer.objective).buffers()


@contextmanager
def no_recompilation() -> Iterator[None]:
    with torch._dynamo.config.patch(error_on_recompile=True):
        yield


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "changes", "backend"),
    [
        *((name, {}, "aot_eager") for name in STUDENTS),
        ("ucls", SOFT, "aot_eager"),
        pytest.param("ucls", {}, "inductor", marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_compiled_training_equals_an_eager_one(
    objective: str, changes: Settings, backend: str
) -> None:
    eager, compiled = (new_trainer(objective, **changes) for _ in range(2))
    told = Told()
    compiled.losses = CompiledLosses(compiled.objective, reporter=told, backend=backend)
    before = snapshot(compiled)
    places = [buffer.data_ptr() for buffer in buffers(compiled)]
    first, *others = batches(compiled)
    compiled.losses.compile(first)
    assert compiled.losses.is_compiled, told.lines
    # The trial has left no trace.
    assert equal(snapshot(compiled), before)
    with no_recompilation():
        for step, batch in enumerate((first, *others)):
            taken = []
            for trainer in (eager, compiled):
                trainer.optimizer.zero_grad()
                losses = trainer.losses(batch)
                losses.mean().backward()
                parameters = [*trainer.objective.weights(), *trainer.objective.biases()]
                taken.append([losses.detach(), *(one.grad for one in parameters)])
                trainer.optimizer.learning_rate = trainer.learning_rate(step)
                trainer.optimizer.step()
                trainer.objective.after_step()
            for ours, expected in zip(*reversed(taken), strict=True):
                largest = float(expected.abs().max())
                torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5 * largest)
    # A CUDA graph reads and writes where they were.
    assert [buffer.data_ptr() for buffer in buffers(compiled)] == places
    for name, value in compiled.state().items():
        torch.testing.assert_close(value, eager.state()[name], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_heads_of_the_next_group_compile_nothing_anew() -> None:
    trainers = [new_trainer(seed=seed) for seed in (0, 1)]
    for trainer in trainers:
        trainer.losses = CompiledLosses(trainer.objective, backend="aot_eager")
        with no_recompilation() if trainer is trainers[1] else torch.enable_grad():
            trainer.losses.compile(batches(trainer, 1)[0])
        assert trainer.losses.is_compiled


def broken(graph: object, inputs: object) -> None:
    raise RuntimeError("no compiler here") from FileNotFoundError("No file: c++\nbut that")


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        pytest.param(broken, "No file: c++", marks=pytest.mark.slow),
        pytest.param("inductor", "C++ comp", marks=pytest.mark.slow),
    ],
)
def test_a_missing_compiler_is_told_in_a_line_and_training_goes_on(
    backend: Any, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from torch._inductor import config

    # Of the other tests.
    torch.compiler.reset()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    told, trainer, eager = Told(), new_trainer(), new_trainer()
    trainer.losses = CompiledLosses(trainer.objective, reporter=told, backend=backend)
    with config.patch({"fx_graph_cache": False, "cpp.cxx": ("/nowhere/c++",)}):
        trainer.losses.compile(batches(trainer, 1)[0])
    (line,) = told.lines
    assert line.startswith("train: steps are not compiled, so they take longer: ")
    assert why in line
    assert "\n" not in line
    assert not trainer.losses.is_compiled
    trainer.train_epoch()
    eager.train_epoch()
    assert equal(snapshot(trainer), snapshot(eager))


@pytest.mark.parametrize("objective", ["uic", "turtle"])
def test_what_cannot_be_one_graph_stays_as_it_is_and_says_so(objective: str) -> None:
    told, trainer = Told(), new_trainer(objective)
    trainer.losses = CompiledLosses(trainer.objective, reporter=told, backend="aot_eager")
    trainer.losses.compile(batches(trainer, 1)[0])
    assert not trainer.losses.is_compiled
    assert len(told.lines) == 1


def test_long_trainings_on_a_gpu_compile_once() -> None:
    losses = new_trainer().losses
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert not losses.pays(cpu, 10 * PAYS_FROM)
    assert not losses.pays(gpu, 0.5 * PAYS_FROM)
    assert losses.pays(gpu, 2 * PAYS_FROM)


def test_a_training_that_pays_compiles_after_its_first_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[Batch] = []
    monkeypatch.setattr(CompiledLosses, "pays", lambda *_: not calls)
    monkeypatch.setattr(CompiledLosses, "compile", lambda _, batch: calls.append(batch))
    trainer = new_trainer()
    for _ in range(2):
        trainer.train_epoch()
    (batch,) = calls
    assert batch.views.shape == (3, 20, 8)
