"""An objective from outside of the package, from its record to a finished run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
import torch
from pydantic import Field
from torch import nn

from ucls import pipeline
from ucls.cache import read_assignments
from ucls.config import Config
from ucls.errors import UsageError
from ucls.heads.linear import LinearHeads
from ucls.objectives.building import Task, classifier_sizes
from ucls.objectives.protocol import Batch, Epoch, each_image_once
from ucls.runs.opening import open_run
from ucls.settings.config import TrainConfig, config_problems, required
from ucls.settings.objectives import RECORDS, Record, objective_names, register

TINY = {
    "n_clusters": 4, "train.objective": "toy", "train.epochs": 3, "train.n_heads": 4,
    "self_train.iterations": 40, "evaluate.kmeans_restarts": 1,
}  # fmt: skip


class Toy(nn.Module):
    """Lets an image and its neighbour agree, and clusters be filled."""

    n_partners = 1
    temperature = 1.0

    def __init__(self, heads: LinearHeads, evenness: float) -> None:
        super().__init__()
        self.heads, self.evenness = heads, evenness

    def start_epoch(self, epoch: Epoch) -> torch.Tensor:
        return each_image_once(epoch)

    def forward(self, batch: Batch) -> torch.Tensor:
        here, beside = (self.heads(view).softmax(dim=-1) for view in batch.views)
        agreement = (here * beside).sum(dim=-1).mean(dim=-1)
        mean = here.mean(dim=1)
        entropy = -(mean * mean.clamp_min(1e-9).log()).sum(dim=-1)
        return -agreement - self.evenness * entropy

    def after_step(self) -> None:
        pass

    def weights(self) -> list[nn.Parameter]:
        return self.heads.weights()

    def biases(self) -> list[nn.Parameter]:
        return self.heads.biases()


def build(config: TrainConfig, task: Task) -> Toy:
    generator = torch.Generator().manual_seed(task.seed)
    sizes = classifier_sizes(config, task.n_clusters)
    heads = LinearHeads(
        required(config.n_heads), task.n_features, sizes, spaces=task.spaces, generator=generator
    )
    return Toy(heads, config.option("evenness"))


@pytest.fixture(autouse=True)
def toy() -> Iterator[None]:
    register(
        Record(
            name="toy",
            help="a toy",
            build=f"{__name__}:build",
            options={"evenness": 2.0},
            own_options={"evenness": Annotated[float, Field(gt=0.0)]},
            scales=(1,),
            heads_divided_by=8,
        )
    )
    yield
    RECORDS.pop("toy", None)


def test_it_is_one_of_the_objectives() -> None:
    assert objective_names()[-1] == "toy"
    assert Config().with_values({"train.objective": "toy"}).train.objective == "toy"
    with pytest.raises(UsageError, match="an objective 'toy' already"):
        register(RECORDS["toy"])


def test_its_option_is_checked_like_any_other() -> None:
    asked = {"train.objective": "toy", "train.evenness": 0.5}
    assert Config().with_values(asked).train.option("evenness") == 0.5
    assert config_problems({"train": {"objective": "toy", "evenness": -1}}) == [
        "train.evenness: input should be greater than 0, but it is -1"
    ]
    with pytest.raises(UsageError, match="evenness has no part in the objective scan"):
        Config().with_values({"train.objective": "scan", "train.evenness": 1.0})
    with pytest.raises(UsageError, match=r"beta has no part in the objective toy"):
        Config().with_values({"train.objective": "toy", "train.beta": 0.5})
    with pytest.raises(UsageError, match=r"train.evennes: no such .* mean train.evenness\?"):
        Config().with_values({"train.objective": "toy", "train.evennes": 1.0})


def test_it_trains_like_any_other(tmp_path: Path, sources: Path) -> None:
    config = Config().with_values(TINY)
    finished = pipeline.run(str(sources / "plain.npy"), out=tmp_path / "a", config=config)
    run = open_run(finished.path)
    assert run.config.train.option("evenness") == 2.0
    assert run.folder.read_config()["train"]["evenness"] == 2.0
    assert all(map(run.freshness.is_done, ("train", "evaluate")))
    heads = read_assignments(finished.path / "assignments.h5")
    assert heads.head_clusters.tolist() == [4] * 4
    assert finished.figures["train"]["ensemble.chosen"]["occupied_clusters"] > 1
    other = open_run(finished.path, settings={"train.evenness": 1.0})
    assert not other.freshness.is_done("train")


def test_without_its_record_a_setting_of_it_is_unknown() -> None:
    del RECORDS["toy"]
    with pytest.raises(UsageError, match=r"train\.evenness: no such setting"):
        Config().with_values({"train.evenness": 1.0})
    with pytest.raises(UsageError, match=r"train.objective: input should be 'ucls', .*'turtle'"):
        Config().with_values({"train.objective": "toy"})


def test_settings_of_other_objectives_are_read_without_its_record() -> None:
    written = Config().model_dump(mode="json")
    assert written["train"]["evenness"] is None
    del RECORDS["toy"]
    assert config_problems(written) == []
    assert "evenness" not in Config.model_validate(written).model_dump()["train"]
