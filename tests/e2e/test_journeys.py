"""Twelve things that people come for, from the first click to what it changed in the database."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from costpulse_app import formats
from costpulse_app.forecast import scopes
from costpulse_app.reports.words import STATES as REPORT_STATES
from costpulse_assets.analysis import anomaly_status
from costpulse_assets.periods import first_of_previous_month
from costpulse_assets.resources.database import Database
from tests.alerts.servers import SlackServer
from tests.e2e.account import TODAY, Account, Watch, app_server, demo_account, sign_in_provider, with_dagster
from tests.e2e.browser import (
    CHROMIUM,
    bar,
    choose_row,
    chromium,
    click_middle,
    keyed,
    metric,
    open_page,
    settled,
    table_cells,
    table_named,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

#: Folder for what each journey looks like on its way; none are kept without.
PICTURES = os.environ.get("COSTPULSE_JOURNEY_PICTURES")


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture(scope="module")
def account(ready_account: Path, tmp_path_factory: pytest.TempPathFactory, slack: SlackServer) -> Iterator[Account]:
    with demo_account(ready_account, tmp_path_factory.mktemp("journeys"), slack) as made:
        yield made


@pytest.fixture(scope="module")
def app(account: Account) -> Iterator[str]:
    with app_server(account) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def windows(browser: Browser) -> Watch:
    return Watch(browser)


@pytest.fixture
def watch(windows: Watch) -> Iterator[Watch]:
    """At the end of a journey nothing was asked from outside and the console is clean."""
    yield windows
    windows.close_pages()
    windows.expect_clean()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Any:
    """Keeps what a page looks like: picture(page, "saved")."""
    made = 0

    def take(page: Page, what: str) -> None:
        nonlocal made
        made += 1
        if PICTURES:
            name = request.node.name.removeprefix("test_")[:60]
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(PICTURES) / f"{name}-{made}-{what}.png")

    return take


def exact(page: Page) -> Decimal:
    """The total above the table of all groups of the cost explorer."""
    text = keyed(page, "table_head").inner_text()
    found = re.search(r"total (-?)\$([\d,]+\.\d\d)", text)
    assert found, text
    return Decimal(found[1] + found[2].replace(",", ""))


def cents(amount: Decimal) -> Decimal:
    return Decimal(formats.money_to_the_cent(amount).replace("$", "").replace(",", ""))


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def to_page(page: Page, name: str) -> None:
    """By the menu."""
    page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click()
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for()
    settled(page)


def choose(page: Page, widget: Any, option: str) -> None:
    """An option of a select box."""
    widget.click()
    page.get_by_role("option", name=option, exact=True).click()


def newest_final(account: Account) -> date:
    """The last day up to which all are final."""
    return account.one(
        "select max(usage_date) from costpulse.completeness where not is_provisional and usage_date < all "
        "(select usage_date from costpulse.completeness where is_provisional)"
    )


def reallocate(account: Account) -> None:
    """As the run does that follows a change of rules."""
    first = account.one("select min(usage_date) from costpulse.completeness")
    assets = ("key_allocations", "cost_allocations", "daily_costs", "daily_key_costs", "statement_lines")
    account.command("materialize", *assets, "--from", str(first))


# --- 1


def test_01_this_month_is_seen_and_followed_down_to_one_job(
    watch: Watch, app: str, account: Account, picture: Any
) -> None:
    page = watch.open(f"{app}/?range=month&product=JOBS", "Overview")
    final = newest_final(account)
    spent = account.one(
        "select sum(cost_usd) from costpulse.cost_records where product = 'JOBS' and usage_date between %s and %s",
        final.replace(day=1),
        final,
    )
    assert metric(page, "Month to date").inner_text() == formats.money(spent)
    picture(page, "overview")
    click_middle(page, bar(keyed(page, "trend"), 0, 0))
    page.get_by_role("heading", name="Cost explorer", exact=True).wait_for()
    settled(page)
    day = query(page)["period"][0]
    total = "select sum(cost_usd) from costpulse.cost_records where product = 'JOBS' and usage_date = %s"
    assert exact(page) == cents(account.one(total, day))

    if query(page).get("by") != ["job"]:
        choose(page, keyed(page, "v_by").get_by_role("combobox"), "Job")
        expect(page).to_have_url(re.compile("by=job"))
        settled(page)
    picture(page, "jobs-of-the-day")
    table = page.get_by_test_id("stDataFrame").last
    amount = Decimal(table_cells(table)[1][1])
    choose_row(page, table, 0)
    expect(keyed(page, "crumbs")).to_contain_text("Job:")
    settled(page)
    (job,) = query(page)["job"]
    workspace, _, number = job.partition("/")
    of_job = account.one(f"{total} and workspace_id = %s and job_id = %s", day, workspace, number)
    assert exact(page) == cents(of_job) == cents(amount)
    picture(page, "one-job")


# --- 2


def test_02_the_spike_of_last_week_is_found_and_acknowledged(
    watch: Watch, app: str, account: Account, picture: Any
) -> None:
    final = newest_final(account)
    (spike,) = account.rows(
        "select a.id, a.actual_usd, a.start_date, c.name as cause from costpulse.anomalies as a "
        "join costpulse.anomaly_causes as c on c.anomaly_id = a.id and c.is_main and c.rank = 1 "
        "where a.kind = 'spike' and a.parent_id is null and a.start_date >= %s and a.status = 'open' "
        "order by a.impact_usd desc limit 1",
        final - timedelta(days=9),
    )
    page = watch.open(f"{app}/", "Overview")
    to_page(page, "Anomalies")
    found = keyed(page, f"event_{spike['id']}")
    expect(found).to_contain_text(spike["cause"])
    expect(found).to_contain_text(formats.money(spike["actual_usd"]))
    picture(page, "list")
    keyed(page, f"details_{spike['id']}").get_by_role("button").click()
    page.get_by_role("heading", name="Day by day", exact=True).wait_for()
    settled(page)
    assert query(page)["id"] == [str(spike["id"])]
    expect(page.get_by_test_id("stMain")).to_contain_text(formats.day(spike["start_date"]))
    picture(page, "detail")
    keyed(page, f"acknowledge_{spike['id']}").get_by_role("button").click()
    expect(page.get_by_text(re.compile("local admin acknowledged it"))).to_be_visible()
    settled(page)
    picture(page, "acknowledged")
    assert account.one("select status from costpulse.anomalies where id = %s", spike["id"]) == "acknowledged"
    to_page(page, "Overview")
    to_page(page, "Anomalies")
    expect(keyed(page, f"event_{spike['id']}")).to_contain_text("Acknowledged")
    expect(keyed(page, f"acknowledge_{spike['id']}")).to_have_count(0)


# --- 3


def test_03_a_rule_is_tried_saved_and_the_days_are_allocated_anew(
    watch: Watch, app: str, account: Account, picture: Any
) -> None:
    # One of those whose name no other job has.
    (job,) = account.rows(
        "with named as (select min(workspace_id) as workspace_id, min(resource_id) as job_id, name "
        "from costpulse.resource_names where resource_type = 'job' group by name having count(*) = 1) "
        "select n.name, n.job_id, t.id as team_id, "
        "sum(d.cost_usd) filter (where d.team_id is distinct from t.id) as cost_usd "
        "from named as n join costpulse.cost_keys as k using (workspace_id, job_id) "
        "join costpulse.daily_key_costs as d using (key_id) cross join costpulse.teams as t "
        "where t.name = 'Supply Chain' group by 1, 2, 3 order by 4 desc nulls last limit 1"
    )
    mine = "select coalesce(sum(cost_usd), 0) from costpulse.daily_costs where team_id = %s"
    before = account.one(mine, job["team_id"])
    everything = account.one("select sum(cost_usd) from costpulse.daily_costs")

    page = watch.open(f"{app}/allocation?tab=rules", "Teams & allocation")
    keyed(page, "add_rule").get_by_role("button").click()
    form = keyed(page, "rule_form")
    form.get_by_label("Name", exact=True).fill("Journey rule")
    form.get_by_label("Name", exact=True).press("Tab")
    choose(page, form.get_by_role("combobox", name="Team"), "Supply Chain")
    choose(page, form.get_by_role("combobox", name="Kind"), "Job")
    jobs = form.get_by_label("Jobs", exact=True)
    jobs.fill(job["name"])
    jobs.press("Control+Enter")
    settled(page)
    form.get_by_role("spinbutton", name="Priority").fill("1")
    form.get_by_role("spinbutton", name="Priority").press("Tab")
    settled(page)
    form.get_by_role("button", name="Put rule into the draft").click()
    expect(keyed(page, "draft")).to_contain_text("1 unsaved change")
    expect(form).to_have_count(0)
    settled(page)
    expect(keyed(page, "save").get_by_role("button")).to_be_disabled()

    choose(page, keyed(page, "try_days").get_by_role("combobox"), "Last 90 days")
    settled(page)
    keyed(page, "simulate").get_by_role("button").click()
    expect(keyed(page, "draft")).to_contain_text("Simulated on")
    settled(page)
    simulated = {row[0]: row[1:] for row in table_cells(table_named(page, "Cost per team as it is"))[1:]}
    # A split by direct spend gives the team a part more.
    promised = cents(Decimal(simulated["Supply Chain"][2]))
    assert promised >= cents(job["cost_usd"])
    picture(page, "simulated")
    keyed(page, "save").get_by_role("button").click()
    expect(page.get_by_text("Saved 1 change.")).to_be_visible()
    settled(page)
    assert account.one("select count(*) from costpulse.allocation_rules where name = 'Journey rule'") == 1
    assert account.one(mine, job["team_id"]) == before

    page.get_by_role("tab", name="Allocation").click()
    expect(page.get_by_text("being re-allocated")).to_be_visible()
    settled(page)
    picture(page, "waiting")
    reallocate(account)
    page.reload()
    expect(page.get_by_text("Rules as of version")).to_be_visible()
    settled(page)
    expect(page.get_by_text("being re-allocated")).to_have_count(0)
    picture(page, "re-allocated")
    assert cents(account.one(mine, job["team_id"]) - before) == promised
    assert account.rows(
        "select distinct d.team_id from costpulse.daily_key_costs as d join costpulse.cost_keys as k using (key_id) "
        "where k.job_id = %s",
        job["job_id"],
    ) == [{"team_id": job["team_id"]}]
    assert account.one("select sum(cost_usd) from costpulse.daily_costs") == everything


# --- 4


def test_04_a_suggestion_is_accepted(watch: Watch, app: str, account: Account, picture: Any) -> None:
    offered = account.rows(
        "select id, kind, team_name, unallocated_usd from costpulse.rule_suggestions order by unallocated_usd desc"
    )[0]
    saved = "select count(*) from costpulse.audit_log where actor = 'local admin' and table_name = any(%s)"
    tables = ["allocation_rules", "teams", "team_members"]
    before = account.one(saved, tables)
    unallocated = "select sum(cost_usd) from costpulse.daily_costs where team_id is null"
    nobody = account.one(unallocated)
    page = watch.open(f"{app}/allocation?tab=rules", "Teams & allocation")
    box = keyed(page, f"suggestion_{offered['id']}")
    expect(box).to_contain_text(offered["team_name"])
    expect(box).to_contain_text(formats.money(offered["unallocated_usd"]))
    box.scroll_into_view_if_needed()
    picture(page, "offered")
    keyed(page, f"accept_{offered['id']}").get_by_role("button").click()
    expect(page.get_by_text(f"Saved for {offered['team_name']}.")).to_be_visible()
    settled(page)
    expect(box).to_have_count(0)
    assert account.one(saved, tables) > before
    reallocate(account)
    assert account.one(unallocated) < nobody - offered["unallocated_usd"] / 2
    page.reload()
    settled(page)
    picture(page, "accepted")


# --- 5


def test_05_a_budget_is_set_and_its_probability_seen(watch: Watch, app: str, account: Account, picture: Any) -> None:
    page = watch.open(f"{app}/forecast?tab=budgets", "Forecast & budgets")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Journey budget")
    choose(page, dialog.get_by_role("combobox", name="Whose cost"), "Team (with the teams below it)")
    choose(page, dialog.get_by_role("combobox", name="Team", exact=True), "Growth")
    dialog.get_by_label("Amount in USD").fill("20,000")
    dialog.get_by_label("Amount in USD").press("Tab")
    expect(dialog).to_contain_text("probability that this is exceeded")
    said = re.search(r"probability that this is exceeded ([<>]?\d+%)", dialog.inner_text())
    assert said
    picture(page, "probability")
    dialog.get_by_role("button", name="Create budget").click()
    expect(page.get_by_text("Created the budget “Journey budget”.")).to_be_visible()
    settled(page)
    assert account.rows("select scope_type, amount from costpulse.budgets where name = 'Journey budget'") == [
        {"scope_type": "team", "amount": Decimal(20_000)}
    ]
    # As the sensor's run does.
    account.command("materialize", "forecasts", "budget_status")
    page.reload()
    settled(page)
    header, *rows = table_cells(table_named(page, "All budgets"))
    (row,) = [dict(zip(header, row, strict=True)) for row in rows if row[0] == "Journey budget"]
    (judged,) = account.rows(
        "select s.probability_exceeded, s.projected_usd, s.amount from costpulse.budget_status as s "
        "join costpulse.budgets as b on b.id = s.budget_id where b.name = 'Journey budget' "
        "order by s.period_start desc limit 1"
    )
    assert row["Breach probability"] == scopes.probability(judged["probability_exceeded"]) == said[1]
    assert cents(Decimal(row["Projected"])) == cents(judged["projected_usd"])
    assert Decimal(row["Amount"]) == judged["amount"] == 20_000
    picture(page, "judged")


# --- 6


def test_06_a_recommendation_is_accepted_and_finished(watch: Watch, app: str, account: Account, picture: Any) -> None:
    (one,) = account.rows(
        "select id, title, estimated_savings from costpulse.recommendations where status = 'open' "
        "order by estimated_savings desc limit 1"
    )
    page = watch.open(f"{app}/recommendations?id={one['id']}", "Recommendations")
    expect(page.get_by_text(formats.money(one["estimated_savings"])).first).to_be_visible()
    keyed(page, "detail_accept").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Who makes the change").fill("grace@example.com")
    picture(page, "accepting")
    keyed(page, "accept_send").get_by_role("button").click()
    expect(dialog).to_have_count(0)
    settled(page)
    expect(page.get_by_text("accepted.").first).to_be_visible()
    status = "select status, assigned_to, decided_by from costpulse.recommendations where id = %s"
    assert account.rows(status, one["id"]) == [
        {"status": "accepted", "assigned_to": "grace@example.com", "decided_by": "local admin"}
    ]
    keyed(page, "detail_done").get_by_role("button").click()
    picture(page, "finishing")
    keyed(page, "done_send").get_by_role("button").click()
    expect(dialog).to_have_count(0)
    settled(page)
    expect(page.get_by_text("done.").first).to_be_visible()
    assert account.rows(status, one["id"])[0]["status"] == "done"
    picture(page, "done")
    keyed(page, "back").get_by_role("button").click()
    table_named(page, "Recommendations").wait_for()
    settled(page)
    possible = account.one("select sum(estimated_savings) from costpulse.recommendations where status = 'open'")
    assert metric(page, "Possible saving").inner_text() == formats.money(possible)


# --- 7


def test_07_an_alert_is_made_tried_and_its_test_arrives(
    watch: Watch, app: str, account: Account, slack: SlackServer, picture: Any
) -> None:
    page = watch.open(f"{app}/alerts", "Alerts")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Journey alert")
    dialog.get_by_label("Name").press("Tab")
    choose(page, dialog.get_by_role("combobox", name="Type"), "Cost spike")
    settled(page)
    threshold = dialog.get_by_label("Percent above the usual weekday (optional)", exact=True)
    threshold.fill("40")
    threshold.press("Tab")
    settled(page)
    dialog.get_by_role("button", name="Would it have fired?").click()
    expect(dialog).to_contain_text(re.compile("90 days"))
    settled(page)
    picture(page, "tried")
    dialog.get_by_role("button", name="Create alert").click()
    expect(page.get_by_text("Created the alert “Journey alert”.")).to_be_visible()
    expect(dialog).to_have_count(0)
    settled(page)
    assert account.rows("select alert_type, threshold_value from costpulse.alerts where name = 'Journey alert'") == [
        {"alert_type": "cost_spike", "threshold_value": Decimal(40)}
    ]
    before = len(slack.messages)
    choose(page, keyed(page, "chosen_alert").get_by_role("combobox"), "Journey alert")
    settled(page)
    keyed(page, "test_alert").get_by_role("button").click()
    dialog.get_by_role("button", name="Send test").click()
    expect(dialog).to_contain_text("Delivered to")
    picture(page, "delivered")
    (message,) = slack.messages[before:]
    assert "Journey alert" in str(message)


# --- 8


def test_08_a_report_is_made_and_downloaded(watch: Watch, app: str, account: Account, picture: Any) -> None:
    page = watch.open(f"{app}/reports", "Reports")
    keyed(page, "offer_showback_xlsx").get_by_role("button").click()
    expect(page.get_by_text(REPORT_STATES["requested"]).first).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?id=\d+$"))
    (number,) = query(page)["id"]
    picture(page, "asked-for")
    account.command("materialize", "reports")
    # Nobody touches the page.
    expect(keyed(page, "download_report")).to_be_visible()
    settled(page)
    with page.expect_download() as download:
        keyed(page, "download_report").get_by_role("button").click()
    made = account.rows("select status, checksum, row_count from costpulse.reports where id = %s", number)[0]
    assert made["status"] == "ready"
    assert hashlib.sha256(download.value.path().read_bytes()).hexdigest() == made["checksum"]
    picture(page, "ready")


# --- 9


def test_09_a_month_is_closed_and_a_later_change_is_an_adjustment(
    watch: Watch, app: str, account: Account, picture: Any
) -> None:
    month = first_of_previous_month(TODAY)
    title = f"{month:%B %Y}"
    spent = account.one(
        "select sum(cost_usd) from costpulse.daily_costs where date_trunc('month', usage_date) = %s", month
    )
    page = watch.open(f"{app}/allocation?tab=statement&month={month:%Y-%m}", "Teams & allocation")
    page.get_by_role("heading", name=f"{title}: not final").wait_for()
    keyed(page, "ask_month").get_by_role("button").click()
    expect(keyed(page, "confirm_month")).to_contain_text(f"Closing freezes {formats.money_to_the_cent(spent)}")
    keyed(page, "month_note").get_by_role("textbox").fill("Journey")
    keyed(page, "month_note").get_by_role("textbox").press("Tab")
    settled(page)
    picture(page, "confirm")
    keyed(page, "confirm").get_by_role("button").click()
    page.get_by_role("heading", name=f"{title}: closed").wait_for()
    settled(page)
    picture(page, "closed")
    assert account.one("select note from costpulse.closed_periods where month = %s", month) == "Journey"

    # The price of what was used then changes.
    (sku,) = account.rows(
        "select sku_name, sum(cost_usd) as cost_usd from costpulse.daily_sku_costs "
        "where date_trunc('month', usage_date) = %s group by 1 order by 2 desc nulls last limit 1",
        month,
    )
    account.change(
        "insert into costpulse.price_adjustments (sku_pattern, percentage, valid_from, valid_to, note) "
        "values (%s, -10, %s, %s, 'Journey')",
        sku["sku_name"], month, month + timedelta(days=27),
    )  # fmt: skip
    account.command("materialize", "cost_records", "--from", str(month), "--to", str(month + timedelta(days=30)))
    reallocate(account)
    frozen = account.one(
        "select sum(cost_usd) from costpulse.statement_lines where month = %s and cause is null", month
    )
    assert frozen == spent
    changed = account.one(
        "select sum(cost_usd) from costpulse.statement_lines where month = %s and cause = 'price'", month
    )
    assert changed < 0
    choose(page, keyed(page, "month").get_by_role("combobox"), f"{TODAY:%B %Y}")
    expect(page.get_by_text(f"With adjustments of closed months: {title}.")).to_be_visible()
    settled(page)
    statement = table_named(page, f"Statement of {TODAY:%B %Y}")
    expect(statement.locator("th", has_text="Changed prices")).to_be_attached()
    header, *rows = table_cells(statement)
    booked = sum(Decimal(row[header.index("Changed prices")]) for row in rows)
    assert abs(booked - changed) < Decimal("0.01")
    picture(page, "adjustment")


# --- 10


@pytest.fixture
def operated(account: Account) -> Iterator[str]:
    with with_dagster(account) as address:
        yield address


def test_10_a_day_is_collected_again_from_data_health(
    operated: str, watch: Watch, account: Account, picture: Any
) -> None:
    day = newest_final(account)
    state = "select max(collected_at) from costpulse.collected_days where source = 'cost_records' and usage_date = %s"
    cost = "select sum(cost_usd) from costpulse.cost_records where usage_date = %s"
    collected, spent = account.one(state, day), account.one(cost, day)
    page = watch.open(f"{operated}/health", "Data health")
    picture(page, "health")
    keyed(page, "collect_days").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    for name in ("First day (UTC)", "Last day (UTC)"):
        field = dialog.get_by_test_id("stDateInput").filter(has_text=name)
        field.get_by_role("spinbutton").first.click()
        page.keyboard.type(f"{day:%Y%m%d}")
        # What was typed is taken once the calendar is closed, which the first Escape does.
        page.keyboard.press("Escape")
        settled(page)
    picture(page, "asked")
    dialog.get_by_role("button", name="Collect 1 day again").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("asked for").first).to_be_visible()
    picture(page, "started")
    # Nobody touches the page.
    # For a moment there may be two: the page is drawn anew when the run has ended.
    ended = keyed(page, "health_progress").filter(has_text="Succeeded after")
    expect(ended).to_have_count(1, timeout=300_000)
    settled(page)
    picture(page, "done")
    assert account.one(state, day) > collected
    assert account.one(cost, day) == spent


# --- 11, 12: with people who sign in

ADMIN = {"sub": "ann", "email": "ann@example.com", "email_verified": True}
VIEWER = {"sub": "vic", "email": "vic@example.com", "email_verified": True}
SCOPED = {"sub": "sam", "email": "sam@example.com", "email_verified": True, "groups": ["ml"]}
STRANGER = {"sub": "stu", "email": "stu@example.com", "email_verified": True}


@pytest.fixture(scope="module")
def guarded(account: Account) -> Iterator[str]:
    """The app where people sign in: an admin, a viewer, one of a team, and one whom nobody knows."""
    team = account.one("select id from costpulse.teams where name = 'ML Research'")
    account.change(
        "insert into costpulse.viewers (kind, name, role, team_ids) values "
        "('email', 'vic@example.com', 'viewer', null), ('group', 'ml', 'viewer', array[%s]::bigint[])",
        team,
    )
    with ExitStack() as stack:
        metadata = stack.enter_context(sign_in_provider(ADMIN, VIEWER, SCOPED, STRANGER))
        yield stack.enter_context(
            app_server(
                account,
                COSTPULSE_OIDC_METADATA_URL=metadata,
                COSTPULSE_OIDC_CLIENT_ID="costpulse",
                COSTPULSE_OIDC_CLIENT_SECRET="known to both",
                COSTPULSE_OIDC_COOKIE_SECRET="c" * 40,
                COSTPULSE_APP_URL="{address}",
                COSTPULSE_ADMINS="ann@example.com",
            )
        )


def sign_in(page: Page, address: str, person: dict[str, Any]) -> None:
    """At the app's door, then with the provider."""
    page.goto(address)
    page.get_by_role("heading", name="CostPulse", exact=True).wait_for()
    settled(page)
    keyed(page, "sign_in").get_by_role("button").click()
    page.locator("input[name=sub]").fill(person["sub"])
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(re.compile(re.escape(address)))
    expect(page.get_by_test_id("stSidebar")).to_contain_text(person["email"])
    settled(page)


def test_11_a_link_to_a_filtered_view_shows_another_viewer_the_same(
    watch: Watch, guarded: str, account: Account, picture: Any
) -> None:
    ours, theirs, narrow = (watch.page_of_somebody_else() for _ in range(3))
    sign_in(ours, guarded, ADMIN)
    open_page(ours, f"{guarded}/explorer?range=90d&by=sku&bin=week&product=JOBS&compare=month&top=15", "Cost explorer")
    keyed(ours, "link").get_by_role("button").click()
    link = ours.get_by_test_id("stPopoverBody").get_by_test_id("stCode").inner_text().strip()
    picture(ours, "shared")
    sign_in(theirs, guarded, VIEWER)
    open_page(theirs, link, "Cost explorer")
    assert query(theirs) == query(ours)
    assert exact(theirs) == exact(ours)
    assert table_cells(theirs.get_by_test_id("stDataFrame").last) == table_cells(
        ours.get_by_test_id("stDataFrame").last
    )
    picture(theirs, "opened")
    # Who may see less sees the same view of less.
    sign_in(narrow, guarded, SCOPED)
    open_page(narrow, link, "Cost explorer")
    assert query(narrow) == query(ours)
    first, last = account.rows("select min(usage_date), max(usage_date) from costpulse.completeness")[0].values()
    own = account.one(
        "select sum(cost_usd) from costpulse.daily_costs as d join costpulse.teams as t on t.id = d.team_id "
        "where t.name = 'ML Research' and product = 'JOBS' and usage_date between %s and %s",
        first,
        last,
    )
    assert exact(narrow) == cents(own) < exact(ours)
    picture(narrow, "opened-by-a-team")


def test_12_who_sees_one_team_signs_in_and_is_refused_elsewhere(
    watch: Watch, guarded: str, account: Account, picture: Any
) -> None:
    page = watch.page_of_somebody_else()
    page.goto(guarded)
    page.get_by_role("heading", name="CostPulse", exact=True).wait_for()
    settled(page)
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)
    picture(page, "door")
    sign_in(page, guarded, SCOPED)
    expect(page.get_by_test_id("stSidebar")).to_contain_text("sam@example.com (viewer, own teams only)")
    picture(page, "signed-in")
    own = account.one(
        "select sum(cost_usd) from costpulse.daily_costs as d join costpulse.teams as t on t.id = d.team_id "
        "where t.name = 'ML Research'"
    )
    everything = "range=custom&period=2020-01-01&period=2030-01-01"
    for by in ("product", "team", "sku", "workspace", "job", "user"):
        open_page(page, f"{guarded}/explorer?{everything}&by={by}", "Cost explorer")
        assert exact(page) == cents(own)
    team_table = f"{guarded}/explorer?{everything}&by=team"
    open_page(page, team_table, "Cost explorer")
    assert [row[0] for row in table_cells(page.get_by_test_id("stDataFrame").last)[1:]] == ["ML Research"]
    picture(page, "own-money")

    # Of another team, and of nobody: one and the same sentence.
    (foreign,) = account.rows(
        "select a.id from costpulse.anomalies as a join costpulse.teams as t on a.scope_id = t.id::text "
        "where a.scope_type = 'team' and t.name <> 'ML Research' limit 1"
    )
    sentences = set()
    for number in (foreign["id"], 987654321):
        open_page(page, f"{guarded}/anomalies?id={number}", "Anomalies")
        sentences.add(page.get_by_test_id("stAlert").inner_text())
    assert len(sentences) == 1
    picture(page, "not-yours")
    open_page(page, f"{guarded}/settings", "Not for your role")
    picture(page, "not-for-your-role")

    # Reading is all a viewer may do.
    (mine,) = account.rows(
        "select a.id, a.status from costpulse.anomalies as a join costpulse.teams as t on a.scope_id = t.id::text "
        "where a.scope_type = 'team' and t.name = 'ML Research' and a.kind = 'spike' order by a.start_date desc limit 1"
    )
    if mine["status"] != "open":
        # By the journey that has found it.
        anomaly_status.reopen(Database(account.url), [mine["id"]], actor="test")
    open_page(page, f"{guarded}/anomalies?id={mine['id']}", "Anomalies")
    expect(keyed(page, f"acknowledge_{mine['id']}").get_by_role("button")).to_be_disabled()
    # Nor does an open page keep a right that was taken away.
    account.change("update costpulse.viewers set role = 'team_owner' where name = 'ml'")
    open_page(page, f"{guarded}/anomalies?id={mine['id']}", "Anomalies")
    keyed(page, "resolve").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Not an anomaly: it was normal").click()
    dialog.get_by_role("textbox").last.fill("It was planned all along.")
    account.change("update costpulse.viewers set role = 'viewer' where name = 'ml'")
    keyed(page, "resolve_send").get_by_role("button").click()
    expect(dialog).to_contain_text("takes the role team_owner; sam@example.com is viewer.")
    picture(page, "refused")
    assert account.one("select status from costpulse.anomalies where id = %s", mine["id"]) == "open"

    stranger = watch.page_of_somebody_else()
    stranger.goto(guarded)
    settled(stranger)
    keyed(stranger, "sign_in").get_by_role("button").click()
    stranger.locator("input[name=sub]").fill("stu")
    stranger.get_by_role("button", name="Authorize").click()
    stranger.get_by_role("heading", name="No access yet", exact=True).wait_for()
    settled(stranger)
    expect(stranger.get_by_text("stu@example.com has no role in CostPulse.")).to_be_visible()
    picture(stranger, "stranger")
