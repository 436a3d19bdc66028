"""Every page, in light and dark, wide and narrow: what axe-core says about it, and that nothing is out of reach."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.alerts.servers import SlackServer
from tests.e2e.account import Account, Watch, app_server, demo_account
from tests.e2e.browser import CHROMIUM, chromium, keyed, settled

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

NARROW = 420
#: The rules of axe that look at colours.
ABOUT_COLOURS = ("color-contrast", "link-in-text-block")
#: Address and heading; {job} and so on are the dearest of the account.
PAGES = {
    "/": "Overview",
    "/explorer": "Cost explorer",
    "/explorer?by=job&range=90d&bin=week": "Cost explorer",
    "/anomalies": "Anomalies",
    "/anomalies?id={anomaly}": "Anomalies",
    "/forecast": "Forecast & budgets",
    "/forecast?tab=budgets": "Forecast & budgets",
    "/compute": "Clusters & warehouses",
    "/cluster?id={cluster}": None,
    "/warehouse?id={warehouse}": None,
    "/jobs": "Jobs",
    "/job?id={job}": None,
    "/allocation": "Teams & allocation",
    "/allocation?tab=rules": "Teams & allocation",
    "/team?id={team}": None,
    "/tags": "Tag compliance",
    "/recommendations": "Recommendations",
    "/recommendations?id={recommendation}": "Recommendations",
    "/alerts": "Alerts",
    "/reports": "Reports",
    "/health": "Data health",
    "/settings": "Settings & audit",
    "/settings?tab=audit": "Settings & audit",
}
#: Those of which a chart is the first thing.
WITH_CHART = {
    "/",
    "/explorer",
    "/explorer?by=job&range=90d&bin=week",
    "/anomalies",
    "/forecast",
    "/compute",
    "/cluster?id={cluster}",
    "/warehouse?id={warehouse}",
    "/jobs",
    "/job?id={job}",
    "/allocation",
    "/team?id={team}",
    "/tags",
    "/recommendations",
}


@dataclass(frozen=True)
class Running:
    """The app, and the ids for the addresses."""

    address: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def running(ready_account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with (
        SlackServer() as slack,
        demo_account(ready_account, tmp_path_factory.mktemp("accessible"), slack) as account,
        app_server(account) as address,
    ):
        yield Running(address, {name: quote(value) for name, value in dearest(account).items()})


def dearest(account: Account) -> dict[str, str]:
    found = {
        f"{kind}": account.one(
            f"select k.workspace_id || '/' || k.{kind}_id from costpulse.daily_key_costs as d "
            f"join costpulse.cost_keys as k using (key_id) where k.{kind}_id is not null "
            "group by 1 order by sum(d.cost_usd) desc nulls last limit 1"
        )
        for kind in ("job", "cluster", "warehouse")
    }
    found["team"] = str(account.one("select id from costpulse.teams where name = 'Data Platform'"))
    for kind, table, amount in (
        ("anomaly", "anomalies", "impact_usd"),
        ("recommendation", "recommendations", "estimated_savings"),
    ):
        found[kind] = str(account.one(f"select id from costpulse.{table} order by {amount} desc limit 1"))
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def watch(browser: Browser) -> Watch:
    return Watch(browser)


@pytest.fixture(scope="module")
def windows(watch: Watch) -> dict[str, Page]:
    """One for each colour scheme: what was loaded for one page is there for the next."""
    return {scheme: watch.page(scheme=scheme) for scheme in ("light", "dark")}


def violations(page: Page, *rules: str) -> list[str]:
    """What keeps people out, one line per element; by these rules of axe, or by all."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    found = Axe().run(page, options={"resultTypes": ["violations"], **only}).response["violations"]
    return [
        f"{violation['id']} at {node['target']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_complete_and_keeps_nobody_out(
    path: str, scheme: str, windows: dict[str, Page], watch: Watch, running: Running
) -> None:
    page = windows[scheme]
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(running.address + path.format(**running.ids))
    heading = page.get_by_role("heading", level=1, **({"name": PAGES[path], "exact": True} if PAGES[path] else {}))
    heading.wait_for()
    settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("Data to").first).to_be_visible()
    if path in WITH_CHART:
        drawn = page.get_by_test_id("stPlotlyChart").first.locator(".cartesianlayer .point, .cartesianlayer .js-line")
        expect(drawn.first).to_be_attached()
    ground = page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 22, 31)"}[scheme]
    for kind in ("stPlotlyChart", "stDataFrame"):
        for element in page.get_by_test_id(kind).all():
            named = element.evaluate(
                "e => [e, ...e.querySelectorAll('*')].some(x => (x.getAttribute('aria-label') || '').length > 10)"
            )
            assert named, f"a {kind} has no accessible name"
    # The schemes differ in colours only.
    rules = () if scheme == "light" else ABOUT_COLOURS
    assert not (found := violations(page, *rules)), "\n".join(found)

    page.set_viewport_size({"width": NARROW, "height": 900})
    settled(page)
    # Figures and tables shrink a moment after the window.
    page.wait_for_function(
        "most => [document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".every(each => each.scrollWidth <= most)",
        arg=NARROW,
    )
    for element in (heading, keyed(page, "filterbar").get_by_role("combobox").first):
        element.scroll_into_view_if_needed()
        expect(element).to_be_in_viewport()
        box = element.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW
    # Colours were judged above: what a narrow window changes is the same in both.
    assert scheme == "dark" or not (found := violations(page)), "\n".join(found)
    watch.expect_clean()
