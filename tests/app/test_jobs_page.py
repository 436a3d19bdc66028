"""Jobs: what they cost, what their runs cost, why that changed, and who may see which of them."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, localcontext
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import dict_row
from streamlit.testing.v1 import AppTest

from costpulse_app import people
from costpulse_app.jobs import change, figures, listing, words
from costpulse_app.jobs.reads import Factors, Medians
from costpulse_app.jobs.state import DetailChoice, ListChoice
from costpulse_assets.people import Person
from tests.app.books import Books
from tests.app.conftest import TODAY, Opener
from tests.app.test_pages import metric, query, texts
from tests.conftest import database

PAGE, DETAIL = "views/jobs.py", "views/job.py"
FINAL = TODAY - timedelta(days=2)
DAYS = [TODAY - timedelta(days=back) for back in reversed(range(70))]
HOSTILE = "<b>=cmd()</b> *x* $1$"
EXACT = Context(prec=80)
#: The default period.
FIRST = TODAY - timedelta(days=29)

NIGHTLY, SHARED, BILLED_ONLY, ON_CLUSTER, NOT_YET, DEARER, MANY = (f"100/{number}" for number in range(1, 8))
#: The same number in another workspace is another job.
OTHER = "200/1"
NAMES = {NIGHTLY: "nightly", SHARED: "shared", ON_CLUSTER: "hourly", NOT_YET: "new one", DEARER: HOSTILE, MANY: "many"}
RATE = Decimal("0.25")


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute(statement.encode(), parameters or None).fetchall()


def as_app(url: str, scope: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    """What the role of the app reads in a scope."""
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        connection.execute("set role costpulse_app")
        connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
        return connection.execute(statement.encode(), parameters or None).fetchall()


def insert(connection: psycopg.Connection[Any], table: str, /, **values: Any) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    marks = sql.SQL(", ").join(map(sql.Placeholder, values))
    connection.execute(
        sql.SQL("insert into costpulse.{} ({}) values ({})").format(sql.Identifier(table), names, marks), values
    )


def add_run(
    connection: psycopg.Connection[Any],
    job: str,
    run: str,
    day: date,
    cost: str | None,
    *,
    basis: str | None = "billed",
    result: str | None = "SUCCEEDED",
    hour: int = 3,
    seconds: int = 3600,
    failed: str = "0",
    spread: tuple[str, ...] = (),
    is_timed: bool = True,
    compute: str = "cluster",
) -> None:
    """A run as the pipeline leaves it; `spread` is what of its cost lies on the days after the first."""
    workspace, _, number = job.partition("/")
    start = datetime.combine(day, time(hour), tzinfo=UTC)
    amount = None if cost is None else Decimal(cost)
    ended = is_timed and result is not None
    insert(
        connection,
        "job_runs",
        workspace_id=workspace,
        job_id=number,
        run_id=run,
        job_name=NAMES.get(job),
        run_type="JOB_RUN" if is_timed else None,
        trigger_type="CRON",
        first_usage_date=day,
        last_usage_date=day + timedelta(days=len(spread)),
        started_at=start if is_timed else None,
        ended_at=start + timedelta(seconds=seconds) if ended else None,
        duration_seconds=seconds if is_timed else None,
        attempts=1,
        result_state=result if ended else None,
        compute_type=compute,
        cluster_id=f"cluster-of-{run}" if compute == "cluster" else None,
        cost_basis=basis,
        dbu_consumed=None if amount is None else amount / RATE,
        list_cost_usd=None if amount is None else amount * 2,
        cost_usd=amount,
        apportioned_cost_usd=amount if basis == "apportioned" else None,
        failed_cost_usd=amount if result == "FAILED" else None if amount is None else Decimal(failed),
    )
    if amount is None:
        return
    parts = [amount - sum(map(Decimal, spread)), *map(Decimal, spread)]
    for later, part in enumerate(parts):
        insert(
            connection,
            "job_run_costs",
            usage_date=day + timedelta(days=later),
            workspace_id=workspace,
            run_id=run,
            cost_basis=basis,
            compute_type="cluster" if basis == "apportioned" else None,
            compute_id="shared-cluster" if basis == "apportioned" else None,
            task_seconds=seconds,
            dbu_count=part / RATE,
            list_cost_usd=part * 2,
            cost_usd=part,
        )


def add_job(connection: psycopg.Connection[Any], job: str, owner: str, **more: Any) -> None:
    workspace, _, number = job.partition("/")
    insert(
        connection,
        "jobs",
        workspace_id=workspace,
        job_id=number,
        name=NAMES.get(job),
        owner=owner,
        change_time=datetime(2026, 1, 1, tzinfo=UTC),
        connection="default",
        **more,
    )


def made_books() -> Books:
    """Seventy days of eight jobs in two workspaces, of two teams and nobody, and of what is no job."""
    made = Books(
        workspaces={"100": "northwind-prod", "200": "northwind-dev"},
        teams=["Data platform", "Risk"],
        provisional={TODAY: Decimal("0.38"), FINAL + timedelta(days=1): Decimal("0.96")},
    )
    for number, day in enumerate(DAYS):
        made.add(day, "10.123456789012345678", job_id="1", job_name="nightly", team=1, tags={"env": "prod"})
        for team, cost in ((1, "6"), (2, "3")):
            made.add(day, cost, list_cost=str(2 * int(cost)), job_id="2", job_name="shared", team=team)
        made.add(day, "2.5", job_id="3", team=2, tags={"env": "dev"})
        made.add(day, "40" if day > FINAL - timedelta(days=14) else "20", job_id="6", job_name=HOSTILE, team=1)
        made.add(day, f"4.{number:02}", workspace="200", job_id="1", job_name="nightly", product="JOBS_SERVERLESS")
        made.add(day, "99", product="SQL", sku="SQL_PRO", warehouse_id="w1", team=2)
    made.add(TODAY - timedelta(days=5), "2.1", job_id="7", job_name="many", team=1)
    return made


def fill(url: str) -> None:
    made_books().write(url)
    with psycopg.connect(url) as connection:
        for number, day in enumerate(DAYS):
            # a tenth of an atto and more is in no run
            result = {50: "FAILED", 55: "CANCELLED"}.get(number, "SUCCEEDED")
            repaired = "2.5" if number == 60 else "0"
            add_run(connection, NIGHTLY, f"n{number}", day, "10", result=result, failed=repaired)
            add_run(connection, SHARED, f"s{number}", day, "9", compute="serverless")
            cost = "40" if day > FINAL - timedelta(days=14) else "20"
            add_run(connection, DEARER, f"d{number}", day, cost, seconds=7200)
            add_run(connection, ON_CLUSTER, f"c{number}", day, "7", basis="apportioned")
            # over midnight: half of it is on the next day's bill
            if day < TODAY:
                add_run(connection, OTHER, f"o{number}", day, "3", spread=("1.5",), hour=23, is_timed=number > 40)
        add_run(connection, NOT_YET, "y1", TODAY, None, basis=None)
        for number in range(210):
            add_run(connection, MANY, f"m{number:03}", TODAY - timedelta(days=5), "0.01", hour=number % 20)
        for job, owner in ((NIGHTLY, "ada@example.com"), (SHARED, "bob@example.com"), (DEARER, "=1+1")):
            add_job(connection, job, owner, schedule="0 0 3 * * ? (UTC)", paused=job == SHARED)
        add_job(connection, ON_CLUSTER, "ada@example.com")
        add_job(connection, NOT_YET, "ada@example.com")
        add_job(connection, OTHER, "eve@example.com")
        for run, job in (("n69", "1"), ("s69", "2")):
            insert(
                connection,
                "job_task_days",
                usage_date=DAYS[69],
                workspace_id="100",
                job_run_id=run,
                compute_type="cluster",
                compute_id=f"cluster-of-{run}",
                task_seconds=3500,
                connection="default",
            )
            insert(
                connection,
                "job_run_usage",
                usage_date=DAYS[69],
                workspace_id="100",
                job_id=job,
                run_id=run,
                sku_name="PREMIUM_JOBS_COMPUTE",
                usage_unit="DBU",
                is_serverless=False,
                dbu_rate=RATE * 2,
                effective_rate=RATE,
                usage_quantity=Decimal(36),
                record_count=1,
            )
        insert(
            connection,
            "anomalies",
            scope_type="job",
            scope_id=NIGHTLY,
            kind="spike",
            direction="up",
            start_date=FINAL,
            end_date=FINAL,
            last_date=FINAL,
            recognised_on=FINAL,
            is_provisional=False,
            severity="high",
            score=9.0,
            actual_usd=Decimal(1500),
            expected_usd=Decimal(500),
            method="robust",
            sensitivity=1.0,
            days_digest="",
            detected_at=datetime.combine(TODAY, time(12), tzinfo=UTC),
            judged_at=datetime.combine(TODAY, time(12), tzinfo=UTC),
        )


@pytest.fixture(scope="module")
def filled(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The books with their runs; tests read them only."""
    with database(postgres_server, template=migrated_template) as url:
        fill(url)
        yield url


@pytest.fixture
def risk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A viewer who sees team 2, Risk, only."""
    monkeypatch.setattr(people, "LOCAL_ADMIN", Person("rita@example.com", "viewer", "2"))


def listed(test: AppTest) -> dict[str, dict[str, Any]]:
    """The rows of the table of jobs by id."""
    table = next(one.value for one in test.dataframe if "Id" in one.value.columns)
    return {row["Id"]: row for row in table.astype(object).where(table.notna(), None).to_dict("records")}


def total(url: str, *, scope: str = "all", where: str = "true", first: date = FIRST) -> Decimal:
    """Cost of jobs in daily_key_costs, exactly, as the scope sees it."""
    (row,) = as_app(
        url,
        scope,
        "select sum(d.cost_usd) as cost from costpulse.daily_key_costs as d join costpulse.cost_keys as k "
        f"using (key_id) where k.job_id is not null and d.usage_date between %s and %s and {where}",
        *(first, TODAY),
    )
    return row["cost"]


def added(amounts: Any) -> Decimal:
    with localcontext(EXACT):
        return sum((amount for amount in amounts if amount is not None), Decimal(0))


# What jobs cost


def test_the_cost_of_jobs_is_that_of_the_bill_to_the_last_digit(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    assert not test.exception
    table = listed(test)
    assert added(row["Cost"] for row in table.values()) == total(filled)
    for job, row in table.items():
        workspace, _, number = job.partition("/")
        own = f"k.workspace_id = '{workspace}' and k.job_id = '{number}'"
        assert row["Cost"] == total(filled, where=own), job
    assert f"total ${total(filled):,.2f}" in texts(test)


def test_every_job_costs_what_the_cost_explorer_says(app: Opener, filled: str) -> None:
    explorer = app(filled, "views/explorer.py", by="job").dataframe[-1].value.to_dict("records")
    shown = listed(app(filled, PAGE))
    assert {row["Id"]: row["Cost"] for row in explorer if row["Id"]} == {
        job: row["Cost"] for job, row in shown.items() if row["Cost"] is not None
    }


@pytest.mark.parametrize("chosen", [{"ws": "200"}, {"team": "2"}, {"team": "~"}, {"tag": "env=prod"}, {"range": "7d"}])
def test_filters_leave_the_same_cost_as_in_the_cost_explorer(app: Opener, filled: str, chosen: dict[str, str]) -> None:
    explorer = app(filled, "views/explorer.py", by="job", **chosen).dataframe[-1].value.to_dict("records")
    test = app(filled, PAGE, **chosen)
    assert not test.exception
    assert {row["Id"]: row["Cost"] for row in explorer if row["Id"]} == {
        job: row["Cost"] for job, row in listed(test).items() if row["Cost"] is not None
    }


def test_what_no_run_explains_is_a_figure_of_its_own(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    table = listed(test)
    assert table[NIGHTLY]["Outside of runs"] == 30 * Decimal("0.123456789012345678")
    assert table[BILLED_ONLY]["Outside of runs"] == table[BILLED_ONLY]["Cost"] == 75
    assert table[SHARED]["Outside of runs"] is None
    (billed,) = rows(
        filled,
        "select sum(c.cost_usd) as cost from costpulse.job_run_costs as c "
        "where c.cost_basis = 'billed' and c.usage_date between %s and %s",
        *(FIRST, TODAY),
    )
    rest = total(filled) - billed["cost"]
    assert f"= ${billed['cost']:,.2f} billed for runs + ${rest:,.2f} outside of runs" in texts(test)


def test_the_price_basis_is_that_of_the_filter_bar(app: Opener, filled: str) -> None:
    row = listed(app(filled, PAGE, basis="list"))[SHARED]
    assert (row["Cost"], row["Per run"]) == (30 * 18, 18)


def test_a_run_over_midnight_is_billed_on_both_days_and_one_run(app: Opener, filled: str) -> None:
    row = listed(app(filled, PAGE, range="7d"))[OTHER]
    # six nights begin in the seven days, and one began before; each costs 3
    assert (row["Runs"], row["Per run"]) == (6, 3)
    assert row["Outside of runs"] == row["Cost"] - Decimal("1.5") * 13


# What is said of gaps


def test_a_job_that_only_the_bill_knows_has_no_name(app: Opener, filled: str) -> None:
    row = listed(app(filled, PAGE))[BILLED_ONLY]
    assert row["Job"] == "(name not available) …3"
    assert (row["Runs"], row["Note"], row["Run as"]) == (None, "no run known", None)


def test_cost_of_runs_that_are_not_billed_yet_follows(app: Opener, filled: str) -> None:
    row = listed(app(filled, PAGE))[NOT_YET]
    assert (row["Job"], row["Cost"], row["Runs"], row["Note"]) == ("new one", None, 1, "cost follows")


def test_shared_compute_is_told_and_in_no_cost(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    row = listed(test)[ON_CLUSTER]
    assert (row["Cost"], row["Shared compute"], row["Per run"], row["Note"]) == (None, 210, 7, "on shared compute")
    assert "runs used $210.00 of clusters and warehouses that are not theirs alone" in texts(test)


def test_the_same_number_in_two_workspaces_is_two_jobs(app: Opener, filled: str) -> None:
    table = listed(app(filled, PAGE))
    assert table[NIGHTLY]["Job"] != table[OTHER]["Job"]
    assert table[OTHER]["Job"].startswith("nightly (northwind-dev")
    for job, owner in ((NIGHTLY, "ada@example.com"), (OTHER, "eve@example.com")):
        assert f"Runs as {owner}" in app(filled, DETAIL, id=job).text[0].value


def test_hostile_names_are_shown_as_they_are(app: Opener, filled: str) -> None:
    assert listed(app(filled, PAGE))[DEARER]["Job"] == HOSTILE
    test = app(filled, DETAIL, id=DEARER)
    assert not test.exception
    assert HOSTILE in texts(test)
    assert r"\<b\>" in next(one.value for one in test.subheader)


# Cards


def test_failed_and_cancelled_runs_and_failed_attempts_are_lost(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    # days 50, 55 and a quarter of day 60 of nightly
    assert metric(test, "Failed and cancelled").value == "$22.50"
    assert f"{Decimal('22.5') / total(filled) * 100:.1f}% of the cost of jobs" in texts(test)
    assert listed(test)[NIGHTLY]["Failed"] == Decimal("22.5")


def test_success_counts_runs_that_ended(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    (counted,) = rows(
        filled,
        "select count(*) as runs, count(*) filter (where ended_at is not null) as ended, "
        "count(*) filter (where result_state = 'SUCCEEDED') as succeeded "
        "from costpulse.job_runs where first_usage_date between %s and %s",
        *(FIRST, TODAY),
    )
    assert metric(test, "Runs").value == str(counted["runs"])
    assert f"of {counted['ended']} that ended succeeded" in texts(test)
    assert listed(test)[NIGHTLY]["Succeeded %"] == Decimal(2800) / 30


def test_a_job_whose_runs_cost_twice_as_much_is_dearer(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    assert metric(test, "Dearer jobs").value == "1"
    assert f"{HOSTILE}: +100.0% per run, +$280.00" in texts(test)
    assert listed(test)[DEARER]["Change %"] == 100


@pytest.mark.parametrize(
    ("now", "before", "runs", "expected"),
    [("13", "10", 20, True), ("12.5", "10", 100, False), ("13", "10", 16, False), ("13", "0", 100, False)],
)
def test_dearer_is_more_than_a_quarter_and_more_than_fifty_dollars(
    now: str, before: str, runs: int, expected: bool
) -> None:
    medians = Medians(runs, Decimal(now), 10, Decimal(before))
    line = listing.Line("1/1", "x", None, None, None, None, medians)
    assert line.is_dearer is expected


# Filters of the page and of the bar


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"result": ["failed", "cancelled"]}, {NIGHTLY}),
        ({"runas": "bob@example.com"}, {SHARED}),
        ({"compute": "serverless"}, {SHARED}),
        ({"runas": "nobody"}, set()),
        ({"result": "<script>", "compute": "abacus"}, None),
    ],
)
def test_the_filters_of_the_page_are_in_the_link(
    app: Opener, filled: str, chosen: dict[str, Any], expected: set[str] | None
) -> None:
    test = app(filled, PAGE, **chosen)
    assert not test.exception
    if expected is None:
        assert len(listed(test)) == 8
        assert query(test) == {}
        return
    assert (set(listed(test)) if expected else "No job passes" not in texts(test)) == (expected or False)
    assert query(test) == {name: [value] if isinstance(value, str) else value for name, value in chosen.items()}
    # the cards stay those of the filter bar
    assert metric(test, "Job cost").value == metric(app(filled, PAGE), "Job cost").value


def test_filters_that_would_cut_a_run_do_not_apply_and_that_is_said(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, product="JOBS_SERVERLESS", sku="X")
    assert "Product and SKU do not apply here" in texts(test)
    assert added(row["Cost"] for row in listed(test).values()) == total(filled)
    assert "do not apply" not in texts(app(filled, PAGE, ws="100"))


def test_runs_have_the_share_of_a_team_that_the_job_has_on_that_day(app: Opener, filled: str) -> None:
    row = listed(app(filled, PAGE, team="2"))[SHARED]
    assert (row["Cost"], row["Per run"], row["Outside of runs"]) == (90, 3, None)


def test_a_period_without_jobs_says_so(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, range="custom", period=["2026-01-01", "2026-01-02"])
    assert not test.exception
    assert "No job ran or cost anything" in texts(test)
    assert not test.metric


@pytest.mark.parametrize("choice", [ListChoice(("failed",), ("a&b=c",), ("mixed",)), ListChoice()])
def test_a_link_of_the_list_is_read_as_it_was_written(choice: ListChoice) -> None:
    assert ListChoice.from_query(choice.to_query()) == choice


@given(
    st.builds(
        DetailChoice,
        st.from_regex(r"[0-9]{1,19}/[0-9]{1,19}", fullmatch=True),
        st.none() | st.text(min_size=1, max_size=200),
        st.just(()) | st.just(("failed",)),
        st.integers(1, 999_999),
    )
)
def test_a_link_of_a_job_is_read_as_it_was_written(choice: DetailChoice) -> None:
    assert DetailChoice.from_query(choice.to_query()) == choice


# Files and ways on


def test_the_file_has_every_job_exactly_and_harmless(app: Opener, filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, Any] = {}

    def keep(label: str, data: Any, *args: Any, key: str, **more: Any) -> bool:
        files[key] = data() if callable(data) else data
        return False

    monkeypatch.setattr(listing.st, "download_button", keep)
    app(filled, PAGE)
    app(filled, DETAIL, id=MANY)
    app(filled, DETAIL, id=NIGHTLY, run="n69")
    assert {"jobs_csv", "multiples_csv", "runs_csv", "bridge_csv", "skus_csv", "tasks_csv", "records_csv"} <= set(files)
    written = list(csv.DictReader(io.StringIO(files["jobs_csv"].removeprefix("\ufeff"), newline="")))
    assert added(Decimal(row["Cost"]) for row in written if row["Cost"]) == total(filled)
    assert {row["Run as"] for row in written} >= {"'=1+1", "ada@example.com"}
    assert len(list(csv.reader(io.StringIO(files["runs_csv"])))) == 211


def test_a_row_or_a_bar_opens_the_job_with_the_same_filters(
    app: Opener, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = app(filled, PAGE, range="7d").session_state["frame"]
    opened: list[Any] = []
    monkeypatch.setattr(listing.parts, "frame", lambda: made)
    monkeypatch.setattr(listing.parts, "open_page", lambda *where: opened.append(where))
    monkeypatch.setattr(listing.parts, "clicked", lambda key: [NIGHTLY, "2026-11-20"])
    chosen = SimpleNamespace(selection=SimpleNamespace(rows=[1]))
    monkeypatch.setattr(listing.st, "session_state", {"key": chosen, "jobs_listed": [DEARER, SHARED]})
    listing._open_row("key")
    listing._open_bar()
    assert opened == [("job", {"range": ["7d"], "id": [job]}) for job in (SHARED, NIGHTLY)]


def test_back_leads_to_the_list_as_it_was(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, range="7d", compute="serverless")
    test.session_state["go_to"] = ("job", {"range": ["7d"], "id": [SHARED]})
    test.run()
    assert test.title[0].value == "Job"
    test.button(key="back").click().run()
    assert test.title[0].value == "Jobs"
    assert set(listed(test)) == {SHARED}
    assert query(test) == {"range": ["7d"], "compute": ["serverless"]}


# One job


def test_a_job_says_what_it_is_and_what_it_costs(app: Opener, filled: str) -> None:
    test = app(filled, DETAIL, id=SHARED)
    assert not test.exception
    assert metric(test, "Job cost").value == "$270.00"
    said = texts(test)
    assert "Runs as bob@example.com, schedule 0 0 3 * * ? (UTC)" in test.text[0].value
    assert SHARED in said
    assert "Cost $270.00 = $270.00 billed for runs + $0.00 outside of runs." in said
    skus = next(one.value for one in test.dataframe if "SKU" in one.value.columns)
    assert added(skus["Cost"]) == 270
    test.button(key="explore").click().run()
    assert test.title[0].value == "Cost explorer"
    assert query(test) == {"job": [SHARED], "by": ["sku"]}


def test_the_runs_in_the_period_add_up_to_what_is_billed(app: Opener, filled: str) -> None:
    test = app(filled, DETAIL, id=OTHER, range="7d")
    runs = next(one.value for one in test.dataframe if "In the period" in one.value.columns)
    assert added(runs["In the period"]) == Decimal("1.5") * 13
    assert set(runs["Cost"]) == {Decimal(3)}


def test_the_parts_of_a_change_are_its_table_and_add_up(app: Opener, filled: str) -> None:
    test = app(filled, DETAIL, id=DEARER)
    found = next(one.value for one in test.dataframe if "Adds" in one.value.columns)
    final = [day for day in DAYS if FIRST <= day <= FINAL]
    before = [day - timedelta(days=30) for day in final]
    (cost,) = rows(
        filled,
        "select sum(cost_usd) filter (where usage_date = any(%s)) - sum(cost_usd) filter (where usage_date = any(%s)) "
        "as difference from costpulse.daily_key_costs join costpulse.cost_keys using (key_id) where job_id = '6'",
        *(final, before),
    )
    assert added(found["Adds"]) == cost["difference"] == 280
    assert list(found["Part"]) == ["DBU per hour"]


def test_the_runs_are_paged_by_two_hundred(app: Opener, filled: str) -> None:
    test = app(filled, DETAIL, id=MANY)
    assert "Runs 1 to 200 of 210" in texts(test)
    assert test.button(key="newer").disabled
    test.button(key="older").click().run()
    assert "Runs 201 to 210 of 210" in texts(test)
    assert query(test) == {"id": [MANY], "runs_page": ["2"]}
    assert test.button(key="older").disabled
    far = app(filled, DETAIL, id=MANY, runs_page="99")
    assert "Runs 201 to 210 of 210" in texts(far)


def test_the_list_of_runs_can_be_narrowed_to_results(app: Opener, filled: str) -> None:
    test = app(filled, DETAIL, id=NIGHTLY, result=["failed", "cancelled"])
    runs = next(one.value for one in test.dataframe if "In the period" in one.value.columns)
    assert sorted(runs["Result"]) == ["Cancelled", "Failed"]


def test_a_link_to_a_run_shows_its_tasks_and_its_records(app: Opener, filled: str) -> None:
    test = app(filled, DETAIL, id=NIGHTLY, run="n69")
    assert not test.exception
    assert metric(test, "Cost").value == "$10.00"
    assert metric(test, "Duration").value == "1 h"
    tasks = next(one.value for one in test.dataframe if "Time of tasks" in one.value.columns)
    assert list(tasks["Seconds"]) == [3500]
    records = next(one.value for one in test.dataframe if "Quantity" in one.value.columns)
    assert (records["Cost"][0], records["List cost"][0]) == (9, 18)
    test.button(key="runs_back").click().run()
    assert query(test) == {"id": [NIGHTLY]}


@pytest.mark.parametrize("run", ["s69", "'; drop table jobs"])
def test_a_run_of_another_job_is_told_like_one_that_is_not_there(app: Opener, filled: str, run: str) -> None:
    test = app(filled, DETAIL, id=NIGHTLY, run=run)
    assert [one.value for one in test.info] == [words.NO_SUCH_RUN]


def test_a_run_whose_cost_follows_says_so(app: Opener, filled: str) -> None:
    test = app(filled, DETAIL, id=NOT_YET)
    assert "Its runs are known and not yet billed: cost follows." in texts(test)
    runs = next(one.value for one in test.dataframe if "In the period" in one.value.columns)
    assert (runs["Cost"][0], runs["Note"][0]) == (None, "cost follows")


def test_what_was_found_leads_to_its_page(app: Opener, filled: str) -> None:
    test = app(filled, DETAIL, id=NIGHTLY)
    (event,) = rows(filled, "select id from costpulse.anomalies")
    test.button(key=f"event_{event['id']}").click().run()
    assert test.title[0].value == "Anomalies"
    assert query(test) == {"id": [str(event["id"])]}


@pytest.mark.parametrize("given", ["", "100/999", "1", "100/1/2' or '1'='1"])
def test_an_id_that_is_none_gets_one_sentence(app: Opener, filled: str, given: str) -> None:
    test = app(filled, DETAIL, **({"id": given} if given else {}))
    assert not test.exception
    assert [one.value for one in test.info] == [words.NO_SUCH_JOB]


def test_when_runs_cannot_be_read_the_page_says_so_and_stands(app: Opener, filled: str) -> None:
    def change_grant(statement: tuple[str, str]) -> None:
        with psycopg.connect(filled) as connection:
            connection.execute(
                f"{statement[0]} execute on function costpulse.runs_of_jobs(date, date, text[], text[], text[], jsonb, "
                f"text) {statement[1]} costpulse_app".encode()
            )

    change_grant(("revoke", "from"))
    try:
        for page, chosen in ((PAGE, {}), (DETAIL, {"id": NIGHTLY})):
            test = app(filled, page, **chosen)
            assert not test.exception
            assert any(button.label == "Try again" for button in test.button)
    finally:
        change_grant(("grant", "to"))


# Who sees what


def test_a_viewer_of_a_team_sees_its_jobs_and_its_share_of_them(app: Opener, filled: str, risk: None) -> None:
    test = app(filled, PAGE)
    assert not test.exception
    table = listed(test)
    assert set(table) == {SHARED, BILLED_ONLY}
    assert added(row["Cost"] for row in table.values()) == total(filled, scope="2") == 30 * Decimal("5.5")
    assert (table[SHARED]["Per run"], table[SHARED]["Per run, 95%"], table[SHARED]["Cost"]) == (3, 3, 90)
    assert metric(test, "Runs").value == "30"
    for stranger in (HOSTILE, "hourly", "new one", "many", "ada@example.com", "eve@example.com", "Data platform"):
        assert stranger not in texts(test)
        assert not any(stranger in str(frame.value.to_dict("records")) for frame in test.dataframe)


def test_a_viewer_of_a_team_sees_runs_with_its_share(app: Opener, filled: str, risk: None) -> None:
    test = app(filled, DETAIL, id=SHARED)
    assert metric(test, "Job cost").value == "$90.00"
    runs = next(one.value for one in test.dataframe if "In the period" in one.value.columns)
    assert set(runs["Cost"]) == set(runs["In the period"]) == {Decimal(3)}
    one = app(filled, DETAIL, id=SHARED, run="s69")
    records = next(each.value for each in one.dataframe if "Quantity" in each.value.columns)
    assert (records["Quantity"][0], records["Cost"][0], records["List cost"][0]) == (12, 3, 6)
    assert metric(one, "Cost").value == "$3.00"


def test_an_id_outside_of_the_scope_is_told_like_one_that_is_not_there(app: Opener, filled: str, risk: None) -> None:
    def screen(**chosen: str) -> tuple[str, list[str], list[str]]:
        test = app(filled, DETAIL, **chosen)
        assert not test.exception
        return texts(test), [one.value for one in test.info], [button.label for button in test.button]

    absent = screen(id="100/999")
    assert absent[1] == [words.NO_SUCH_JOB]
    assert all(screen(id=job) == absent for job in (NIGHTLY, ON_CLUSTER, OTHER))
    assert screen(id=NIGHTLY, run="n69") == absent
    no_run = screen(id=SHARED, run="none")
    assert no_run[1] == [words.NO_SUCH_RUN]
    assert screen(id=SHARED, run="n69") == no_run


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("1", {NIGHTLY, SHARED, DEARER, MANY}),
        ("2", {SHARED, BILLED_ONLY}),
        ("1,2", {NIGHTLY, SHARED, BILLED_ONLY, DEARER, MANY}),
        ("999", set()),
        ("", set()),
    ],
)
def test_the_database_itself_gives_a_scope_no_others_jobs_and_no_others_money(
    filled: str, scope: str, expected: set[str]
) -> None:
    for table in ("job_runs", "job_run_costs"):
        assert as_app(filled, scope, f"select from costpulse.{table}") == []
    for table in ("job_run_usage", "job_task_days"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_app(filled, scope, f"select from costpulse.{table}")
    known = as_app(filled, scope, "select workspace_id || '/' || job_id as id from costpulse.jobs")
    assert {row["id"] for row in known} == expected & {NIGHTLY, SHARED, DEARER}
    for more in ("", ", team_ids => array['1', '2', '~']", ", wanted_tags => '[]'"):
        runs = as_app(filled, scope, f"select * from costpulse.runs_of_jobs('2026-01-01', '2026-12-31'{more})")
        assert {f"{row['workspace_id']}/{row['job_id']}" for row in runs} == expected - {BILLED_ONLY}
        assert all(row["shared_cost_usd"] is None for row in runs)
        for name in {f"{row['workspace_id']}/{row['job_id']}" for row in runs} - {MANY}:
            own = [row for row in runs if row["job_id"] == name.partition("/")[2]]
            borne = total(
                filled, scope=scope, where=f"k.workspace_id = '100' and k.job_id = '{name[4:]}'", first=DAYS[0]
            )
            assert added(row["window_cost_usd"] for row in own) <= borne
    for job, run in ((NIGHTLY, "n69"), (SHARED, "s69")):
        for function in ("tasks_of_run", "records_of_run"):
            found = as_app(filled, scope, f"select * from costpulse.{function}(%s, %s)", job, run)
            assert bool(found) is (job in expected)


def test_without_a_scope_there_is_nothing(filled: str) -> None:
    with closing(psycopg.connect(filled)) as connection:
        connection.execute("set role costpulse_app")
        for what in ("costpulse.jobs", "costpulse.runs_of_jobs('2026-01-01', '2026-12-31')"):
            assert connection.execute(f"select count(*) from {what}".encode()).fetchone() == (0,)


def test_who_sees_everything_gets_runs_as_they_are_stored(filled: str) -> None:
    shown = as_app(
        filled,
        "all",
        "select run_id, dbu_count, list_cost_usd, cost_usd from costpulse.runs_of_jobs('2026-01-01', '2026-12-31') "
        "order by workspace_id, run_id",
    )
    stored = rows(
        filled,
        "select run_id, dbu_consumed as dbu_count, list_cost_usd, cost_usd from costpulse.job_runs "
        "order by workspace_id, run_id",
    )
    assert shown == stored


@pytest.mark.parametrize("days", [0, 1, 2, 29], ids=lambda days: f"{days + 1} days")
def test_amounts_of_runs_in_a_window_are_those_of_their_days(filled: str, days: int) -> None:
    first = FINAL - timedelta(days=days)
    by_day = """
        select
            r.run_id,
            sum(c.dbu_count) filter (where c.cost_basis = 'billed') as window_dbu_count,
            sum(c.list_cost_usd) filter (where c.cost_basis = 'billed') as window_list_cost_usd,
            sum(c.cost_usd) filter (where c.cost_basis = 'billed') as window_cost_usd,
            sum(c.list_cost_usd) filter (where c.cost_basis = 'apportioned') as shared_list_cost_usd,
            sum(c.cost_usd) filter (where c.cost_basis = 'apportioned') as shared_cost_usd
        from costpulse.job_runs as r
        left join costpulse.job_run_costs as c
            on r.workspace_id = c.workspace_id and r.run_id = c.run_id and c.usage_date between %(first)s and %(last)s
        where r.last_usage_date >= %(first)s and r.first_usage_date <= %(last)s
        group by r.run_id
        order by r.run_id
    """
    told = """
        select run_id, window_dbu_count, window_list_cost_usd, window_cost_usd, shared_list_cost_usd, shared_cost_usd
        from costpulse.runs_of_jobs(%(first)s, %(last)s)
        order by run_id
    """
    window = {"first": first, "last": FINAL}
    with psycopg.connect(filled, row_factory=dict_row) as connection:
        # Some have billed cost of their own and used shared compute too: one within the window, one over its edge.
        for run in (f"n{DAYS.index(FINAL)}", f"o{DAYS.index(FINAL)}"):
            shared = {"cost_basis": "apportioned", "compute_type": "cluster", "compute_id": "shared-cluster"}
            amounts = {"dbu_count": Decimal(4), "list_cost_usd": Decimal(2), "cost_usd": Decimal(1)}
            key = {"usage_date": FINAL, "workspace_id": "100" if run.startswith("n") else "200", "run_id": run}
            insert(connection, "job_run_costs", **key, **shared, **amounts)
            connection.execute("update costpulse.job_runs set apportioned_cost_usd = 1 where run_id = %s", [run])
        connection.execute("set local role costpulse_app; set local costpulse.scope = 'all'")
        expected = connection.execute(by_day, window).fetchall()
        assert connection.execute(told.encode(), window).fetchall() == expected
        assert sum(row["shared_cost_usd"] == 1 for row in expected) == 2
        assert any(row["window_cost_usd"] == Decimal("1.5") for row in expected)
        connection.rollback()


def test_shares_of_all_teams_are_the_whole(filled: str) -> None:
    def cost(scope: str, teams: list[str] | None) -> Decimal:
        runs = as_app(
            filled, scope, "select cost_usd from costpulse.runs_of_jobs(%s, %s, team_ids => %s)", *(FIRST, TODAY, teams)
        )
        return added(row["cost_usd"] for row in runs)

    whole = as_app(filled, "all", "select cost_usd, cost_basis from costpulse.runs_of_jobs(%s, %s)", FIRST, TODAY)
    billed = added(row["cost_usd"] for row in whole if row["cost_basis"] == "billed")
    assert added(cost("all", [team]) for team in ("1", "2", "~")) == billed
    assert cost("1", None) + cost("2", None) + cost("all", ["~"]) == billed
    assert cost("1", ["2"]) == 0


def test_tags_pick_runs_as_they_pick_rows_of_the_bill(filled: str) -> None:
    def jobs(*tags: tuple[str, list[str], bool]) -> set[str]:
        wanted = json.dumps([dict(zip(("key", "values", "missing"), tag, strict=True)) for tag in tags])
        runs = as_app(
            filled, "all", "select job_id from costpulse.runs_of_jobs(%s, %s, wanted_tags => %s)", FIRST, TODAY, wanted
        )
        return {row["job_id"] for row in runs}

    assert jobs(("env", ["prod"], False)) == {"1"}
    assert jobs(("env", ["prod", "dev"], True)) == {"1", "2", "6", "7"}
    assert jobs(("env", ["prod"], False), ("other", ["x"], False)) == set()


# Why it changed

_money = st.decimals("0", "1e6", places=18)
_factors = st.builds(
    Factors,
    st.integers(1, 500),
    st.none() | st.decimals("1", "1e7", places=3),
    st.none() | _money.filter(bool),
    _money,
)


@given(change_usd=st.decimals("-1e6", "1e6", places=18), then=st.none() | _factors, now=st.none() | _factors)
def test_the_parts_of_any_change_add_up_to_it_and_turn_with_it(
    change_usd: Decimal, then: Factors | None, now: Factors | None
) -> None:
    found = change.parts_of(change_usd, then, now)
    assert added(part.amount for part in found) == change_usd
    assert len({part.name for part in found}) == len(found)
    back = {part.name: part.amount for part in change.parts_of(-change_usd, now, then)}
    # the last factor takes what the others were cut off
    for part in found:
        assert abs(back.get(part.name, Decimal(0)) + part.amount) <= Decimal("1e-17")


def test_each_factor_alone_is_the_whole_change() -> None:
    base = Factors(10, Decimal(36000), Decimal(100), Decimal(25))
    for name, other in {
        "Runs": Factors(20, Decimal(72000), Decimal(200), Decimal(50)),
        "Duration": Factors(10, Decimal(72000), Decimal(200), Decimal(50)),
        "DBU per hour": Factors(10, Decimal(36000), Decimal(200), Decimal(50)),
        "Price": Factors(10, Decimal(36000), Decimal(100), Decimal(50)),
    }.items():
        (part,) = [part for part in change.parts_of(Decimal(25), base, other) if abs(part.amount) > Decimal("1e-15")]
        assert (part.name, part.amount) == (name, 25)


def test_what_is_not_known_is_not_split() -> None:
    then, now = Factors(1, None, None, Decimal(10)), Factors(2, Decimal(60), Decimal(4), Decimal(30))
    assert [part.name for part in change.parts_of(Decimal(20), then, now)] == ["Runs", "Cost per run"]
    then = Factors(1, None, Decimal(4), Decimal(10))
    assert [part.name for part in change.parts_of(Decimal(20), then, now)] == ["Runs", "DBU per run", "Price"]
    assert [part.name for part in change.parts_of(Decimal(9), None, now)] == ["Runs", "Outside of runs"]
    assert change.parts_of(Decimal(0), None, None) == []


# Figures


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(None, None), (0, "0 s"), (59, "59 s"), (60, "1 min"), (185, "3 min 5 s"), (3600, "1 h"), (8040, "2 h 14 min")],
)
def test_times_are_written_in_two_units(seconds: int | None, expected: str | None) -> None:
    assert words.duration(seconds) == expected


def test_every_result_has_a_shape_of_its_own_word() -> None:
    assert set(figures._SHAPES) == set(words.RESULTS)
    assert words.result("SOMETHING_NEW".lower()) == "Something new"


def test_the_small_charts_share_one_scale_and_lead_to_their_job(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    drawn = [json.loads(each.proto.spec) for each in test.get("plotly_chart")]
    chart = next(each for each in drawn if "yaxis2" in each["layout"])
    assert {bar["customdata"][0][0] for bar in chart["data"]} == {
        job for job, row in listed(test).items() if row["Cost"] is not None
    }
    assert {axis.get("matches", "y") for name, axis in chart["layout"].items() if name.startswith("yaxis")} == {"y"}
