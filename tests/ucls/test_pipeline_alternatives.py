import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import Cli, Lines
from ucls import pipeline
from ucls.cache import read_json
from ucls.config import Config
from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy
from ucls.report.alternatives import alternative_runs
from ucls.runs.apart_clusters import clusters_apart
from ucls.runs.run import Run
from ucls.stages.alternatives import standing
from ucls.stages.predict import predict

SMALL = {
    "effort": "quick",
    "train.n_heads": 4,
    "train.epochs": 40,
    "train.batch_size": 64,
    "train.hidden_dim": 64,
    "train.bottleneck_dim": 32,
    "self_train.iterations": 60,
    "evaluate.kmeans_restarts": 1,
    "device": "cpu",
}
STRENGTHS = {1: (8.0,), 2: (8.0, 3.5), 3: (8.0, 5.0, 3.5)}
"""Of factors, by how many there are: each outshouts the next, and none its noise."""
Factors = tuple[NDArray[np.float32], list[NDArray[np.int64]]]


def factors(*sizes: int, n: int = 300, width: int = 16, seed: int = 0) -> Factors:
    """Features [n, width] of independent factors, turned at random, and the value of each row."""
    rng = np.random.default_rng(seed)
    values = [rng.integers(0, size, n) for size in sizes]
    blocks = [
        s * np.eye(k)[v] for s, k, v in zip(STRENGTHS[len(sizes)], sizes, values, strict=True)
    ]
    features = rng.normal(size=(n, width))
    features[:, : sum(sizes)] += np.concatenate(blocks, axis=1)
    turned = np.linalg.qr(rng.normal(size=(width, width)))[0]
    return (features @ turned).astype(np.float32), values


def config(n_clusters: int = 4, **values: object) -> Config:
    return Config(n_clusters=n_clusters).with_values({**SMALL, **values})


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[pipeline.Finished, Factors]:
    """A run of features of two factors, and its alternative."""
    folder, made = tmp_path_factory.mktemp("alternatives"), factors(4, 3)
    finished = pipeline.run(
        made[0], out=folder / "a", alternatives=3, config=config(), cache_dir=folder / "cache"
    )
    return finished, made


@pytest.mark.slow
def test_crossed_clusters_are_told(tmp_path: Path, lines: Lines) -> None:
    features, _ = factors(3, 2)
    pipeline.run(features, out=tmp_path / "a", alternatives=2, config=config(6), reporter=lines)
    assert "alternatives: the 6 clusters look like" in lines.said[-1]


@pytest.mark.slow
def test_the_second_clustering_is_the_other_factor(
    two: tuple[pipeline.Finished, Factors],
) -> None:
    finished, (_, (first, second)) = two
    assert clustering_accuracy(first, finished.labels) > 0.95
    (other,) = finished.alternatives
    assert other.path.name == "a-alternative-2"
    assert clustering_accuracy(second, other.labels) > 0.95
    found = standing(other.path)
    assert found.n_clusters == 3
    assert found.by_chance is not None
    assert found.by_chance < 0.95
    assert found.in_common[0] < 0.1
    assert not found.fault


@pytest.mark.slow
def test_voters_of_alternatives_agree(
    two: tuple[pipeline.Finished, Factors], tmp_path: Path
) -> None:
    agreement = [standing(two[0].alternatives[0].path).agreement]
    for seed in (1, 2):
        features, _ = factors(4, 3, seed=seed)
        finished = pipeline.run(
            features, out=tmp_path / str(seed), alternatives=2, config=config(), cache_dir=tmp_path
        )
        agreement.append(standing(finished.alternatives[0].path).agreement)
    assert min(agreement) > 0.95


@pytest.mark.slow
def test_new_images_are_labelled_by_the_alternative(
    two: tuple[pipeline.Finished, Factors], tmp_path: Path
) -> None:
    finished, (features, (_, second)) = two
    np.save(tmp_path / "new.npy", features)
    predict(finished.alternatives[0].path, str(tmp_path / "new.npy"), out=tmp_path / "new.csv")
    with (tmp_path / "new.csv").open(newline="", encoding="utf-8") as file:
        clusters = np.array([int(row["cluster"]) for row in csv.DictReader(file)])
    assert clustering_accuracy(second, clusters) > 0.95


@pytest.mark.slow
def test_run_again_it_skips_all_and_finds_the_same(
    two: tuple[pipeline.Finished, Factors], tmp_path: Path, lines: Lines
) -> None:
    finished, (features, _) = two
    cache = finished.path.parent / "cache"
    written = {
        path: path.stat().st_mtime_ns
        for path in finished.path.parent.glob("a*/*")
        if path.name not in ("run.json", "config.toml", "run.lock")
    }
    again = pipeline.run(
        features, out=finished.path, alternatives=3, config=config(), cache_dir=cache,
        reporter=lines,
    )  # fmt: skip
    assert again == finished
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert any("clustering 3 does not hold: without what tells" in line for line in lines.said)
    same = pipeline.run(
        features, out=tmp_path / "a", alternatives=2, config=config(), cache_dir=cache
    )
    for name in ("labels.csv", "preparation.safetensors", "alternative.json"):
        theirs = finished.alternatives[0].path / name
        assert (same.alternatives[0].path / name).read_bytes() == theirs.read_bytes() or (
            name == "alternative.json"
        )
    assert standing(same.alternatives[0].path) == standing(finished.alternatives[0].path)


@pytest.mark.slow
def test_what_was_stopped_goes_on_to_the_same(
    two: tuple[pipeline.Finished, Factors], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished, (features, _) = two
    cache, out = finished.path.parent / "cache", tmp_path / "a"
    shutil.copytree(finished.path, out)
    from ucls.stages import ensemble

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ensemble, "ensemble", stopped)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(features, out=out, alternatives=2, config=config(), cache_dir=cache)
    other = out.with_name("a-alternative-2")
    assert not (other / "labels.csv").exists()
    pipeline.run(features, out=out, alternatives=2, config=config(), cache_dir=cache)
    theirs = finished.alternatives[0].path / "labels.csv"
    assert (other / "labels.csv").read_bytes() == theirs.read_bytes()


@pytest.mark.slow
def test_a_run_stays_apart_from_one_that_is_gone(two: tuple[pipeline.Finished, Factors]) -> None:
    finished, _ = two
    away = finished.path.rename(finished.path.with_name("away"))
    try:
        run = Run(finished.alternatives[0].path)
        assert run.freshness.is_done("self-train")
        kept = clusters_apart(run)
    finally:
        away.rename(finished.path)
    assert np.array_equal(kept[0], finished.labels)


@pytest.mark.slow
def test_the_first_names_its_alternatives(two: tuple[pipeline.Finished, Factors]) -> None:
    finished, _ = two
    assert read_json(finished.path / "run.json")["alternatives"] == ["a-alternative-2"]
    places = alternative_runs(Run(finished.path))
    assert places == [finished.alternatives[0].path.resolve()]


@pytest.mark.slow
def test_three_factors_are_three_clusterings(tmp_path: Path) -> None:
    features, values = factors(4, 3, 2, n=1000, width=24)
    finished = pipeline.run(features, out=tmp_path / "a", alternatives=3, config=config())
    found = [finished, *finished.alternatives]
    assert len(found) == 3
    best = [max(clustering_accuracy(v, one.labels) for one in found) for v in values]
    assert min(best) > 0.95


@pytest.mark.slow
def test_one_factor_has_no_second_clustering(tmp_path: Path, lines: Lines) -> None:
    features, (first,) = factors(4)
    finished = pipeline.run(
        features, out=tmp_path / "a", alternatives=3, config=config(), reporter=lines
    )
    assert clustering_accuracy(first, finished.labels) > 0.95
    assert finished.alternatives == ()
    (told,) = [line for line in lines.said if "does not hold" in line]
    assert told == (
        "alternatives: clustering 2 does not hold: without what tells the known clusters apart the "
        "images hold together as one cluster"
    )


def test_too_few_features_leave_nothing(tmp_path: Path, lines: Lines) -> None:
    corners = np.array([[0, 0], [0, 9], [9, 0]])[np.arange(120) % 3]
    features = (corners + np.random.default_rng(0).normal(size=(120, 2))).astype(np.float32)
    pipeline.run(features, out=tmp_path / "a", alternatives=2, config=config(3), reporter=lines)
    assert "which have 2 columns" in lines.said[-1]


@pytest.mark.parametrize(
    ("wanted", "said"), [(0, "alternatives is 0"), (-1, "is -1"), (11, "from 2 to 10")]
)
def test_wrong_numbers_are_told_before_anything_is_made(
    wanted: int, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        pipeline.run(factors(4)[0], out=tmp_path / "a", alternatives=wanted, config=config())
    assert not (tmp_path / "a").exists()


def test_few_images_have_no_alternatives(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="19 images are too few for alternatives"):
        pipeline.run(factors(4)[0][:19], out=tmp_path / "a", alternatives=2, config=config(2))


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    wrong = config().with_values({"neighbors.apart_from": [str(tmp_path)]})
    with pytest.raises(UsageError, match="is no labelled run: expected the folder"):
        pipeline.run(factors(4)[0], out=tmp_path / "a", config=wrong)


@pytest.mark.slow
def test_other_images_are_told(two: tuple[pipeline.Finished, Factors], tmp_path: Path) -> None:
    wrong = config().with_values({"neighbors.apart_from": [str(two[0].path)]})
    np.save(tmp_path / "others.npy", factors(4)[0])
    with pytest.raises(UsageError, match="has no training image others/"):
        pipeline.run(str(tmp_path / "others.npy"), out=tmp_path / "a", config=wrong)


@pytest.mark.slow
def test_the_command_shows_them_side_by_side(
    two: tuple[pipeline.Finished, Factors], tmp_path: Path, cli: Cli
) -> None:
    _, (features, _) = two
    np.save(tmp_path / "made.npy", features)
    settings = [text for name, value in SMALL.items() for text in ("--set", f"{name}={value}")]
    done = cli(
        "run", tmp_path / "made.npy", "-k", 4, "--out", tmp_path / "a", "--alternatives", 2,
        *settings,
    )  # fmt: skip
    assert done.exit_code == 0, done.err
    table = done.out[done.out.index("clustering") :]
    assert "heads agree" in table
    assert "a-alternative-2" in "".join(table.split())
    page = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    data = json.loads(
        page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    )
    (other,) = data["alternatives"]
    assert other["page"] == "../a-alternative-2/report.html"
    assert len(other["clusters"]) == 3
    assert all(examples for *_, examples in other["clusters"])
    assert (tmp_path / "a-alternative-2" / "report.html").is_file()
    assert other["nmi"] < 0.1
