from dataclasses import replace

from benchmarks.accuracy.comparison import compare
from benchmarks.accuracy.table import as_csv, as_markdown, summary
from benchmarks.jobs import Outcome
from benchmarks.published import load_published
from benchmarks.trials import Trial
from tests.benchmarks.accuracy.samples import make_trial

PUBLISHED = load_published().results


def text_of(dataset: str, *trials: Trial) -> str:
    return as_markdown([compare(dataset, trials, PUBLISHED.get(dataset, ()))])


def rows_of(text: str) -> dict[str, list[str]]:
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows}


def test_ours_stands_beside_the_published_and_the_difference() -> None:
    trials = [make_trial("stl10", acc=acc, seed=i) for i, acc in enumerate((0.97, 0.99))]
    text = text_of("stl10", *trials)
    rows = rows_of(text)
    assert rows["UCLS stage 1"][0] == "DINOv2 ViT-B/14 reg"
    assert rows["UCLS stage 1"][4:7] == ["99.00 ±1.41", "99.57 ±0.04", "-0.57"]
    assert rows["k-means"][4:7] == ["98.00 ±1.41", "", ""]
    assert rows["TURTLE"][4:7] == ["", "72.3", ""]
    assert "10 classes; 5,000 images of train, 8,000 of val" in text
    machine = "Abacus, 2 cores, torch 2.0, ucls 0.1"
    assert f"- ours, ucls: seeds 0, 1; pixels cls; 0:01:01 each on {machine}\n" in text
    assert "ours, " not in text_of("stl10")


def test_a_dataset_that_is_not_published_has_our_columns_only() -> None:
    rows = rows_of(text_of("digits", make_trial()))
    assert rows["UCLS stage 1"] == ["80.00", "91.00", "70.00"]
    assert "TEMI" not in rows
    assert "interchanged" in text_of("food101")


def test_runs_with_other_settings_are_marked_or_left_out() -> None:
    text = text_of("digits", make_trial(overrides={"train.epochs": 1}))
    changed = "ucls, seed 0: train.epochs = 1 instead of the default"
    assert "UCLS ensemble †" in rows_of(text)
    assert f"- † not the settings of the benchmark: {changed}\n" in text
    text = text_of("digits", make_trial(), make_trial(seed=1, overrides={"train.epochs": 1}))
    assert "†" not in text
    assert "- left out, as other runs have the settings of the benchmark: ucls, seed 1" in text


def test_the_csv_has_a_row_for_every_line_and_score() -> None:
    trials = [make_trial("stl10", acc=acc, seed=i) for i, acc in enumerate((0.97, 0.99))]
    published = PUBLISHED["stl10"]
    table = as_csv([compare("stl10", trials, published)])
    rows = [dict(zip(table.headings, row, strict=True)) for row in table.rows]
    assert len(rows) == 3 * (len(published) + 1)
    row = next(r for r in rows if (r["part"], r["score"]) == ("best_head", "acc"))
    assert list(row.values()) == [
        "stl10", "val", "ucls", "best_head", "acc", "99.0", "1.414", "0 1", "pixels cls", "",
        "99.57", "0.04", "DINOv2 ViT-B/14 reg", "thesis table 6.12", "-0.57",
    ]  # fmt: skip
    turtle = next(r for r in rows if (r["objective"], r["score"]) == ("turtle", "nmi"))
    assert (turtle["ours"], turtle["published"], turtle["difference"]) == ("", "", "")


def test_a_call_is_summed_up() -> None:
    trial = make_trial(acc=0.8)
    del trial.figures["val"]["self_training"]
    ran = Outcome("digits, seed 0", "ran", seconds=75.0, trial=trial)
    on_train = replace(make_trial(), figures={**make_trial().figures, "val": None})
    skipped = Outcome("digits, seed 1", "skipped", trial=on_train)
    failed = Outcome("cifar10", "failed", "it is not there")
    assert summary([ran, skipped, failed]).rows == [
        ["digits, seed 0", "ran", "0:01:15", "80.00", "81.00", "82.00", "", ""],
        ["digits, seed 1", "skipped", "0:00:00", "90.00", "91.00", "92.00", "93.00", ""],
        ["cifar10", "failed", "0:00:00", "", "", "", "", "it is not there"],
    ]
