"""The page as it is served, in a real browser and by a real process."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import StartUcls
from tests.report.conftest import Open, until
from ucls.runs.image_labels import read_labels
from ucls.runs.run import Run

pytestmark = pytest.mark.slow

IS_SAVED = "document.getElementById('state').textContent.includes('saved in the run')"


def address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/[\w-]+/", process.stdout.readline())
    assert found is not None
    return found[0]


def test_corrections_are_saved_while_they_are_made(
    digits_run: Path, tmp_path: Path, start_ucls: StartUcls, open_page: Open
) -> None:
    run = Path(shutil.copytree(digits_run, tmp_path / "run"))
    process = start_ucls("serve", run)
    url = address(process)
    page = open_page(url)
    name = page.locator(".card .name").first
    name.fill("first")
    name.press("Enter")
    until(page, "document.getElementById('state').textContent.includes('saved in the run')")
    assert set(read_labels(Run(run)).names.values()) == {"first"}
    page.reload()
    page.wait_for_selector("#cards .card")
    assert page.locator(".card .name").first.input_value() == "first"
    page.goto("about:blank")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert f"stopped; what was corrected is in {run}" in out
    assert "Traceback" not in err


def test_all_images_of_a_cluster_scroll_and_open_at_full_size(
    digits_run: Path, tmp_path: Path, start_ucls: StartUcls, open_page: Open
) -> None:
    run = Path(shutil.copytree(digits_run, tmp_path / "run"))
    page = open_page(address(start_ucls("serve", run)))
    page.get_by_role("button", name="see all of them").first.click()
    frame = page.locator(".all")
    total = page.evaluate("Math.max(...state.sizes.values())")
    assert 0 < frame.locator(".tile").count() < total
    first = frame.locator(".tile").first.get_attribute("data-image")
    frame.evaluate("element => { element.scrollTop = element.scrollHeight; }")
    until(page, f"!document.querySelector('.all .tile[data-image=\"{first}\"]')")
    last = frame.locator(".tile").last
    last.locator("img").wait_for()
    until(
        page,
        "[...document.querySelectorAll('.all img')].every(one => one.complete && one.naturalWidth)",
    )
    last.locator("button.open").click()
    until(page, "document.querySelector('#viewer img.big')?.naturalWidth === 8")
    page.keyboard.press("Escape")
    last.locator("input").check(force=True)
    page.locator("#selection").get_by_role("button", name="Mark as wrong").click()
    until(page, "document.getElementById('state').textContent.includes('saved in the run')")
    assert (read_labels(Run(run)).clusters == -1).sum() == 1
