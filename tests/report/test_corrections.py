"""Corrections made on the page, taken over by the run: both must say the same of every image."""

import csv
import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import Open
from ucls.corrections.edits import Corrections, Move, read_corrections
from ucls.corrections.in_run import apply_in
from ucls.report.page import page_data, render
from ucls.report.state import RunState
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run
from ucls.stages.relabel import relabel
from ucls.stages.report import report

pytestmark = pytest.mark.slow

STATE = """() => ({
  clusters: IMAGES.row.map((_, image) => clusterOf(image)),
  names: Object.fromEntries(state.names),
  sizes: Object.fromEntries([...state.sizes].filter(([number, size]) => number >= 0 && size)),
  done: [...state.done].sort(),
})"""


def saved(page: Any, tmp_path: Path, button: str) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    path = tmp_path / str(download.value.suggested_filename)
    download.value.save_as(path)
    return path


def correct_everything(page: Any) -> None:
    """Renames, merges, splits, moves, marks: as a person does, by the controls of the page."""
    first = page.locator(".card").first
    first.locator(".name").fill('ones "and" \\ more\nלא')
    first.locator(".name").press("Enter")
    page.locator(".card").nth(1).get_by_label("done").check()
    page.locator(".card").nth(2).get_by_label("Merge into…").select_option(index=1)
    splits = page.get_by_role("button", name="Split", exact=True)
    able = [place for place in range(splits.count()) if splits.nth(place).is_enabled()]
    splits.nth(able[0]).click()
    boxes = page.locator(".card").nth(1).locator(".tile input")
    for place in range(3):
        boxes.nth(place).check(force=True)
    page.locator("#selection").get_by_label("Move to…").select_option("new")
    boxes = page.locator(".card").nth(0).locator(".tile input")
    boxes.nth(0).check(force=True)
    page.locator("#selection").get_by_role("button", name="Mark as wrong").click()


def test_the_run_makes_of_the_edits_what_the_page_shows(
    digits_run: Path, digits_page: Path, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(digits_page)
    correct_everything(page)
    shown = page.evaluate(STATE)
    assert len(shown["names"]) == 1
    assert -1 in shown["clusters"]
    path = saved(page, tmp_path, "Save corrections.toml")
    corrections = read_corrections(path)
    assert [edit.do for edit in corrections.edits] == [
        "rename", "done", "merge", "split", "move", "wrong",
    ]  # fmt: skip
    run = Run(digits_run)
    found = read_labels(run)
    corrected = apply_in(run, corrections, found)
    assert corrected.labels.clusters.tolist() == shown["clusters"]
    assert {str(number): name for number, name in corrected.labels.names.items()} == shown["names"]
    assert {str(n): size for n, size in corrected.labels.sizes().items()} == shown["sizes"]
    assert sorted(corrected.done) == shown["done"]
    with saved(page, tmp_path, "Save labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["cluster"]) for row in rows] == shown["clusters"]
    assert [row["path"] for row in rows] == found.paths


def test_a_page_of_a_corrected_run_shows_and_undoes_what_was_corrected(
    digits_run: Path, digits_page: Path, open_page: Open, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(digits_run, tmp_path / "run"))
    page = open_page(digits_page)
    before = page.evaluate(STATE)
    correct_everything(page)
    shown = page.evaluate(STATE)
    relabel(run, saved(page, tmp_path, "Save corrections.toml"))
    page = open_page(report(run))
    assert page.evaluate(STATE) == shown
    assert 'ones "and"' in page.locator(".card .name").nth(0).input_value()
    for _ in range(6):
        page.keyboard.press("Control+z")
    assert page.evaluate(STATE) == before


def test_a_cluster_without_a_name_takes_that_of_the_merged_one(
    digits_page: Path, open_page: Open
) -> None:
    page = open_page(digits_page)
    page.evaluate("edit({ do: 'rename', cluster: 1, name: 'a' })")
    page.evaluate("edit({ do: 'merge', clusters: [1, 2], into: 0 })")
    assert page.evaluate(STATE)["names"] == {"0": "a"}
    page.evaluate("edit({ do: 'rename', cluster: 3, name: 'b' })")
    page.evaluate("edit({ do: 'merge', clusters: [0], into: 3 })")
    assert page.evaluate(STATE)["names"] == {"3": "b"}


def test_undo_and_redo_walk_through_all_of_them(digits_page: Path, open_page: Open) -> None:
    page = open_page(digits_page)
    states = [page.evaluate(STATE)]
    for make in (
        "edit({ do: 'rename', cluster: 1, name: 'a' })",
        "edit({ do: 'merge', clusters: [2], into: 1 })",
        "edit({ do: 'split', cluster: 1, into: newNumber(), leaves: smallerHalf(state, 1) })",
        "edit({ do: 'move', images: [imageId(5), imageId(6)], into: 3 })",
        "edit({ do: 'wrong', images: [imageId(7)] })",
    ):
        page.evaluate(make)
        states.append(page.evaluate(STATE))
    assert all(before != after for before, after in itertools.pairwise(states))
    for expected in reversed(states[:-1]):
        page.keyboard.press("Control+z")
        assert page.evaluate(STATE) == expected
    assert page.locator("#undo").is_disabled()
    for expected in states[1:]:
        page.get_by_role("button", name="Redo").click()
        assert page.evaluate(STATE) == expected


def test_the_browser_keeps_the_progress(digits_page: Path, open_page: Open) -> None:
    page = open_page(digits_page)
    page.evaluate("edit({ do: 'rename', cluster: 1, name: 'kept' })")
    shown = page.evaluate(STATE)
    page.reload()
    page.wait_for_selector("#cards .card")
    assert page.evaluate(STATE) == shown
    assert "1 edit" in page.locator("#state").inner_text()


def test_what_was_done_after_the_download_goes_on_in_a_newer_page(
    digits_run: Path, tmp_path: Path, open_page: Open
) -> None:
    run = Path(shutil.copytree(digits_run, tmp_path / "run"))
    page = open_page(report(run))
    page.evaluate("edit({ do: 'rename', cluster: 1, name: 'first' })")
    path = saved(page, tmp_path, "Save corrections.toml")
    page.evaluate("edit({ do: 'rename', cluster: 2, name: 'later' })")
    relabel(run, path)
    page.goto(report(run).as_uri())
    page.wait_for_selector("#cards .card")
    assert page.evaluate(STATE)["names"] == {"1": "first", "2": "later"}


def test_a_page_that_knows_some_images_has_the_right_sizes(
    digits_run: Path, tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Path(shutil.copytree(digits_run, tmp_path / "run"))
    relabel(run, Corrections(edits=(Move(images=tuple(range(0, 900, 3)), into=12),)))
    monkeypatch.setattr("ucls.report.images.ON_MAP", 60)
    monkeypatch.setattr("ucls.report.images.BY_CLUSTER", 60)
    data = page_data(RunState.of(Run(run)), most_known=100)
    (tmp_path / "page.html").write_text(render(data), encoding="utf-8")
    page = open_page(tmp_path / "page.html")
    assert not page.evaluate("DATA.is_complete")
    sizes = {str(n): size for n, size in read_labels(Run(run)).sizes().items()}
    assert page.evaluate(STATE)["sizes"] == sizes
    with page.expect_download() as download:
        page.get_by_role("button", name="Save labels.csv").click()
    assert download.value.suggested_filename == "labels-sample.csv"


def test_names_that_no_file_can_hold_are_given_by_row(
    hostile_run: Path, hostile_page: Path, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(hostile_page)
    page.evaluate(
        "edit({ do: 'move', images: IMAGES.row.map((_, i) => imageId(i)).slice(0, 12), into: 1 })"
    )
    page.evaluate(
        "edit({ do: 'rename', cluster: 1, name: '\\x7f\\u0080\\ud800\"' })".replace("\\ud800", "")
    )
    shown = page.evaluate(STATE)
    run = Run(hostile_run)
    corrections = read_corrections(saved(page, tmp_path, "Save corrections.toml"))
    corrected = apply_in(run, corrections, read_labels(run))
    assert corrected.labels.clusters.tolist() == shown["clusters"]
    assert corrected.labels.names[1] == '\x7f\x80"'
