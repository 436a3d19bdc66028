"""The pages with the demo account's data, in a real browser over a real server."""

import csv
import hashlib
import io
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from costpulse_app import formats
from costpulse_app.reports.words import STATES as REPORT_STATES
from costpulse_assets.alerts import words
from costpulse_assets.reports.making import make_report
from costpulse_assets.resources.database import open_database
from costpulse_assets.settings import Settings
from tests.alerts.servers import SlackServer
from tests.e2e.account import TODAY, Account, Watch, app_server, demo_account
from tests.e2e.browser import (
    CHROMIUM,
    bar,
    choose_row,
    chromium,
    click_middle,
    keyed,
    metric,
    settled,
    table_cells,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

PAGES = {
    "/": "Overview",
    "/explorer": "Cost explorer",
    "/anomalies": "Anomalies",
    "/forecast": "Forecast & budgets",
    "/allocation": "Teams & allocation",
    "/tags": "Tag compliance",
    "/recommendations": "Recommendations",
    "/alerts": "Alerts",
    "/reports": "Reports",
}
#: All pages of the menu; those above are looked at here, all of them in test_accessibility.py.
MENU = [
    "Overview",
    "Cost explorer",
    "Anomalies",
    "Forecast & budgets",
    "Clusters & warehouses",
    "Jobs",
    "Teams & allocation",
    "Tag compliance",
    "Recommendations",
    "Alerts",
    "Reports",
    "Data health",
    "Settings & audit",
]
Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    """Where the account's alerts go."""
    with SlackServer() as server:
        yield server


@pytest.fixture(scope="module")
def account(ready_account: Path, tmp_path_factory: pytest.TempPathFactory, slack: SlackServer) -> Iterator[Account]:
    with demo_account(ready_account, tmp_path_factory.mktemp("browser"), slack) as made:
        yield made


def health(address: str) -> tuple[int, bytes]:
    """Status and body of the health check."""
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.fixture(scope="module")
def address(account: Account) -> Iterator[str]:
    with app_server(account) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def watch(browser: Browser) -> Watch:
    return Watch(browser)


@pytest.fixture
def open_(watch: Watch, address: str) -> Iterator[Opener]:
    """Opens a page; at the end of the test nothing was asked from outside and the console is clean."""
    yield lambda path="/": watch.open(address + path, PAGES[urlsplit(path).path])
    watch.close_pages()
    watch.expect_clean()


@pytest.fixture(scope="module")
def totals(account: Account) -> Callable[..., Decimal]:
    """Sums straight from the database."""

    def total(condition: str = "true", *values: object) -> Decimal:
        amount: Decimal = account.one(f"select sum(cost_usd) from costpulse.cost_records where {condition}", *values)
        return amount

    return total


def period(page: Page) -> tuple[date, date]:
    """First and last day of the demo account's last thirty days, from the badges."""
    query = parse_qs(urlsplit(page.url).query)
    return date.fromisoformat(query["period"][0]), date.fromisoformat(query["period"][1])


def exact(page: Page) -> Decimal:
    """The total above the table of all groups."""
    text = keyed(page, "table_head").inner_text()
    found = re.search(r"total (-?)\$([\d,]+\.\d\d)", text)
    assert found, text
    return Decimal(found[1] + found[2].replace(",", ""))


def cents(amount: Decimal) -> Decimal:
    return Decimal(formats.money_to_the_cent(amount).replace("$", "").replace(",", ""))


def test_the_menu_has_all_pages_and_keeps_the_filters(open_: Opener) -> None:
    page = open_("/?product=JOBS")
    links = page.get_by_test_id("stSidebarNavLink")
    assert [link.split("\n")[-1].strip() for link in links.all_inner_texts()] == MENU
    links.filter(has_text="Cost explorer").click()
    page.get_by_role("heading", name="Cost explorer", exact=True).wait_for()
    settled(page)
    expect(page).to_have_url(re.compile("/explorer\\?product=JOBS$"))
    expect(keyed(page, "crumbs")).to_contain_text("Product: Jobs")


def test_the_figures_are_those_of_the_database(open_: Opener, totals: Callable[..., Decimal]) -> None:
    page = open_("/explorer?range=custom&period=2020-01-01&period=2030-01-01&by=user")
    assert exact(page) == cents(totals())
    assert metric(page, "Total").inner_text() == formats.money(totals())
    page = open_("/explorer?range=custom&period=2020-01-01&period=2030-01-01&product=JOBS")
    assert exact(page) == cents(totals("product = 'JOBS'"))


def test_a_row_leads_down_and_the_total_below_is_the_rows_amount(open_: Opener, totals: Callable[..., Decimal]) -> None:
    page = open_("/explorer?range=custom&period=2020-01-01&period=2030-01-01&by=product")
    table = page.get_by_test_id("stDataFrame").last
    row = table_cells(table)[1]
    choose_row(page, table, 0)
    expect(keyed(page, "crumbs")).to_contain_text("Product:")
    settled(page)
    product = parse_qs(urlsplit(page.url).query)["product"][0]
    assert cents(Decimal(row[1])) == exact(page)
    assert exact(page) == cents(totals("product = %s", product))


def test_a_bar_leads_down_and_a_crumb_leads_back_up(open_: Opener) -> None:
    page = open_("/explorer?range=90d&bin=month&by=workspace")
    whole = exact(page)
    click_middle(page, bar(keyed(page, "chart"), 0, 1))
    expect(keyed(page, "crumbs")).to_contain_text("Workspace:")
    settled(page)
    assert 0 < exact(page) < whole
    keyed(page, "crumb_all").get_by_role("button").click()
    expect(keyed(page, "crumbs")).to_have_count(0)
    settled(page)
    assert exact(page) == whole
    expect(page).to_have_url(re.compile("by=workspace"))


def test_a_bar_of_the_overview_opens_that_day_and_product(open_: Opener, totals: Callable[..., Decimal]) -> None:
    page = open_("/")
    click_middle(page, bar(keyed(page, "trend"), 0, 10))
    page.get_by_role("heading", name="Cost explorer", exact=True).wait_for()
    settled(page)
    first, last = period(page)
    product = parse_qs(urlsplit(page.url).query)["product"][0]
    assert first == last
    assert exact(page) == cents(totals("product = %s and usage_date = %s", product, first))


def choose_mover(page: Page, kind: str) -> None:
    """Choose the largest mover of a kind."""
    movers = page.get_by_test_id("stDataFrame").last
    rows = table_cells(movers)[1:]
    choose_row(page, movers, next(number for number, row in enumerate(rows) if kind in row))


def test_a_mover_opens_in_the_explorer(open_: Opener) -> None:
    page = open_("/")
    choose_mover(page, "Product")
    page.get_by_role("heading", name="Cost explorer", exact=True).wait_for()
    settled(page)
    assert "compare=month" in page.url
    expect(keyed(page, "crumbs")).to_be_visible()


def test_a_team_among_the_movers_opens_its_page(open_: Opener) -> None:
    page = open_("/")
    choose_mover(page, "Team")
    expect(page).to_have_url(re.compile(r"/team\?id=\d+$"))
    settled(page)


def test_the_copied_link_opens_the_same_view(open_: Opener) -> None:
    page = open_("/explorer?range=90d&by=sku&bin=week&ws=~&measure=cost&compare=month&top=15")
    keyed(page, "link").get_by_role("button").click()
    link = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode").inner_text().strip()
    shown = page.url
    again = open_(link[link.index("/explorer") :])
    assert parse_qs(urlsplit(again.url).query) == parse_qs(urlsplit(shown).query)
    assert exact(again) == exact(page)


def test_browser_back_returns_to_the_view_before(open_: Opener) -> None:
    page = open_("/explorer?range=custom&period=2020-01-01&period=2030-01-01&by=product")
    whole = exact(page)
    choose_row(page, page.get_by_test_id("stDataFrame").last, 0)
    expect(keyed(page, "crumbs")).to_contain_text("Product:")
    settled(page)
    page.go_back()
    expect(keyed(page, "crumbs")).to_have_count(0)
    settled(page)
    assert exact(page) == whole


@pytest.mark.parametrize("by", ["product", "job", "tag&key=team"])
def test_the_csv_has_the_rows_of_the_table(by: str, open_: Opener) -> None:
    page = open_(f"/explorer?range=90d&by={by}")
    with page.expect_download() as download:
        keyed(page, "csv").get_by_role("button").click()
    written = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(written, newline="")))
    # The exact total to the last digit is the sum of the file.
    cost = rows[0].index("Cost")
    assert cents(sum((Decimal(row[cost]) for row in rows[1:] if row[cost]), Decimal(0))) == exact(page)
    header, *shown = table_cells(page.get_by_test_id("stDataFrame").last)
    assert rows[0][: len(header)] == header
    # The table keeps the rows that are in sight; they are the first of the file.
    for on_screen, in_file in zip(shown, rows[1 : 1 + len(shown)], strict=True):
        assert in_file[0].removeprefix("'") == on_screen[0]
        assert in_file[0][:1] not in ("=", "+", "-", "@")
        for exactly, roughly in zip(in_file[1:3], on_screen[1:3], strict=True):
            # The screen's numbers have sixteen digits, the file's all.
            assert amount(roughly) == pytest.approx(amount(exactly), rel=1e-12)


def amount(cell: str) -> float | None:
    """Money of a cell."""
    return None if cell in ("", "-", "None") else float(cell)


def test_hostile_names_are_text_everywhere(open_: Opener) -> None:
    page = open_("/explorer?range=90d&by=job&top=30")
    assert page.locator(".st-key-chart b, .st-key-chart script, .st-key-chart img").count() == 0


def test_an_anomaly_is_explained_acknowledged_and_followed_to_its_cost(
    open_: Opener, totals: Callable[..., Decimal]
) -> None:
    page = open_("/anomalies")
    page.get_by_role("button", name="Details").first.click()
    page.get_by_role("heading", name="Day by day", exact=True).wait_for()
    settled(page)
    assert "id=" in page.url
    expect(keyed(page, "detail_chart").locator(".barlayer .point").first).to_be_attached()
    keyed(page, "resolve").get_by_role("button").click()
    page.get_by_role("dialog").get_by_text("Not an anomaly: it was normal").click()
    keyed(page, "resolve_send").get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text("Write why, at least ten characters.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text(re.compile("local admin acknowledged it"))).to_be_visible()
    click_middle(page, bar(keyed(page, "detail_chart"), 0, 5))
    page.get_by_role("heading", name="Cost explorer", exact=True).wait_for()
    settled(page)
    first, last = period(page)
    assert first == last
    assert Decimal(0) < exact(page) <= cents(totals("usage_date = %s", first))


def test_why_explains_a_figure_with_its_days_and_price(open_: Opener) -> None:
    page = open_("/")
    keyed(page, "why_month_to_date").get_by_role("button").click()
    body = page.get_by_test_id("stPopoverBody")
    expect(body).to_contain_text("from the first of the month to the last final day")
    expect(body).to_contain_text("Exactly $")
    expect(body).to_contain_text("At your price")


def test_a_budget_is_previewed_refused_created_and_deleted(open_: Opener) -> None:
    page = open_("/forecast?tab=budgets")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Whole account")
    dialog.get_by_label("Amount in USD").fill("505,000")
    dialog.get_by_label("Amount in USD").press("Tab")
    expect(dialog).to_contain_text("probability that this is exceeded")
    dialog.get_by_role("button", name="Create budget").click()
    expect(dialog).to_contain_text("A budget named Whole account exists already.")
    expect(dialog).to_contain_text("A budget for this scope and period exists: edit it.")
    dialog.get_by_label("Name").fill("By the year")
    dialog.get_by_label("Period").click()
    page.get_by_role("option", name="Every year").click()
    expect(dialog).not_to_contain_text("probability that this is exceeded")
    settled(page)
    dialog.get_by_role("button", name="Create budget").click()
    expect(page.get_by_text("Created the budget “By the year”.")).to_be_visible()
    expect(dialog).to_have_count(0)
    settled(page)

    keyed(page, "chosen_budget").get_by_role("combobox").click()
    page.get_by_role("option", name="By the year").click()
    settled(page)
    keyed(page, "delete_budget").get_by_role("button").click()
    dialog.get_by_role("button", name="Keep it").wait_for()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    settled(page)
    keyed(page, "delete_budget").get_by_role("button").click()
    dialog.get_by_role("button", name="Delete budget").click()
    expect(page.get_by_text("Deleted the budget “By the year”.")).to_be_visible()
    settled(page)

    choose_row(page, keyed(page, "budgets"), 0)
    page.get_by_role("heading", name="Cost explorer", exact=True).wait_for()
    settled(page)
    expect(keyed(page, "crumbs")).to_contain_text("Team:")


def test_the_waterfall_of_the_overview_ends_at_the_month_to_date(open_: Opener, totals: Callable[..., Decimal]) -> None:
    page = open_("/")
    expect(keyed(page, "bridge").locator(".waterfalllayer .point path").first).to_be_attached()
    badge = page.get_by_text("Data to").first.inner_text()
    final = datetime.strptime(badge.partition("Data to ")[2], "%d %b %Y").replace(tzinfo=UTC).date()
    now = totals("usage_date between %s and %s", final.replace(day=1), final)
    said = page.get_by_text("The parts add up to that.").inner_text()
    assert f"{formats.money_to_the_cent(now)}, " in said


def test_unknown_api_paths_are_not_answered_with_the_page(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}/api/v1/none", timeout=10)
    assert refused.value.code == 404
    refused.value.close()


def test_the_health_check_says_whether_the_database_answers(account: Account, address: str) -> None:
    assert health(address) == (200, b'{"status":"ok","database":"ok"}')
    with app_server(account, COSTPULSE_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none") as alone:
        assert health(alone) == (503, b'{"status":"failing","database":"away"}')


# --- messages of alerts


@pytest.fixture(scope="module")
def messages(account: Account, slack: SlackServer, address: str) -> dict[str, dict[str, str]]:
    """Every message that arrived: the addresses of its buttons by what they say, by its title."""
    # As if the cooldown between messages of one scope were over.
    account.change("update costpulse.alert_outbox set due_at = now()")
    queued = account.one("select count(*) from costpulse.alert_outbox")
    delivered = account.command("deliver", COSTPULSE_APP_URL=address)
    states = account.rows("select state, count(*) as n from costpulse.alert_outbox group by 1")
    assert states == [{"state": "delivered", "n": queued}], delivered
    assert len(slack.messages) == queued > 10
    return {
        body["blocks"][0]["text"]["text"]: {
            button["text"]["text"]: button["url"]
            for block in body["blocks"]
            if block["type"] == "actions"
            for button in block["elements"]
        }
        for body in slack.messages
    }


def cost_by_day(account: Account, team: str) -> dict[date, Decimal]:
    """Of a team with the teams below it, on final days, from the allocated bill."""
    rows = account.rows(
        "with recursive scope as (select id from costpulse.teams where name = %s union all "
        "select t.id from costpulse.teams as t join scope as s on t.parent_team_id = s.id) "
        "select usage_date, sum(cost_usd) as cost_usd from costpulse.daily_costs as d "
        "join scope on d.team_id = scope.id "
        "where usage_date in (select usage_date from costpulse.completeness where not is_provisional) group by 1",
        team,
    )
    return {row["usage_date"]: row["cost_usd"] for row in rows}


def test_the_planted_breach_of_a_budget_arrives_with_the_right_figures_and_its_link_opens_it(
    messages: dict[str, dict[str, str]], account: Account, open_: Opener, address: str
) -> None:
    amount, costs = Decimal(65_000), cost_by_day(account, "Customer Success")
    breaches = {}
    for month in {day.replace(day=1) for day in costs}:
        spent = Decimal(0)
        for day in sorted(day for day in costs if day.replace(day=1) == month):
            spent += costs[day]
            if spent >= amount and month > min(costs).replace(day=1):
                # Rounded down: nothing is said to be reached before it is.
                breaches[day] = f"Budget Customer Success: {spent * 100 // amount} % of $65,000 is spent"
                break
    told = {title for day, title in breaches.items() if day >= max(costs) - timedelta(days=30)}
    assert told
    assert any(title in heading for title in told for heading in messages), (told, list(messages))
    links = next(links for heading, links in messages.items() if any(title in heading for title in told))
    page = open_(links["Open in CostPulse"].removeprefix(address))
    expect(page.get_by_text("Customer Success").first).to_be_visible()


def test_the_planted_spike_arrives_and_is_acknowledged_by_one_click_in_the_app_once(
    messages: dict[str, dict[str, str]], account: Account, open_: Opener, address: str
) -> None:
    costs = cost_by_day(account, "ML Research")
    (day,) = {max(costs) - timedelta(days=7)}
    beginning = f"Team ML Research: {words.usd(costs[day])} on {words.day(day)}, "
    ((heading, links),) = [each for each in messages.items() if beginning in each[0]]
    assert heading.rstrip().split(", ")[-1].startswith(tuple("123456789"))
    open_(links["Open in CostPulse"].removeprefix(address))

    def acknowledged() -> Any:
        return account.one(
            "select count(acknowledged_by) from costpulse.alert_history where starts_with(message, %s)", beginning
        )

    page = open_(links["Acknowledge"].removeprefix(address))
    expect(page.get_by_text("The link asks to acknowledge")).to_be_visible()
    # Whatever looks at a link before the person does changes nothing.
    assert acknowledged() == 0
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Acknowledged: the audit log has your name.")).to_be_visible()
    assert acknowledged() == 1
    again = open_(links["Acknowledge"].removeprefix(address))
    expect(again.get_by_text("there is nothing left to do")).to_be_visible()


# --- reports


def test_a_report_is_asked_for_by_one_click_becomes_ready_while_it_is_looked_at_and_is_downloaded(
    open_: Opener, account: Account
) -> None:
    page = open_("/reports")
    keyed(page, "offer_showback_xlsx").get_by_role("button").click()
    expect(page.get_by_text(REPORT_STATES["requested"]).first).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?id=\d+$"))
    (number,) = parse_qs(urlsplit(page.url).query)["id"]
    # As the sensor of Dagster would; nobody touches the page.
    settings = Settings(data_dir=account.folder, today=TODAY)
    with open_database(settings) as database:
        made = make_report(database, settings, int(number), run_id="browser")
    expect(keyed(page, "download_report")).to_be_visible()
    settled(page)
    with page.expect_download() as download:
        keyed(page, "download_report").get_by_role("button").click()
    assert hashlib.sha256(download.value.path().read_bytes()).hexdigest() == made.checksum
    expect(page.get_by_text(made.checksum)).to_be_visible()
    keyed(page, "back").get_by_role("button").click()
    assert made.name in str(table_cells(page.get_by_test_id("stDataFrame").first))
