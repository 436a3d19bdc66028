"""Headless Chromium on the app: how it is started, and every name of Streamlit's page that tests rely on."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

#: The first that is there. The headless shell draws no window around the page: a sixth less work.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))), None
)

_ARGUMENTS = (
    "--no-sandbox",
    # Pages of the app share a process, and with it what was compiled of their scripts.
    "--process-per-site",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_RESTING = "[data-testid=stApp][data-test-connection-state=CONNECTED][data-test-script-state=notRunning]"
_PATIENCE = 60_000
expect.set_options(timeout=_PATIENCE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def settled(page: Page) -> None:
    """The script rests, nothing is stale or still a grey box; first wait for what the action was to bring."""
    page.locator(_RESTING).wait_for(timeout=_PATIENCE)
    expect(page.locator("[data-stale=true], [data-testid=stSkeleton]")).to_have_count(0, timeout=_PATIENCE)


def open_page(page: Page, url: str, heading: str) -> None:
    """Open an address and wait until the page with the heading is complete."""
    page.goto(url)
    page.get_by_role("heading", name=heading, exact=True, level=1).wait_for(timeout=_PATIENCE)
    settled(page)


def whole_page(page: Page) -> None:
    """Make the window as high as the page: it scrolls inside an element, not in the window."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": height})  # type: ignore[index]
    settled(page)


def metric(page: Page, label: str) -> Locator:
    """The value of a card."""
    card = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return card.get_by_test_id("stMetricValue")


def keyed(page: Page, key: str) -> Locator:
    """A container or widget by its key."""
    return page.locator(f".st-key-{key}")


def table_named(page: Page, name: str) -> Locator:
    """A table by the beginning of what it is called for assistive technology."""
    return page.get_by_test_id("stDataFrame").filter(has=page.locator(f'div[aria-label^="{name}"]'))


def table_cells(table: Locator) -> list[list[str]]:
    """Header and rows of a table, raw values: the picture is a canvas with a hidden grid inside."""
    # What is out of sight may not be drawn.
    table.scroll_into_view_if_needed()
    grid = table.locator("canvas table")
    grid.locator("td[role=gridcell]").first.wait_for(state="attached", timeout=_PATIENCE)
    rows = grid.locator("tr")
    return [rows.nth(n).locator("th,td").all_text_contents() for n in range(rows.count())]


def choose_row(page: Page, table: Locator, number: int) -> None:
    """Tick the box of a row."""
    table.locator("canvas td[role=gridcell]").first.wait_for(state="attached", timeout=_PATIENCE)
    table.scroll_into_view_if_needed()
    box = table.locator("canvas").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + 35 + 17 + 35 * number)


def click_middle(page: Page, mark: Locator) -> None:
    """Click a mark of a chart where it is drawn, once it has stopped moving."""
    mark.scroll_into_view_if_needed()
    box, before = mark.bounding_box(), None
    while box != before:
        page.wait_for_timeout(200)
        box, before = mark.bounding_box(), box
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def bar(chart: Locator, series: int, number: int) -> Locator:
    """Bar `number` of a series of a chart."""
    return chart.locator(".barlayer .trace").nth(series).locator(".point path").nth(number)
