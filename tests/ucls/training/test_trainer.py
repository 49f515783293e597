import warnings

import numpy as np
import pytest
import torch

from tests.ucls.training.trainers import (
    CLUSTERS,
    CONFIGS,
    HEADS,
    IMAGES,
    SEVERAL_SIZES,
    STUDENTS,
    accuracy_of_the_best_head,
    all_objectives,
    augmented,
    blobs,
    new_trainer,
    trained_for,
    trainer_of,
)
from ucls.errors import UsageError
from ucls.neighbors.build import build_neighbors
from ucls.settings.objectives import RECORDS, objective_names


@all_objectives
@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_finds_separable_blobs(objective: str, seed: int) -> None:
    assert accuracy_of_the_best_head(objective, seed) > 0.9


@pytest.mark.parametrize("objective", ["ucls", "self-classifier", "turtle"])
def test_finds_separable_blobs_in_bfloat16(objective: str) -> None:
    assert accuracy_of_the_best_head(objective, 0, precision="bfloat16") > 0.9


@pytest.mark.parametrize("objective", STUDENTS)
def test_student_and_teacher_start_equal_and_part(objective: str) -> None:
    trainer = new_trainer(objective)
    student, teacher = trainer.objective.student, trainer.objective.teacher
    for learns, follows in zip(student.parameters(), teacher.parameters(), strict=True):
        assert torch.equal(learns, follows)
        assert not follows.requires_grad
    trainer.train_epoch()
    assert not torch.equal(student.direction, teacher.direction)
    assert trainer.objective.heads is teacher


@pytest.mark.parametrize("objective", STUDENTS)
def test_the_teacher_is_the_moving_average_of_the_student(objective: str) -> None:
    trainer = new_trainer(objective, teacher_momentum=0.75)
    student, teacher = trainer.objective.student, trainer.objective.teacher
    student.direction.data += 1.0
    before = teacher.direction.clone()
    trainer.step(torch.arange(20), 0, torch.Generator().manual_seed(0))
    expected = 0.75 * before + 0.25 * student.direction
    torch.testing.assert_close(teacher.direction, expected)


@pytest.mark.parametrize("objective", STUDENTS)
def test_without_momentum_the_teacher_is_the_student(objective: str) -> None:
    trainer = trained_for(new_trainer(objective, teacher_momentum=0.0), 1)
    student, teacher = trainer.objective.student, trainer.objective.teacher
    for learns, follows in zip(student.parameters(), teacher.parameters(), strict=True):
        assert torch.equal(learns, follows)


@all_objectives
@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_batch_norm_is_saved_where_there_is_one(objective: str, batch_norm: bool) -> None:
    names = new_trainer(objective, batch_norm=batch_norm).trained_state()
    assert any(name.startswith("batch_norm.") for name in names) == batch_norm


TEMPERATURES = ("student_temperature", "teacher_temperature", "column_temperature")


@pytest.mark.parametrize("objective", [name for name in objective_names() if name != "turtle"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("temperature", [pytest.param(0.02, marks=pytest.mark.slow), 0.005])
def test_losses_stay_finite_at_low_temperatures(
    objective: str, precision: str, temperature: float
) -> None:
    heeded = {name: temperature for name in TEMPERATURES if name in RECORDS[objective].options}
    assert heeded
    trainer = new_trainer(objective, precision=precision, epochs=4, warmup_epochs=1, **heeded)
    trained_for(trainer, 4)
    assert all(value.isfinite().all() for value in trainer.state().values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_losses_stay_finite_where_the_teacher_leaves_clusters_out(precision: str) -> None:
    changes = {"prior": "none", "teacher_temperature": 0.005, "marginal_momentum": 0.0}
    trainer = trained_for(new_trainer("temi", precision=precision, **changes), 3)
    assert trainer.head_losses.isfinite().all()


@all_objectives
@pytest.mark.parametrize("exponent", [-110, 110])
@pytest.mark.parametrize("batch_norm", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_scale_of_the_features_does_not_matter(
    objective: str, exponent: int, batch_norm: bool
) -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    sized = np.ldexp(features, exponent)  # loses nothing
    trainers = [
        trained_for(trainer_of(x, graph, objective, batch_norm=batch_norm), 2)
        for x in (features, sized)
    ]
    assert trainers[1].data.inputs.scale == np.ldexp(trainers[0].data.inputs.scale, -exponent)
    assert torch.equal(trainers[0].head_losses, trainers[1].head_losses)
    first, second = (t.predict(x) for t, x in zip(trainers, (features, sized), strict=True))
    np.testing.assert_array_equal(first.labels, second.labels)


def test_the_callers_features_stay_as_they_are() -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    features.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained_for(trainer_of(features, graph), 1)


@all_objectives
@pytest.mark.parametrize("seed", range(2))
def test_predictions_are_those_of_the_heads(objective: str, seed: int) -> None:
    trainer = trained_for(new_trainer(objective, seed=seed, batch_norm=True), 1)
    features, _ = blobs(seed + 5, 30)
    prediction = trainer.predict(features)
    assert prediction.labels.dtype == np.int32
    assert prediction.confidence.dtype == np.float16
    state = trainer.trained_state()
    scaled = torch.from_numpy(features * trainer.data.inputs.scale)
    normalized = (scaled - state["batch_norm.running_mean"]) / torch.sqrt(
        state["batch_norm.running_var"] + 1e-5
    )
    temperature = {
        **dict.fromkeys(STUDENTS, CONFIGS["ucls"].teacher_temperature),
        "turtle": 1.0,
    }.get(objective, CONFIGS[objective].student_temperature)
    heads = trainer.objective.heads.eval()
    probs = (heads(normalized) / temperature).softmax(dim=-1)
    np.testing.assert_array_equal(prediction.labels, probs.argmax(dim=-1))
    np.testing.assert_allclose(prediction.confidence, probs.amax(dim=-1).detach(), atol=2e-3)


@pytest.mark.parametrize("components", [4, "all"])
def test_its_own_images_are_labelled_as_their_features(components: int | str) -> None:
    features, _ = blobs(0)
    trainer = trained_for(new_trainer(components=components), 2)
    own, expected = trainer.predict_own(), trainer.predict(features)
    np.testing.assert_array_equal(own.labels, expected.labels)
    np.testing.assert_allclose(own.confidence, expected.confidence, atol=1e-3)


@all_objectives
def test_predictions_do_not_depend_on_the_chunk(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, (features, _) = trained_for(new_trainer(objective), 1), blobs(1)
    whole = trainer.predict(features)
    monkeypatch.setattr("ucls.training.trainer.CHUNK", 7)
    parts = trainer.predict(features)
    np.testing.assert_array_equal(whole.labels, parts.labels)
    np.testing.assert_allclose(whole.confidence, parts.confidence, atol=2e-3)


@pytest.mark.parametrize("objective", SEVERAL_SIZES)
def test_networks_with_classifiers_of_several_sizes(objective: str) -> None:
    features, _ = blobs(0)
    trainer = new_trainer(objective, scales=(1, 3))
    assert trainer.head_clusters == [4, 4, 4, 12, 12, 12]
    assert trainer.n_all_heads == len(trainer.train_epoch().head_losses) == 6
    labels, confidence = trainer.predict(features)
    assert labels.shape == confidence.shape == (6, IMAGES)
    assert labels.min() >= 0
    assert labels[:3].max() < 4 <= labels[3:].max() < 12
    logits = trainer.objective.heads.eval()(trainer.data.stored[0])
    np.testing.assert_array_equal(labels[:3], logits[..., :4].argmax(dim=-1))
    np.testing.assert_array_equal(labels[3:], logits[..., 4:].argmax(dim=-1))


@pytest.mark.parametrize("objective", SEVERAL_SIZES)
def test_what_an_objective_may_know_before_an_epoch(objective: str) -> None:
    trainer, generator = new_trainer(objective, scales=(1, 3)), torch.Generator()
    for epoch in range(2):
        described = trainer.describe_epoch(generator)
        assert described.n_images == IMAGES
        assert described.progress == pytest.approx(epoch / 12)
        assert described.generator is generator
        labels = described.predict()
        assert labels.dtype == torch.int64
        np.testing.assert_array_equal(labels, trainer.predict(blobs(0)[0]).labels[:HEADS])
        trainer.train_epoch()


@all_objectives
@pytest.mark.parametrize("scale", [1, 1.5, 3])
def test_heads_may_have_more_clusters_than_wanted(objective: str, scale: float) -> None:
    trainer = trained_for(new_trainer(objective, scales=(scale,)), 1)
    assert trainer.head_clusters == [round(scale * CLUSTERS)] * HEADS
    labels = trainer.predict(blobs(0)[0]).labels
    assert 0 <= labels.min() <= labels.max() < round(scale * CLUSTERS)
    assert trainer.head_losses.shape == (HEADS,)


def test_feature_spaces_reach_the_heads() -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features, k=5, threshold=1.0)
    one, two = (trainer_of(features, graph, "turtle", spaces=s) for s in (None, (3, 5)))
    assert (one.objective.heads.spaces, two.objective.heads.spaces) == ((8,), (3, 5))
    assert trained_for(two, 1).head_losses.isfinite().all()
    few = trainer_of(features, graph, "turtle", spaces=(3, 5), components=4)
    assert few.objective.heads.spaces == (4,)
    assert trained_for(few, 1).head_losses.isfinite().all()


def test_open_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="pass them through autoconfigure first"):
        new_trainer(n_heads=None)


def test_a_graph_of_other_images_is_refused() -> None:
    features, _ = blobs(0)
    graph = build_neighbors(features[:-1], k=5, threshold=1.0)
    with pytest.raises(UsageError, match="graph is of 119 images, but there are features of 120"):
        trainer_of(features, graph)
    with pytest.raises(UsageError, match="graph is of 119 images, but there are features of 120"):
        trainer_of(augmented(features), graph, views="augmented")
