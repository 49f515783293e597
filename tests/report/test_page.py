"""What a person sees and does on the page, in a real browser."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.report.conftest import HOSTILE, Open, until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "phone"])
def test_opens_without_complaints_and_within_its_width(
    digits_page: Path, open_page: Open, size: str, scheme: str
) -> None:
    page = open_page(digits_page, size, scheme=scheme)
    assert page.title() == "digits - UCLS"
    assert page.locator("#cards .card").count() == 10
    assert (
        page.locator("#verdict p").first.inner_text().startswith("1,797 images in 10 clusters of ")
    )
    for name in ("map", "pairs", "cleaning", "labels", "figures"):
        page.locator(f"#{name}").scroll_into_view_if_needed()
    assert "[object" not in page.locator("body").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_the_contrast_of_wcag_aa(
    digits_page: Path, open_page: Open, scheme: str
) -> None:
    page = open_page(digits_page, scheme=scheme)
    ratios = page.evaluate(CONTRASTS)
    assert len(ratios) > 50
    low = [entry for entry in ratios if entry["ratio"] < 4.5]
    assert low == []


CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const isShown = element.checkVisibility() && !element.closest("script, svg, option");
    if (!own || element.disabled || !isShown) continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push({ text: element.textContent.slice(0, 30), ratio });
  }
  return found;
}"""


def test_the_map_shows_the_picture_under_the_pointer(digits_page: Path, open_page: Open) -> None:
    page = open_page(digits_page)
    page.locator("#map canvas").scroll_into_view_if_needed()
    until(page, "map.points?.length > 0")
    place = page.evaluate("""() => {
      const alone = map.points.findIndex((p, i) => map.points.every((q, j) =>
        i === j || Math.hypot(p[0] - q[0], p[1] - q[1]) > 4));
      const box = map.canvas.getBoundingClientRect();
      return { alone, x: box.left + map.points[alone][0], y: box.top + map.points[alone][1],
        source: pictureOf(DATA.map.images[alone]), path: IMAGES.path[DATA.map.images[alone]] };
    }""")
    page.mouse.move(place["x"], place["y"])
    tip = page.locator(".map .tip")
    assert tip.is_visible()
    assert tip.locator("img").get_attribute("src") == place["source"]
    assert place["path"] in tip.inner_text()
    page.mouse.move(place["x"] + 200, 5)
    page.mouse.move(2, 2)
    assert not tip.is_visible()
    page.mouse.move(place["x"], place["y"])
    page.mouse.click(place["x"], place["y"])
    assert place["path"] in page.locator("#viewer").inner_text()


def wheel_over(page: "Page", canvas: "Locator") -> tuple[float, float, float]:
    """Turns the wheel over the middle of the map; where that is, and its height."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    return x, y, box["height"]


def test_the_map_zooms_pans_and_selects_by_lasso(digits_page: Path, open_page: Open) -> None:
    page = open_page(digits_page)
    canvas = page.locator("#map canvas")
    wheel_over(page, canvas)
    page.wait_for_timeout(100)
    assert page.evaluate("map.scale") == 1  # the page scrolls, until the map is asked for
    canvas.focus()
    x, y, height = wheel_over(page, canvas)
    until(page, "map.scale > 1.5")
    page.mouse.down()
    page.mouse.move(x + 50, y + 20)
    page.mouse.up()
    assert page.evaluate("Math.round(map.x)") != 0
    page.get_by_role("button", name="Whole map").click()
    assert page.evaluate("[map.scale, map.x, map.y]") == [1, 0, 0]
    page.get_by_role("button", name="Lasso").click()
    page.wait_for_timeout(100)
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    reach = height / 2 - 4
    page.mouse.move(x - reach, y - reach)
    page.mouse.down()
    for dx, dy in corners:
        page.mouse.move(x + dx * reach, y + dy * reach, steps=4)
    page.mouse.up()
    n_images = page.evaluate("DATA.map.images.length")
    assert page.evaluate("chosen.size") == n_images
    assert f"{n_images:,} images selected" in page.locator("#selection").inner_text()


def test_an_image_is_enlarged_with_its_facts_and_neighbours(
    digits_page: Path, open_page: Open
) -> None:
    page = open_page(digits_page)
    page.locator(".tile button.open").first.focus()
    page.keyboard.press("Enter")
    viewer = page.locator("#viewer")
    assert viewer.is_visible()
    first = viewer.locator("dd").first.inner_text()
    assert first.startswith("digits/")
    assert viewer.locator(".tile").count() == 6
    page.keyboard.press("ArrowRight")
    assert viewer.locator("dd").first.inner_text() != first
    page.keyboard.press("Escape")
    assert not viewer.is_visible()


def test_the_keyboard_stays_where_it_works(digits_page: Path, open_page: Open) -> None:
    page = open_page(digits_page)
    page.locator(".card .name").nth(2).fill("third")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.value") == "third"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.card').id") != ""
    page.locator(".card").nth(1).get_by_label("done").focus()
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.type") == "checkbox"
    page.locator(".tile button.open").first.focus()
    page.keyboard.press("Enter")
    paths = []
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        paths.append(page.locator("#viewer dd").first.inner_text())
    assert len(set(paths)) == 3
    page.keyboard.press("Escape")
    page.locator("#map canvas").focus()
    for key in ("n", "n", "Enter"):
        page.keyboard.press(key)
    assert page.locator("#viewer").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    assert page.evaluate("chosen.size") == 1


def test_cards_stay_in_their_order_and_a_part_comes_behind_its_whole(
    digits_page: Path, open_page: Open
) -> None:
    page = open_page(digits_page)
    order = "[...document.querySelectorAll('.card')].map((card) => Number(card.dataset.cluster))"
    before = page.evaluate(order)
    able = page.evaluate("clusterNumbers().filter((c) => smallerHalf(state, c).length)")[0]
    page.locator(f"#cluster-{able}").get_by_role("button", name="Split", exact=True).click()
    place = before.index(able) + 1
    assert page.evaluate(order) == [*before[:place], 10, *before[place:]]
    assert page.locator(f"#cluster-{able} .chip").count() == 0  # what was said of it is no more
    page.locator("#cluster-10").get_by_label("Merge into…").select_option(str(before[-1]))
    assert page.evaluate(order) == before
    assert page.evaluate("document.activeElement.dataset.cluster") == str(before[-1])


def test_a_link_finds_a_cluster_that_a_filter_hides(digits_page: Path, open_page: Open) -> None:
    page = open_page(digits_page)
    page.get_by_label("find clusters").fill("nothing like it")
    assert page.locator(".card").count() == 0
    page.locator("#verdict button.link").first.click()
    assert page.locator(".card").count() == 10


def test_hostile_names_are_shown_as_they_are(hostile_page: Path, open_page: Open) -> None:
    page = open_page(hostile_page)
    shown = page.evaluate("IMAGES.path")
    assert set(HOSTILE) <= set(shown)
    name = '</script><img src=x onerror="alert(1)">\u202e' + "y" * 3900
    box = page.locator(".card .name").first
    box.fill(name)
    box.press("Enter")
    assert page.locator(".card .name").first.input_value() == name
    for image in range(len(HOSTILE)):
        page.evaluate("(image) => view(image, [image])", image)
        assert page.locator("#viewer dd").first.text_content() == page.evaluate(
            "(image) => IMAGES.path[image]", image
        )
    assert page.locator("main script, main iframe, dialog script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_page_without_pictures_shows_the_numbers(
    shared_run: Path, tmp_path: Path, open_page: Open
) -> None:
    from ucls.stages.report import report

    page = open_page(report(shared_run, out=tmp_path / "page.html"))
    assert "features made elsewhere have no pictures" in page.locator("#verdict").inner_text()
    assert page.locator(".tile .blank").count() > 20
    assert page.locator(".tile img").count() == 0
    page.locator(".tile button.open").first.click()
    assert "blobs/" in page.locator("#viewer").inner_text()


def test_another_run_is_a_section_of_the_page(
    digits_run: Path, tmp_path: Path, open_page: Open
) -> None:
    from ucls.stages.report import report

    page = open_page(report(digits_run, beside=digits_run, out=tmp_path / "page.html"))
    text = page.locator("#beside").inner_text()
    assert "0 are not in clusters that match" in text
    assert text.count("matched") == 10


def test_other_clusterings_are_a_section_of_the_page(run_path: Path, open_page: Open) -> None:
    from ucls.cache import RunFolder
    from ucls.stages.report import report

    other = Path(shutil.copytree(run_path, run_path.with_name("other")))
    report(other)
    RunFolder(run_path).update(alternatives=["other"])
    page = open_page(report(run_path))
    section = page.locator("#alternatives")
    assert "other: 4 clusters, NMI with those here 1.00" in section.inner_text()
    assert 4 <= section.locator(".tile").count() <= 32
    section.locator("h3 a").click()
    page.wait_for_selector("#cards .card")
    assert page.url == (other / "report.html").as_uri()
    assert page.locator("#alternatives").count() == 0


def test_a_page_can_be_printed(digits_page: Path, open_page: Open) -> None:
    page = open_page(digits_page)
    page.evaluate("setTheme('dark')")
    page.emulate_media(media="print")
    assert not page.locator(".tools").is_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.locator(".card .sheet").count() == 10
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.pdf(format="A4").startswith(b"%PDF")
