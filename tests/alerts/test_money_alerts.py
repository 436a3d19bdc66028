"""Alerts about money: they speak on the right day, of the right sum, once, and never of a day that is not final."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from costpulse_app.filters import Filters, View
from costpulse_app.forecast import scopes
from costpulse_assets.alerts.alert_types import ALERT_TYPES, Finding
from costpulse_assets.analysis.series import Scope
from costpulse_assets.costs.statements import book_adjustments, close_month
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database, run
from tests.app.books import Books
from tests.conftest import database as another_database
from tests.costs.books import JOBS, noon
from tests.costs.books import Books as Statements

FIRST = date(2026, 3, 2)
LAST = FIRST + timedelta(days=69)
DAYS = [FIRST + timedelta(days=number) for number in range(70)]
LATER = datetime(2030, 1, 1, tzinfo=UTC)
#: Data stands above Etl; Risk stands alone.
DATA, ETL, RISK = 1, 2, 3
_TABLES = (
    "completeness collected_days daily_costs daily_key_costs daily_team_costs daily_workspace_costs daily_sku_costs "
    "weekly_key_costs daily_resource_costs cost_keys workspaces resource_names budgets budget_status "
    "budget_probabilities"
)


@pytest.fixture(scope="module")
def database(postgres_server: str, migrated_template: str) -> Iterator[Database]:
    """Three teams; every test fills the rest."""
    with another_database(postgres_server, template=migrated_template) as url:
        database = Database(url)
        execute(database, "insert into costpulse.teams (name) values ('Data'), ('Etl'), ('Risk')")
        execute(database, "update costpulse.teams set parent_team_id = 1 where id = 2")
        yield database


def execute(database: Database, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        cursor = connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


def fill(database: Database, books: Books) -> None:
    """Nothing but these books."""
    # Faster than truncating so many tables that have few rows.
    with database.transaction() as connection:
        for name in _TABLES.split():
            connection.execute(f"delete from costpulse.{name}".encode())
    books.write(database.url)


def final_until(database: Database, last: date | None) -> None:
    execute(database, "update costpulse.completeness set is_provisional = usage_date > %s", last or date(1, 1, 1))


def alert(number: int = 1, scope_type: str = "everything", scope_id: str = "", **fields: Any) -> dict[str, Any]:
    return {"alert_id": number, "scope_type": scope_type, "scope_id": scope_id} | fields


def ask(
    database: Database,
    kind: str,
    *alerts: dict[str, Any],
    first: date = FIRST,
    last: date = LAST,
    now: datetime = LATER,
    names: str = "Named",
) -> list[Finding]:
    """What the statement of a type finds, with all fields of an alert filled in."""
    declared = ALERT_TYPES[kind]
    assert all(each["scope_type"] in declared.scopes for each in alerts)
    usual = declared.options().model_dump(mode="json") | {
        "threshold_value": None if declared.threshold is None else declared.threshold.default,
        "watches_from": FIRST,
    }
    filled = [
        {name: str(value) if value is not None else None for name, value in (usual | each).items()} for each in alerts
    ]
    with database.transaction() as connection:
        rows = run(
            connection,
            declared.statement,
            {"alerts": Jsonb(filled), "first_day": first, "last_day": last, "now": now},
        )
    findings = [Finding(**row, scope_name=names) for row in rows]
    for finding in findings:
        assert set(finding.evidence) == set(declared.evidence)
        assert declared.message(finding).title
    assert len({finding.key for finding in findings}) == len(findings)
    return findings


def told_over_time(database: Database, kind: str, *alerts: dict[str, Any]) -> dict[str, Finding]:
    """As it is evaluated in earnest: again and again while days become final; each finding as first seen."""
    told: dict[str, Finding] = {}
    # Most days one more is final, now and then several at once.
    for newest in (day for place, day in enumerate(DAYS) if place % 7 in (1, 2, 3, 6)):
        final_until(database, newest)
        execute(database, "update costpulse.budget_status set data_until = least(%s, period_end)", newest)
        today = newest + timedelta(days=2)
        for finding in ask(database, kind, *alerts, first=today - timedelta(days=35), last=today):
            assert finding.occurred_on <= newest
            told.setdefault(finding.key, finding)
    return told


def comparable(finding: Finding) -> Finding:
    """Without what is not kept for long."""
    evidence = {name: value for name, value in finding.evidence.items() if name != "breach_date"}
    return replace(finding, evidence=evidence)


def query_of(view: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(view).query)


# --- daily_budget

ROWS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.integers(0, 400_000),
        st.sampled_from([None, DATA, ETL, RISK]),
        st.sampled_from([None, "100", "200"]),
        st.sampled_from(["JOBS", "SQL", "ALL_PURPOSE"]),
        st.sampled_from([None, "7", "8"]),
        st.sampled_from([{}, {"project": "atlas"}, {"project": "a=b", "env": "prod"}]),
    ),
    min_size=1,
    max_size=25,
)

#: Scopes and which rows are theirs.
SCOPES: dict[tuple[str, str], Any] = {
    ("everything", ""): lambda row: True,
    ("team", "1"): lambda row: row["team_id"] in (DATA, ETL),
    ("team", "2"): lambda row: row["team_id"] == ETL,
    ("team", "3"): lambda row: row["team_id"] == RISK,
    ("team", "unallocated"): lambda row: row["team_id"] is None,
    ("workspace", "100"): lambda row: row["workspace_id"] == "100",
    ("product", "SQL"): lambda row: row["product"] == "SQL",
    ("sku", "SKU_OF_JOBS"): lambda row: row["sku_name"] == "SKU_OF_JOBS",
    ("job", "100/7"): lambda row: (row["workspace_id"], row.get("job_id")) == ("100", "7"),
    ("warehouse", "200/w8"): lambda row: (row["workspace_id"], row.get("warehouse_id")) == ("200", "w8"),
    ("cluster", "100/c7"): lambda row: (row["workspace_id"], row.get("cluster_id")) == ("100", "c7"),
    ("cluster", "/c8"): lambda row: (row["workspace_id"], row.get("cluster_id")) == (None, "c8"),
    ("tag", "project=atlas"): lambda row: "atlas" in row["tags"],
    ("tag", "project=a=b"): lambda row: "a=b" in row["tags"],
}


def books_of(rows: Sequence[tuple[Any, ...]]) -> Books:
    books = Books()
    for place, (number, cents, team, workspace, product, resource, tags) in enumerate(rows):
        # No two rows of one key.
        key = {"user_email": f"{place}@example.com"}
        if resource is not None:
            name, prefix = {"JOBS": ("job_id", ""), "SQL": ("warehouse_id", "w"), "ALL_PURPOSE": ("cluster_id", "c")}[
                product
            ]
            key[name] = prefix + resource
        books.add(
            FIRST + timedelta(days=number),
            f"{Decimal(cents) / 1000}",
            team=team,
            workspace=workspace,
            product=product,
            sku=f"SKU_OF_{product}",
            tags=tags,
            **key,
        )
    return books


@settings(max_examples=20, deadline=None)
@given(ROWS, st.integers(0, 300), st.sets(st.integers(0, 6)))
def test_every_scope_is_told_the_final_days_above_its_limit_and_no_others(
    database: Database, rows: Sequence[tuple[Any, ...]], limit: int, provisional: set[int]
) -> None:
    books = books_of(rows)
    fill(database, books)
    held_back = {FIRST + timedelta(days=number) for number in provisional}
    execute(
        database, "update costpulse.completeness set is_provisional = true where usage_date = any(%s)", list(held_back)
    )
    alerts = [alert(number, *scope, threshold_value=limit) for number, scope in enumerate(SCOPES)]
    found = {
        (finding.alert_id, finding.occurred_on): finding.current_value
        for finding in ask(database, "daily_budget", *alerts)
    }
    expected: dict[tuple[int, date], Decimal] = {}
    for number, belongs in enumerate(SCOPES.values()):
        for row in books.rows:
            if belongs(row) and row["usage_date"] not in held_back:
                key = (number, row["usage_date"])
                expected[key] = expected.get(key, Decimal(0)) + row["cost_usd"]
    assert found == {key: cost for key, cost in expected.items() if cost > limit}


@settings(max_examples=4, deadline=None)
@given(st.lists(st.integers(80, 130), min_size=70, max_size=70), st.integers(0, 69))
def test_the_daily_budget_of_a_dry_run_is_what_was_told_over_time(
    database: Database, costs: list[int], watches: int
) -> None:
    books = Books()
    for day, cost in zip(DAYS, costs, strict=True):
        books.add(day, str(cost), team=ETL, job_id="7", job_name="nightly")
    fill(database, books)
    alerts = [alert(1, threshold_value=100), alert(2, "team", "1", threshold_value=110, watches_from=DAYS[watches])]
    told = told_over_time(database, "daily_budget", *alerts)
    final_until(database, LAST)
    dry_run = {finding.key: finding for finding in ask(database, "daily_budget", *alerts)}
    assert dry_run == told
    assert {(finding.alert_id, finding.occurred_on) for finding in told.values()} == {
        *((1, day) for day, cost in zip(DAYS, costs, strict=True) if cost > 100),
        *((2, day) for day, cost in zip(DAYS, costs, strict=True) if cost > 110 and day >= DAYS[watches]),
    }


def test_a_day_at_the_limit_is_within_it_and_a_day_above_it_says_what_cost_most(database: Database) -> None:
    books = Books(teams=[], workspaces={"100": "prod"})
    day = date(2026, 4, 6)
    books.add(day - timedelta(days=1), "1000", team=DATA)
    books.add(day, "600.40", team=ETL, job_id="7", job_name="nightly")
    books.add(day, "300", team=ETL, product="SQL", sku="SQL_PRO", warehouse_id="w8")
    books.add(day, "250", team=DATA, product="NETWORKING", sku="EGRESS")
    books.add(day, "80", team=DATA, product="STORAGE", sku="DSU")
    books.add(day, "5000", team=RISK)
    books.add(day, None, team=DATA, product="AI", sku="UNPRICED")
    fill(database, books)
    execute(
        database,
        "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from) values "
        "('100', 'warehouse', 'w8', 'old name', '2026-01-01'), ('100', 'warehouse', 'w8', 'Reports', '2026-04-01'), "
        "('100', 'warehouse', 'w8', 'later name', '2026-05-01')",
    )
    (found,) = ask(database, "daily_budget", alert(1, "team", "1", threshold_value=1000), names="Data")
    assert (found.team_id, found.subject, found.occurred_on) == (DATA, "day:2026-04-06", day)
    message = ALERT_TYPES["daily_budget"].message(found)
    assert message.title == "Team Data: $1,230 on Mon 6 Apr 2026, above $1,000 a day"
    assert "$230.40 more than the daily limit of $1,000" in message.text
    assert [(cause.kind, cause.name, cause.usd) for cause in message.causes] == [
        ("job", "nightly", Decimal("600.40")),
        ("warehouse", "Reports", Decimal(300)),
        ("product", "NETWORKING", Decimal(250)),
    ]
    assert message.series is not None
    assert [(point.day, point.value) for point in message.series.points] == [
        (day - timedelta(days=1), Decimal(1000)),
        (day, Decimal("1230.4")),
    ]
    query = query_of(message.view)
    filters = Filters.from_query(query)
    assert (filters.custom, filters.ids("team")) == (Period(day, day), ("1", "2"))


# --- cost_spike


def usual(costs: dict[date, Decimal], day: date) -> Decimal | None:
    """By hand: the median of the same weekday in the four weeks before."""
    known = [costs[day - timedelta(weeks=week)] for week in range(1, 5) if day - timedelta(weeks=week) in costs]
    return Decimal(median(known)) if len(known) >= 3 else None


def spikes_by_hand(costs: dict[date, Decimal], percent: int, minimum: int) -> dict[tuple[date, str], date]:
    """(first day, phase) -> day on which it came true."""
    found: dict[tuple[date, str], date] = {}
    began: date | None = None
    for day, cost in sorted(costs.items()):
        normal = usual(costs, day)
        is_spike = normal is not None and cost > normal * (100 + percent) / 100 and cost - normal >= minimum
        if is_spike and began is None:
            began = day
            found[began, "firing"] = day
        elif not is_spike and began is not None:
            found[began, "ended"] = day
            began = None
    return found


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.sampled_from([0, 90, 100, 100, 100, 110, 149, 150, 151, 400]), min_size=70, max_size=70),
    st.sampled_from([20, 50, 100]),
    st.sampled_from([0, 50, 100]),
)
def test_spikes_are_those_found_by_hand_whether_asked_over_time_or_at_once(
    database: Database, costs: list[int], percent: int, minimum: int
) -> None:
    books = Books()
    for day, cost in zip(DAYS, costs, strict=True):
        books.add(day, str(2 * cost), team=RISK, product="SQL", sku="SQL")
        if cost:
            books.add(day, str(cost), team=ETL, job_id="7")
    fill(database, books)
    limits = {"threshold_value": percent, "minimum_usd": minimum}
    alerts = [alert(1, "team", "1", **limits), alert(2, "product", "SQL", **limits)]
    told = told_over_time(database, "cost_spike", *alerts)
    final_until(database, LAST)
    dry_run = {finding.key: finding for finding in ask(database, "cost_spike", *alerts)}
    assert dry_run == told
    for number, factor in ((1, 1), (2, 2)):
        truth = {day: Decimal(factor * cost) for day, cost in zip(DAYS, costs, strict=True)}
        by_hand = spikes_by_hand(truth, percent, minimum)
        found = [finding for finding in dry_run.values() if finding.alert_id == number]
        assert {(finding.subject, finding.phase): finding.occurred_on for finding in found} == {
            (f"spike:{began}", phase): day for (began, phase), day in by_hand.items()
        }
        for finding in found:
            assert finding.current_value == truth[finding.occurred_on]
            assert finding.expected_value == usual(truth, finding.occurred_on)


def a_spike() -> Books:
    """Mondays cost 1000, and so do all days; from 4 to 6 May a job that was not there before costs 900."""
    books = Books(workspaces={"100": "prod"})
    for day in DAYS:
        books.add(day, "700", team=ETL, job_id="7", job_name="nightly")
        books.add(day, "300", team=ETL, product="SQL", sku="SQL_PRO", warehouse_id="w8")
        if date(2026, 5, 4) <= day <= date(2026, 5, 6):
            books.add(day, "900", team=ETL, job_id="9", job_name="backfill <all>")
            books.add(day, "0.5", team=ETL, product="SQL", sku="SQL_PRO", warehouse_id="w8", user_email="a@b.example")
    return books


def test_a_spike_says_how_much_why_and_later_what_it_cost_in_all(database: Database) -> None:
    fill(database, a_spike())
    begun, over = ask(database, "cost_spike", alert(1, "team", "2"), names="Etl")
    assert (begun.phase, over.phase, over.subject) == ("firing", "ended", begun.subject)
    message = ALERT_TYPES["cost_spike"].message(begun)
    assert message.title == "Team Etl: $1,901 on Mon 4 May 2026, 90 % above its usual Monday"
    assert "cost $1,000 (median)" in message.text
    assert [(cause.name, cause.usd, cause.note) for cause in message.causes] == [
        ("backfill <all>", Decimal(900), "new"),
        ("w8", Decimal("0.5"), ""),
    ]
    query = query_of(message.view)
    assert Filters.from_query(query).custom == Period(date(2026, 4, 7), date(2026, 5, 4))
    assert View.from_query(query).by == "product"
    end = ALERT_TYPES["cost_spike"].message(over)
    assert end.title == (
        "Team Etl: the spike of Mon 4 May 2026 to Wed 6 May 2026 is over, it cost $2,702 more than usual"
    )
    assert (over.evidence["days"], over.occurred_on, end.severity) == (3, date(2026, 5, 7), "info")


def test_of_one_job_the_skus_are_the_causes_and_what_never_cost_is_above_nothing(database: Database) -> None:
    fill(database, a_spike())
    begun, _ = ask(database, "cost_spike", alert(1, "job", "100/9"), names="backfill")
    message = ALERT_TYPES["cost_spike"].message(begun)
    assert message.title == "Job backfill: $900.00 on Mon 4 May 2026, usually nothing on a Monday"
    assert [(cause.kind, cause.name) for cause in message.causes] == [("SKU", "PREMIUM_JOBS_COMPUTE")]
    filters = Filters.from_query(query_of(message.view))
    assert dict(filters.selection.only) == {"job": ("100/9",)}


def test_before_three_weeks_and_after_a_day_that_is_not_final_no_spike_begins(database: Database) -> None:
    books = Books()
    for day in DAYS[:30]:
        books.add(day, "5000" if day in (DAYS[20], DAYS[26]) else "100")
    fill(database, books)
    assert [each.occurred_on for each in ask(database, "cost_spike", alert())] == [DAYS[26], DAYS[27]]
    execute(database, "update costpulse.completeness set is_provisional = true where usage_date = %s", DAYS[25])
    assert [each.phase for each in ask(database, "cost_spike", alert())] == []


# --- budgets


def add_budget(
    database: Database,
    name: str,
    scope: tuple[str, str],
    amount: int,
    periods: Sequence[Period],
    *,
    thresholds: Sequence[int] = (50, 80, 100),
    projected: int | None = 100,
    **fields: Any,
) -> int:
    with database.transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'nina', true)")
        row = connection.execute(
            "insert into costpulse.budgets (name, scope_type, scope_id, period, amount, thresholds, "
            "projected_threshold, owner, recipients, is_active) values (%s, %s, %s, 'month', %s, %s, %s, "
            "'nina@example.com', '{lead@example.com}', %s) returning id",
            [name, *scope, amount, list(thresholds), projected, fields.get("is_active", True)],
        ).fetchone()
        assert row is not None
        for period in periods:
            connection.execute(
                "insert into costpulse.budget_status (budget_id, budget_name, scope_type, scope_id, period, amount, "
                "period_start, period_end, data_until, state, spent_usd, provisional_usd, used_share, elapsed_share, "
                "level) values (%s, %s, %s, %s, 'month', %s, %s, %s, %s, 'running', 0, 0, 0, 0, 0.95)",
                [row["id"], name, *scope, amount, period.first, period.last, period.last],
            )
    return int(row["id"])


def expect(database: Database, budget: int, day: date, projected: int, probability: float, period: Period) -> None:
    """What was said about the end of a period on a day."""
    execute(
        database,
        "insert into costpulse.budget_probabilities (budget_id, budget_name, scope_type, scope_id, amount, "
        "period_start, period_end, data_until, is_backtest, elapsed_share, spent_usd, projected_usd, lower_bound, "
        "upper_bound, probability_exceeded) select id, name, scope_type, scope_id, amount, %s, %s, %s, false, 0.5, "
        "100, %s, %s, %s, %s from costpulse.budgets where id = %s",
        *(period.first, period.last, day, projected, projected - 50, projected + 50, probability, budget),
    )


MONTHS = [
    Period(date(2026, 3, 2), date(2026, 3, 31)),
    Period(date(2026, 4, 1), date(2026, 4, 30)),
    Period(date(2026, 5, 1), date(2026, 5, 31)),
]


@settings(max_examples=4, deadline=None)
@given(
    st.lists(st.integers(-20, 200), min_size=70, max_size=70),
    st.integers(500, 4000),
    st.lists(st.integers(1, 150), min_size=1, max_size=4, unique=True).map(sorted),
)
def test_thresholds_are_told_on_the_first_final_day_that_reaches_them_whenever_asked(
    database: Database, costs: list[int], amount: int, thresholds: list[int]
) -> None:
    books = Books()
    for day, cost in zip(DAYS, costs, strict=True):
        books.add(day, str(cost), team=ETL, tags={"project": "atlas"})
        books.add(day, "7", team=RISK, product="SQL", sku="SQL")
    fill(database, books)
    scopes_of_budgets = [("team", "1"), ("team", "2"), ("tag", "project=atlas"), ("product", "JOBS")]
    budgets = [
        add_budget(database, f"Budget {scope}", scope, amount, MONTHS, thresholds=thresholds)
        for scope in scopes_of_budgets
    ]
    for day in DAYS[::5]:
        (month,) = [month for month in MONTHS if day in month]
        expect(database, budgets[0], day, 10 * (day - FIRST).days + 300, 0.4, month)
    alerts = [
        alert(1),
        alert(2, "team", "1", threshold_value=amount // 2, unit="USD"),
        alert(3, "product", "JOBS", threshold_value=33),
        alert(4, budget=f"budget {scopes_of_budgets[2]}", watches_from=DAYS[30]),
    ]
    told = {key: comparable(each) for key, each in told_over_time(database, "budget_threshold", *alerts).items()}
    final_until(database, LAST)
    found = ask(database, "budget_threshold", *alerts)
    assert {finding.key: comparable(finding) for finding in found} == told

    def reached(limit: Decimal) -> dict[date, date]:
        days = {}
        for month in MONTHS:
            spent = Decimal(0)
            for day, cost in zip(DAYS, costs, strict=True):
                spent += cost if day in month else 0
                if day in month and spent >= limit:
                    days.setdefault(month.first, day)
        return days

    expected = set()
    for number, of_alert, own, since in (
        (1, budgets, [(Decimal(each), Decimal(amount * each) / 100) for each in thresholds], FIRST),
        (2, budgets[:2], [(Decimal(amount // 2), Decimal(amount // 2))], FIRST),
        (3, budgets[3:], [(Decimal(33), Decimal(amount * 33) / 100)], FIRST),
        (4, budgets[2:3], [(Decimal(each), Decimal(amount * each) / 100) for each in thresholds], DAYS[30]),
    ):
        for budget in of_alert:
            for threshold, limit in own:
                for start, day in reached(limit).items():
                    if day >= since:
                        expected.add((number, f"budget:{budget}:{start}", threshold, day, limit))
    assert {
        (each.alert_id, each.subject, each.threshold, each.occurred_on, each.expected_value) for each in found
    } == expected


def test_a_threshold_says_what_is_spent_of_what_and_how_it_will_end(database: Database) -> None:
    books = Books()
    month = MONTHS[1]
    for day in month:
        books.add(day, "300", team=ETL)
        books.add(day, "100", team=DATA, product="SQL", sku="SQL")
    fill(database, books)
    budget = add_budget(database, "Data Platform", ("team", "1"), 9600, [month], thresholds=[83])
    add_budget(database, "Off", ("team", "1"), 1, [month], is_active=False)
    day = date(2026, 4, 20)
    expect(database, budget, day, 12_000, 0.97, month)
    expect(database, budget, day + timedelta(days=1), 13_000, 0.99, month)
    (found,) = ask(database, "budget_threshold", alert())
    assert (found.scope_type, found.scope_id, found.team_id, found.occurred_on) == ("team", "1", DATA, day)
    assert (found.current_value, found.expected_value, found.threshold) == (8000, 7968, 83)
    assert (found.evidence["owner"], found.evidence["recipients"]) == ("nina@example.com", ["lead@example.com"])
    message = ALERT_TYPES["budget_threshold"].message(found)
    assert message.title == "Budget Data Platform: 83 % of $9,600 is spent"
    assert message.text == (
        "By the end of Mon 20 Apr 2026, $8,000 of $9,600 were spent, which reaches the threshold of 83 %, $7,968; "
        "67 % of the period is over. $1,600 of it are left."
    )
    figures = {figure.label: figure.text for figure in message.figures}
    assert figures["Expected in the end"] == "$12,000, 125 % of it"
    assert figures["Probability above the budget"] == "97 %"
    assert figures["Period"] == "Wed 1 Apr 2026 to Thu 30 Apr 2026, day 20 of 30"
    assert [(cause.name, cause.usd) for cause in message.causes] == [("JOBS", 6000), ("SQL", 2000)]
    assert message.series is not None
    assert {point.value for point in message.series.points} == {400}
    query = query_of(message.view)
    assert query["tab"] == ["budgets"]
    assert scopes.chosen(Filters.from_query(query)) == Scope("team", "1")


def test_what_is_almost_spent_is_not_called_spent(database: Database) -> None:
    books = Books()
    books.add(date(2026, 4, 2), "997")
    fill(database, books)
    add_budget(database, "All", ("everything", ""), 1000, [MONTHS[1]], thresholds=[99])
    (found,) = ask(database, "budget_threshold", alert())
    assert ALERT_TYPES["budget_threshold"].message(found).title == "Budget All: 99 % of $1,000 is spent"


@settings(max_examples=4, deadline=None)
@given(st.lists(st.tuples(st.integers(500, 1500), st.floats(0, 1)), min_size=70, max_size=70))
def test_an_overspend_is_told_from_the_first_day_that_it_is_expected_whenever_asked(
    database: Database, said: list[tuple[int, float]]
) -> None:
    books = Books()
    for day in DAYS:
        books.add(day, "30", team=ETL)
    fill(database, books)
    budgets = [
        add_budget(database, "Default", ("team", "2"), 1000, MONTHS),
        add_budget(database, "Later", ("workspace", "100"), 1000, MONTHS, projected=120),
        add_budget(database, "Never", ("everything", ""), 1000, MONTHS, projected=None),
    ]
    for day, (projected, probability) in zip(DAYS, said, strict=True):
        (month,) = [month for month in MONTHS if day in month]
        for budget in budgets:
            expect(database, budget, day, projected, probability, month)
    alerts = [alert(1), alert(2, threshold_value=140, minimum_probability="0.2"), alert(3, "team", "1")]
    told = {key: comparable(each) for key, each in told_over_time(database, "projected_overspend", *alerts).items()}
    final_until(database, LAST)
    found = ask(database, "projected_overspend", *alerts)
    assert {finding.key: comparable(finding) for finding in found} == told

    def first_days(limit: int, least: float) -> dict[date, date]:
        days: dict[date, date] = {}
        for day, (projected, probability) in zip(DAYS, said, strict=True):
            (month,) = [month for month in MONTHS if day in month]
            if projected >= limit and probability >= least:
                days.setdefault(month.first, day)
        return days

    expected = set()
    for number, budget, limit, least in (
        (1, budgets[0], 1000, 0.5),
        (1, budgets[1], 1200, 0.5),
        *((2, each, 1400, 0.2) for each in budgets),
        (3, budgets[0], 1000, 0.5),
    ):
        expected |= {
            (number, f"budget:{budget}:{start}", day, limit) for start, day in first_days(limit, least).items()
        }
    assert {(each.alert_id, each.subject, each.occurred_on, each.expected_value) for each in found} == expected


def test_an_expected_overspend_says_how_much_how_sure_and_from_when_on(database: Database) -> None:
    books = Books()
    month = MONTHS[1]
    for day in month:
        books.add(day, "300", workspace="200", product="SQL", sku="SQL")
    fill(database, books)
    budget = add_budget(database, "Dev", ("workspace", "200"), 8000, [month])
    day = date(2026, 4, 10)
    expect(database, budget, day, 9000, 0.999, month)
    execute(database, "update costpulse.budget_status set data_until = %s, breach_date = '2026-04-27'", day)
    final_until(database, day)
    (found,) = ask(database, "projected_overspend", alert(1, "workspace", "200"))
    assert (found.current_value, found.expected_value, found.team_id) == (9000, 8000, None)
    message = ALERT_TYPES["projected_overspend"].message(found)
    assert message.title == "Budget Dev: $9,000 expected of $8,000, 113 %"
    figures = {figure.label: figure.text for figure in message.figures}
    assert figures["Above the budget"] == "+$1,000"
    assert figures["Probability above the budget"] == ">99 %"
    assert figures["Probably exceeded from"] == "Mon 27 Apr 2026"
    assert [(cause.name, cause.usd) for cause in message.causes] == [("SQL", 3000)]
    assert scopes.chosen(Filters.from_query(query_of(message.view))) == Scope("workspace", "200")


# --- closed_month_adjusted

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


@pytest.fixture
def statements(database_url: str) -> Statements:
    """March is closed at 100 for Data and 50 for Risk; then prices and usage of it change."""
    books = Statements(Database(database_url))
    execute(books.database, "insert into costpulse.teams (name) values ('Data'), ('Etl'), ('Risk')")
    execute(books.database, "update costpulse.teams set parent_team_id = 1 where id = 2")
    for month in (MARCH, APRIL):
        books.collect(month)
    books.put(date(2026, 3, 4), {ETL: "1000", RISK: "500"})
    close_month(books.database, MARCH, "ada", at=noon(date(2026, 4, 3)))
    books.put(date(2026, 3, 4), {ETL: "1000", RISK: "540"})
    book_adjustments(books.database, at=noon(date(2026, 4, 10)))
    books.put(date(2026, 3, 4), {ETL: "1000", RISK: "540"}, rate="0.05")
    book_adjustments(books.database, at=noon(date(2026, 4, 12)))
    return books


def test_adjustments_of_a_closed_month_are_told_per_day_once_the_day_is_over(statements: Statements) -> None:
    def told(now: date, *alerts: dict[str, Any]) -> list[tuple[int, str, Decimal | None]]:
        found = ask(
            statements.database, "closed_month_adjusted", *alerts, now=datetime.combine(now, time(23), tzinfo=UTC)
        )
        return [(finding.alert_id, finding.subject, finding.current_value) for finding in found]

    assert told(date(2026, 4, 10), alert()) == []
    first, second = "month:2026-03:2026-04-10", "month:2026-03:2026-04-12"
    assert told(date(2026, 4, 12), alert()) == [(1, first, 4)]
    alerts = [
        alert(1),
        alert(2, "team", "1"),
        alert(3, "team", "3", threshold_value=20),
        alert(4, "team", "unallocated"),
        alert(5, "sku", JOBS, watches_from=date(2026, 4, 11)),
        alert(6, threshold_value=78),
    ]
    assert told(date(2026, 4, 13), *alerts) == [
        (1, first, 4),
        (1, second, -77),
        (2, second, -50),
        (3, second, -27),
        (5, second, -77),
    ]


def test_an_adjustment_says_what_the_month_stood_at_and_why_it_changed(statements: Statements) -> None:
    found = ask(statements.database, "closed_month_adjusted", alert(), names="Whole account")[-1]
    message = ALERT_TYPES["closed_month_adjusted"].message(found)
    assert message.title == "Whole account: -$77.00 on March 2026, which is closed"
    assert "on the statement of April 2026" in message.text
    assert "went from $154.00 to $77.00" in message.text
    assert {figure.label: figure.text for figure in message.figures} == {
        "Booked": "-$77.00",
        "March 2026 now": "$77.00",
        "Changed prices": "-$77.00",
    }
    assert [(cause.kind, cause.name, cause.usd) for cause in message.causes] == [
        ("team", "Etl", -50),
        ("team", "Risk", -27),
    ]
    assert query_of(message.view)["tab"] == ["statement"]


# --- all of them


@pytest.mark.parametrize(
    "kind", ["budget_threshold", "projected_overspend", "daily_budget", "cost_spike", "closed_month_adjusted"]
)
def test_the_app_may_ask_for_a_dry_run(database: Database, kind: str) -> None:
    fill(database, a_spike())
    declared = ALERT_TYPES[kind]
    alerts = [alert(1, "team", "2", **declared.options().model_dump(mode="json"), watches_from=str(FIRST))]
    alerts[0]["threshold_value"] = "50"
    add_budget(database, "Etl", ("team", "2"), 1000, MONTHS)
    parameters = {"alerts": Jsonb(alerts), "first_day": FIRST, "last_day": LAST, "now": LATER}

    def seen_by(scope: str) -> list[dict[str, Any]]:
        with database.transaction() as connection:
            connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
            try:
                connection.execute("set local role costpulse_app")
            except psycopg.errors.InsufficientPrivilege:
                pytest.fail("the owner must be able to become the app's role")
            return run(connection, declared.statement, parameters)

    everyone = seen_by("all")
    assert bool(everyone) == (kind not in ("projected_overspend", "closed_month_adjusted"))
    assert seen_by("2") == everyone
    assert seen_by("3") == []
