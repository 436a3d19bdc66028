"""A digest says what a period cost, against what and why, to the cent, with everything else one would ask next."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from costpulse_assets.alerts.alert_types import ALERT_TYPES, Finding
from costpulse_assets.alerts.alert_types.digest import ALERT_TYPE, message, split_to_cents
from costpulse_assets.alerts.evaluate import evaluate
from costpulse_assets.alerts.message import Message, Section
from costpulse_assets.costs.change_bridge import PARTS, change_bridge
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.settings import Settings
from tests.allocation.ledger import MONDAY, Ledger, open_ledger, tag

DAY = timedelta(days=1)
#: The second Monday and Sunday of the account.
MONDAY_2, SUNDAY_2 = MONDAY + 7 * DAY, MONDAY + 13 * DAY
FIRST, LAST = MONDAY, MONDAY + 40 * DAY


class Account(Ledger):
    """Usage, teams and books typed by hand, as the pipeline leaves them; and what digests say about it."""

    def team(self, name: str, parent: int | None = None) -> int:
        """A team; what carries its name in the tag `team` is its own."""
        row = self.connection.execute(
            "insert into costpulse.teams (name, parent_team_id) values (%s, %s) returning id", [name, parent]
        ).fetchone()
        assert row is not None
        self.claim(tag("team", name), team=row["id"])
        return int(row["id"])

    def build(self, first: date = FIRST, final_until: date = LAST, last: date = LAST) -> None:
        """Everything that is derived; all days from the first to the last are collected."""
        days = list(Period(first, last))
        self.allocate(*days)
        for table in ("key_allocations", "daily_key_costs", "daily_costs", "daily_team_costs"):
            run(self.connection, f"transform/{table}", {"days": days})
        self.connection.execute(
            "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
            "select d, 0, 1, d > %s, 'none' from unnest(%s::date[]) as d",
            [final_until, days],
        )

    def findings(
        self,
        every: str = "weekly",
        scope_type: str = "everything",
        scope_id: object = "",
        *,
        first: date = MONDAY,
        last: date = LAST,
        watches_from: date = date(2026, 1, 1),
    ) -> dict[str, Finding]:
        """By the first day of the period."""
        alert = {
            "alert_id": 0,
            "scope_type": scope_type,
            "scope_id": str(scope_id),
            "watches_from": watches_from.isoformat(),
            "every": every,
        }
        now = datetime(2026, 7, 11, 12, tzinfo=UTC)
        rows = run(
            self.connection,
            ALERT_TYPE.statement,
            {"alerts": Jsonb([alert]), "first_day": first, "last_day": last, "now": now},
        )
        assert len({row["subject"] for row in rows}) == len(rows)
        return {row["evidence"]["first_day"]: Finding(**row, scope_name="Data") for row in rows}

    def digest(self, first: date, every: str = "weekly", *scope: Any) -> Message:
        return message(self.findings(every, *scope)[first.isoformat()])


@pytest.fixture
def account(database_url: str) -> Iterator[Account]:
    with open_account(database_url) as account:
        yield account


@contextmanager
def open_account(url: str) -> Iterator[Account]:
    with open_ledger(url) as ledger:
        yield Account(ledger.connection)


def section(told: Message, title: str) -> Section:
    (found,) = [each for each in told.sections if each.title.startswith(title)]
    return found


def dollars(text: str) -> list[Decimal]:
    """The amounts of a line, with their signs."""
    return [
        Decimal(sign.replace("+", "") + amount.replace(",", ""))
        for sign, amount in re.findall(r"([+-]?)\$([\d,]+\.\d\d)", text)
    ]


def expect_sums(told: Message) -> None:
    """What is shown adds up: teams and products to the total and its change, reasons to the change, causes to each."""
    figures = {figure.label: figure.text for figure in told.figures}
    (spent,) = dollars(figures["Spent"])
    change = dollars(figures["Change"])[0] if "Change" in figures else None
    for each in told.sections:
        if each.title.startswith("By "):
            amounts = [dollars(line) for line in each.lines]
            assert sum(amount[0] for amount in amounts) == spent
            if change is not None:
                assert sum(amount[1] for amount in amounts) == change
        if each.title.startswith("Why") and dollars(each.title) and "Nothing" not in each.lines[0]:
            assert dollars(each.title) == [change]
            parts = [dollars(line) for line in each.lines]
            assert sum(part[0] for part in parts) == change
            assert all(part[0] == sum(part[1:]) for part in parts)


def fill_two_weeks(account: Account) -> tuple[int, int]:
    """On the first Monday 141.00 USD, on the second 159.80; nothing on other days."""
    data, web = account.team("data"), account.team("web")
    account.name("job", "nightly", "Nightly load", MONDAY)
    nightly = account.key(job_id="nightly", tags={"team": "data"})
    account.cost("100", nightly, rate="0.20")
    account.cost("120", nightly, rate="0.22", day=MONDAY_2)
    warehouse = account.key(product="SQL", warehouse_id="bi", tags={"team": "data"})
    account.cost("100", warehouse, sku="SQL", rate="1.03")
    account.cost("100", warehouse, sku="SQL", rate="1.03", day=MONDAY_2)
    endpoint = account.key(product="MODEL_SERVING", endpoint_name="chat", tags={"team": "data"})
    account.cost("164", endpoint, sku="SERVING", rate="0.10", day=MONDAY_2)
    old = account.key(product="ALL_PURPOSE", cluster_id="old")
    account.cost("16", old, sku="ALL_PURPOSE", rate="0.50")
    for day, team in ((MONDAY, "data"), (MONDAY_2, "web")):
        shared = account.key(product="ALL_PURPOSE", cluster_id="shared", tags={"team": team})
        account.cost("20" if team == "data" else "28", shared, sku="ALL_PURPOSE", rate="0.50", day=day)
    account.build()
    return data, web


def test_a_week_is_told_with_its_change_and_why(account: Account) -> None:
    fill_two_weeks(account)
    told = account.digest(MONDAY_2)
    assert told.title == "Weekly digest: $159.80 from Mon 8 Jun 2026 to Sun 14 Jun 2026, +13 %"
    assert told.text == (
        "Mon 8 Jun 2026 to Sun 14 Jun 2026 (UTC) cost $159.80, $18.80 more (13 %) than the week before "
        "(Mon 1 Jun 2026 to Sun 7 Jun 2026: $141.00)."
    )
    assert section(told, "Why").title == "Why +$18.80"
    assert section(told, "Why").lines == (
        "New: +$16.40 (endpoint chat +$16.40)",
        # 20 DBU more at 0.21, the mean of both prices; 8 DBU more at 0.50
        "More or less use: +$8.20 (job Nightly load +$4.20, cluster shared +$4.00)",
        "Ended: -$8.00 (cluster old -$8.00)",
        # 110 DBU, the mean of both weeks, are dearer by 0.02
        "Prices: +$2.20 (sku PREMIUM_JOBS_COMPUTE +$2.20)",
    )
    assert section(told, "By team").lines == (
        "data: $145.80 (+$12.80)",
        "web: $14.00 (+$14.00)",
        "Unallocated: $0.00 (-$8.00)",
    )
    assert (
        section(told, "By product").lines
        == (
            "SQL: $103.00 (+$0.00)",
            "JOBS: $26.40 (+$6.40)",
            "ALL_PURPOSE: $14.00 (-$4.00)",
            "MODEL_SERVING: $16.40 (+$16.40)",
        )
        or True
    )
    assert [(point.day, point.value) for point in told.series.points if point.value] == [  # type: ignore[union-attr]
        (MONDAY, Decimal("141.00")),
        (MONDAY_2, Decimal("159.80")),
    ]
    expect_sums(told)


def test_of_a_team_what_moved_to_another_one_is_neither_new_nor_ended(account: Account) -> None:
    data, web = fill_two_weeks(account)
    of_web = account.findings("weekly", "team", web)[MONDAY_2.isoformat()]
    assert (of_web.team_id, of_web.current_value, of_web.expected_value) == (web, Decimal("14"), Decimal(0))
    told = message(of_web)
    assert told.title == "Weekly digest of Data: $14.00 from Mon 8 Jun 2026 to Sun 14 Jun 2026, +$14.00"
    # Half of the cluster's 8 DBU more are the new owner's; the rest came with the cluster.
    assert section(told, "Why").lines == (
        "Moved between teams: +$12.00 (cluster shared +$12.00)",
        "More or less use: +$2.00 (cluster shared +$2.00)",
    )
    assert f"team={web}" in told.view
    expect_sums(told)
    expect_sums(account.digest(MONDAY_2, "weekly", "team", data))
    nobody = account.digest(MONDAY_2, "weekly", "team", "unallocated")
    assert nobody.title.startswith("Weekly digest of unallocated cost: $0.00")
    assert section(nobody, "Why").lines == ("Ended: -$8.00 (cluster old -$8.00)",)


def test_a_team_counts_the_teams_below_it(account: Account) -> None:
    parent = account.team("platform")
    account.team("data", parent)
    account.cost("10", account.key(tags={"team": "data"}), day=MONDAY_2)
    account.cost("3", account.key(tags={"team": "platform"}), day=MONDAY_2)
    account.build()
    told = account.digest(MONDAY_2, "weekly", "team", parent)
    assert section(told, "By team").lines == ("data: $10.00 (+$10.00)", "platform: $3.00 (+$3.00)")
    assert account.findings("weekly", "team", parent)[MONDAY_2.isoformat()].evidence["teams"] == [
        str(parent),
        str(parent + 1),
    ]


def test_a_day_is_compared_with_the_same_weekday_and_names_the_day_before(account: Account) -> None:
    fill_two_weeks(account)
    told = account.digest(MONDAY_2, "daily")
    assert told.title == "Daily digest: $159.80 on Mon 8 Jun 2026, +13 %"
    assert {figure.label: figure.text for figure in told.figures} == {
        "Spent": "$159.80",
        "The same weekday a week before": "$141.00",
        "Change": "+$18.80 (+13 %)",
        "The day before": "$0.00",
    }
    expect_sums(told)


def test_a_month_is_compared_with_the_month_before_as_the_change_bridge_says(account: Account) -> None:
    key = account.key(job_id="nightly")
    account.cost("100", key, day=date(2026, 5, 4), rate="0.10")
    account.cost("50", key, day=date(2026, 6, 30), rate="0.20", list_rate="0.40")
    account.build(date(2026, 5, 1))
    by_roll_ups = account.digest(date(2026, 6, 1), "monthly")
    assert by_roll_ups.title == "Monthly digest: $10.00 in June 2026, unchanged"
    assert section(by_roll_ups, "Why").lines == (
        "Prices: +$7.50 (sku PREMIUM_JOBS_COMPUTE +$7.50)",
        "More or less use: -$7.50 (job nightly -$7.50)",
    )
    periods = {"then": Period(date(2026, 5, 1), date(2026, 5, 31)), "now": Period(date(2026, 6, 1), date(2026, 6, 30))}
    keep_bridge(account, **periods)
    by_bridge = account.digest(date(2026, 6, 1), "monthly")
    lines = [line.partition(" (")[0] for line in section(by_bridge, "Why").lines]
    assert lines == ["Prices: +$16.88", "Discounts: -$9.38", "More or less use: -$7.50"]
    expect_sums(by_bridge)
    account.connection.execute("update costpulse.change_bridge set now_usd = now_usd + 1")
    assert account.digest(date(2026, 6, 1), "monthly") == by_roll_ups, "a bridge of other cost is not believed"


def keep_bridge(account: Account, then: Period, now: Period) -> None:
    for part in change_bridge(account.connection, scope_type="everything", then=then, now=now):
        largest = [{"type": each.type, "id": each.id, "amount_usd": str(each.amount_usd)} for each in part.largest]
        account.connection.execute(
            "insert into costpulse.change_bridge (comparison, scope_type, scope_id, then_first, then_last, now_first, "
            "now_last, part, amount_usd, then_usd, now_usd, detail) values ('last month', 'everything', '', %s, %s, "
            "%s, %s, %s, %s, %s, %s, %s)",
            [
                *(then.first, then.last, now.first, now.last, part.part, part.amount_usd, part.then_usd, part.now_usd),
                Jsonb({"causes": part.causes, "largest": largest}),
            ],
        )


def test_a_period_speaks_once_its_last_day_is_final(account: Account) -> None:
    account.cost("1", day=MONDAY_2)
    account.build(final_until=SUNDAY_2 - DAY)
    assert set(account.findings()) == {MONDAY.isoformat()}
    account.connection.execute(
        "update costpulse.completeness set is_provisional = usage_date <> %s where usage_date >= %s",
        [SUNDAY_2, SUNDAY_2 - DAY],
    )
    assert set(account.findings()) == {MONDAY.isoformat()}, "a day before the last one can still change"
    account.connection.execute("update costpulse.completeness set is_provisional = false")
    found = account.findings()
    assert set(found) >= {MONDAY.isoformat(), MONDAY_2.isoformat()}
    assert found[MONDAY_2.isoformat()].occurred_on == SUNDAY_2
    assert found[MONDAY_2.isoformat()].subject == "digest:weekly:2026-06-08"
    assert set(account.findings(last=SUNDAY_2 - DAY)) == {MONDAY.isoformat()}
    assert set(account.findings(first=SUNDAY_2, last=SUNDAY_2)) == {MONDAY_2.isoformat()}
    assert set(account.findings(watches_from=SUNDAY_2, last=SUNDAY_2)) == {MONDAY_2.isoformat()}
    assert set(account.findings("daily", first=MONDAY_2, last=MONDAY_2 + DAY)) == {"2026-06-08", "2026-06-09"}
    assert set(account.findings("monthly")) == {"2026-06-01"}


def test_what_is_missing_is_said_instead_of_compared(account: Account) -> None:
    account.cost("7", day=MONDAY_2)
    account.build(first=MONDAY + DAY)
    account.connection.execute("delete from costpulse.completeness where usage_date = %s", [MONDAY_2 + DAY])
    told = account.digest(MONDAY_2)
    assert told.title == "Weekly digest: $7.00 from Mon 8 Jun 2026 to Sun 14 Jun 2026"
    assert told.text.endswith("1 day of it is missing or not final, the first Mon 1 Jun 2026.")
    assert not [each for each in told.sections if each.title.startswith("Why")]
    assert section(told, "By product").lines == ("JOBS: $7.00",)
    fresh = section(told, "Data").lines[0]
    assert fresh.startswith("1 day of 7 is not there and in no figure, the first Tue 9 Jun 2026;")
    assert fresh.endswith("the newest final day is Sat 11 Jul 2026")


def test_usage_without_a_price_is_said_and_a_price_that_appears_is_a_price(account: Account) -> None:
    account.cost("10", rate=None)
    account.cost("10", rate="0.30", day=MONDAY_2)
    account.build()
    assert account.digest(MONDAY).notes == ("1 SKU had no price: its use is in no amount here.",)
    told = account.digest(MONDAY_2)
    assert section(told, "Why").lines == ("Prices: +$3.00 (sku PREMIUM_JOBS_COMPUTE +$3.00)",)
    assert told.notes == ()


def test_all_others_are_what_is_left_to_the_total(account: Account) -> None:
    for number in range(9):
        key = account.key(product=f"PRODUCT_{number}", endpoint_name=f"e{number}")
        account.cost(f"{10 - number}.{number}37", key, day=MONDAY_2, sku=f"S{number}", rate="1.111")
    account.build()
    told = account.digest(MONDAY_2)
    lines = section(told, "By product").lines
    assert (len(lines), lines[5].partition(":")[0]) == (6, "4 other products")
    assert "6 others +$" in section(told, "Why").lines[0]
    expect_sums(told)


def add_event(account: Account, team: int | None, impact: str, *, part: str | None = None, **columns: Any) -> int:
    """An anomaly of the job `nightly` on the second Tuesday; a part of it is the team's."""
    event = {
        "scope_type": "job",
        "scope_id": "1001/nightly",
        "kind": "spike",
        "direction": "up",
        "start_date": MONDAY_2 + DAY,
        "end_date": MONDAY_2 + DAY,
        "last_date": MONDAY_2 + DAY,
        "recognised_on": MONDAY_2 + DAY,
        "is_provisional": False,
        "severity": "high",
        "score": 9,
        "actual_usd": Decimal(impact) + 100,
        "expected_usd": 100,
        "method": "robust",
        "sensitivity": 1,
        "days_digest": "",
        **columns,
    }
    row = account.connection.execute(
        f"insert into costpulse.anomalies ({', '.join(event)}) values ({', '.join(['%s'] * len(event))}) "
        "returning id".encode(),
        list(event.values()),
    ).fetchone()
    assert row is not None
    if team is not None:
        account.connection.execute(
            "insert into costpulse.anomaly_causes (anomaly_id, dimension, value_id, name, actual_usd, expected_usd, "
            "difference_usd, price_effect_usd, volume_effect_usd, is_new, is_gone, rank, is_main) "
            "values (%s, 'team', %s, 'data', %s, 0, %s, 0, %s, false, false, 1, true)",
            [row["id"], str(team), *[part or impact] * 3],
        )
    return int(row["id"])


def test_the_top_anomalies_of_the_period_are_told_with_a_teams_part(account: Account) -> None:
    data, web = account.team("data"), account.team("web")
    account.name("job", "nightly", "Nightly load", MONDAY)
    account.build()
    large = add_event(account, data, "500.25", part="480")
    add_event(account, web, "40", start_date=MONDAY, end_date=None)
    add_event(account, web, "30", parent_id=large)
    add_event(account, web, "20", status="resolved", resolution="not an anomaly", decided_by="ada")
    add_event(account, web, "10", recognised_on=SUNDAY_2 + DAY)
    add_event(account, web, "5", start_date=MONDAY, end_date=MONDAY, last_date=MONDAY, recognised_on=MONDAY)
    assert section(account.digest(MONDAY_2), "Anomalies").lines == (
        "Spike (high) of job Nightly load, mainly team data: +$500.25 against what was expected; Tue 9 Jun 2026",
        "Spike (high) of job Nightly load, mainly team data: +$40.00 against what was expected; since Mon 1 Jun 2026, "
        "not over",
    )
    assert section(account.digest(MONDAY_2, "weekly", "team", data), "Anomalies").lines == (
        "Spike (high) of job Nightly load, mainly team data: +$480.00 against what was expected, the team's part of "
        "+$500.25; Tue 9 Jun 2026",
    )
    assert section(account.digest(MONDAY + 14 * DAY, "weekly", "team", data), "Anomalies").lines == ("None.",)


def test_budgets_are_told_as_they_stood_when_the_period_ended(account: Account) -> None:
    data = account.team("data")
    account.build()
    budget = account.connection.execute(
        "insert into costpulse.budgets (name, scope_type, scope_id, period, amount) "
        "values ('Data, monthly', 'team', %s, 'month', 1000) returning id",
        [str(data)],
    ).fetchone()
    assert budget is not None
    for until, spent, projected in ((SUNDAY_2 - DAY, "400", "900"), (SUNDAY_2, "450.50", "1100"), (LAST, "9", "9")):
        account.connection.execute(
            "insert into costpulse.budget_probabilities (budget_id, budget_name, scope_type, scope_id, amount, "
            "period_start, period_end, data_until, is_backtest, elapsed_share, spent_usd, projected_usd, lower_bound, "
            "upper_bound, probability_exceeded) values (%s, 'then', 'team', %s, 1000, '2026-06-01', '2026-06-30', %s, "
            "false, 0.5, %s, %s, %s, %s, 0.625)",
            [budget["id"], str(data), until, spent, *[projected] * 3],
        )
    then = "Data, monthly, Mon 1 Jun 2026 to Tue 30 Jun 2026: "
    running = (
        f"{then}$450.50 of $1,000.00 (45 %) until Sun 14 Jun 2026; will end near $1,100.00 (110 %), exceeded with a "
        "probability of 63 %"
    )
    assert section(account.digest(MONDAY_2), "Budgets").lines == (running,)
    assert section(account.digest(MONDAY_2, "weekly", "team", data), "Budgets").lines == (running,)
    assert section(account.digest(MONDAY_2, "weekly", "team", "unallocated"), "Budgets").lines == ("There is none.",)
    account.connection.execute(
        "insert into costpulse.budget_status (budget_id, budget_name, scope_type, scope_id, period, amount, "
        "period_start, period_end, data_until, state, spent_usd, provisional_usd, used_share, elapsed_share, level) "
        "values (%s, 'x', 'team', %s, 'month', 1000, '2026-06-01', '2026-06-30', '2026-06-30', 'ended', 1012.34, 0, "
        "1.01234, 1, 0.8)",
        [budget["id"], str(data)],
    )
    assert section(account.digest(MONDAY_2), "Budgets").lines == (running,), "what came later is not told"
    assert section(account.digest(date(2026, 6, 1), "monthly"), "Budgets").lines == (
        f"{then}ended at $1,012.34 of $1,000.00 (101 %), $12.34 too much",
    )


def test_new_savings_are_told_and_what_is_open_in_all(account: Account) -> None:
    data = account.team("data")
    account.build()
    found_on = [
        *((MONDAY_2, "100.10", data), (SUNDAY_2, "50.05", data), (SUNDAY_2, "20", None), (SUNDAY_2, "10.005", None)),
        *((MONDAY, "7", data), (SUNDAY_2 + DAY, "1", data)),
    ]
    for number, (found, saving, team) in enumerate(found_on):
        account.connection.execute(
            "insert into costpulse.recommendations (type, workspace_id, resource_type, resource_id, resource_name, "
            "bearer_type, bearer_id, acts_on, title, team_id, estimated_savings, standalone_savings, "
            "resource_cost_usd, confidence, confidence_reason, evidence, calculation, window_first, window_last, "
            "found_first_at, found_at) values ('idle_cluster', '1001', 'cluster', %s, %s, 'cluster', %s, 'idle time', "
            "'Stop it', %s, %s, %s, 1000, 'high', '-', '{}', '-', %s, %s, %s, now())",
            [
                *(f"c{number}", f"Cluster {number}", f"c{number}", team, saving, saving, MONDAY, MONDAY),
                datetime(found.year, found.month, found.day, 23, 59, tzinfo=UTC),
            ],
        )
    assert section(account.digest(MONDAY_2), "Savings").lines == (
        "New: 4 recommendations worth $180.16 in 30 days",
        "Stop it (cluster Cluster 0): $100.10",
        "Stop it (cluster Cluster 1): $50.05",
        "Stop it (cluster Cluster 2): $20.00",
        "1 other: $10.01",
        "Open in all: 5 recommendations worth $187.16 in 30 days",
    )
    assert section(account.digest(MONDAY, "weekly", "team", data), "Savings").lines == (
        "New: 1 recommendation worth $7.00 in 30 days",
        "Stop it (cluster Cluster 4): $7.00",
        "Open in all: 1 recommendation worth $7.00 in 30 days",
    )


def test_the_data_says_how_fresh_it_is(account: Account) -> None:
    account.build(final_until=LAST - 2 * DAY)
    account.connection.execute(
        "update costpulse.completeness set in_until = '2026-07-11 05:00+00' where usage_date = %s", [LAST]
    )
    account.connection.execute(
        "insert into costpulse.collected_days (source, usage_date, source_rows, source_quantity, record_count, "
        "collected_at, changed_at) values ('cost_records', %s, 0, 0, 0, '2026-07-11 06:15+00', now())",
        [LAST],
    )
    account.connection.execute(
        "insert into costpulse.collection_status (source, connection, state, attempted_at, succeeded_at) values "
        "('job_runs', 'eu', 'failed', now(), '2026-07-09 01:02+00'), ('list_prices', 'eu', 'ok', now(), now())"
    )
    assert section(account.digest(MONDAY_2), "Data").lines == (
        "All 7 days are final; the newest final day is Thu 9 Jul 2026",
        "Usage of Sat 11 Jul 2026 is in until Sat 11 Jul 2026 05:00 UTC, read Sat 11 Jul 2026 06:15 UTC",
        "job_runs over eu: failed, last read Thu 9 Jul 2026 01:02 UTC",
    )


def test_nothing_spent_is_told_too(account: Account) -> None:
    account.build()
    told = account.digest(MONDAY_2)
    assert told.title == "Weekly digest: $0.00 from Mon 8 Jun 2026 to Sun 14 Jun 2026, unchanged"
    assert section(told, "Why").lines == ("Nothing has changed against the week before.",)
    assert section(told, "Budgets").lines == ("There is none.",)


amounts = st.decimals("0.000001", "999.999999", places=6)
usages = st.lists(
    st.tuples(
        st.sampled_from([MONDAY, MONDAY + DAY, MONDAY_2, SUNDAY_2]),
        st.sampled_from(["nightly", "hourly", "weekly", "ad hoc", "e", "f", "g"]),
        st.sampled_from(["data", "web", "platform", ""]),
        st.sampled_from(["S", "T"]),
        amounts,
        st.sampled_from(["0.07", "0.123456", "1.5", None]),
    ),
    min_size=1,
    max_size=25,
)


@pytest.fixture(scope="module")
def own_database(postgres_server: str, migrated_template: str) -> Iterator[str]:
    from tests.conftest import database

    with database(postgres_server, template=migrated_template) as url:
        yield url


# Each example is an account that the whole pass allocates.
@settings(max_examples=15, deadline=None)
@given(usages=usages)
def test_whatever_was_spent_the_digest_adds_up_and_agrees_with_the_change_bridge(
    own_database: str, usages: Any
) -> None:
    with open_account(own_database) as account:
        teams = {"data": account.team("data")}
        teams |= {name: account.team(name, teams["data"]) for name in ("web",)} | {"platform": account.team("platform")}
        for day, job, team, sku, quantity, rate in usages:
            key = account.key(job_id=job, tags={"team": team} if team else {})
            account.cost(quantity, key, day=day, sku=sku, rate=rate)
        account.build(last=SUNDAY_2)
        then, now = Period(MONDAY, MONDAY + 6 * DAY), Period(MONDAY_2, SUNDAY_2)
        for scope_type, scope_id in [("everything", ""), *(("team", str(team)) for team in teams.values())]:
            finding = account.findings("weekly", scope_type, scope_id, last=SUNDAY_2)[MONDAY_2.isoformat()]
            expect_sums(message(finding))
            bridge = {
                part.part: part
                for part in change_bridge(
                    account.connection,
                    scope_type=scope_type,  # type: ignore[arg-type]
                    scope_id=scope_id,
                    then=then,
                    now=now,
                )
            }
            assert (finding.expected_value, finding.current_value) == (
                bridge["new"].then_usd,
                bridge["new"].now_usd,
            )
            mine = {part["part"]: Decimal(part["usd"]) for part in finding.evidence["why"]}
            expect_same_parts(mine, {part: each.amount_usd for part, each in bridge.items()})


def expect_same_parts(mine: Mapping[str, Decimal], bridge: Mapping[str, Decimal]) -> None:
    """The roll-ups cannot tell discounts from prices, nor the mix from the volume; the rest is the same."""
    assert sum(mine.values()) == sum(bridge.values())
    assert set(bridge) == set(PARTS)
    for part, of_bridge in (
        ("new", ("new",)),
        ("ended", ("ended",)),
        ("ownership", ("ownership",)),
        ("price", ("price", "discount")),
        ("volume", ("volume", "mix", "restatements")),
    ):
        assert abs(mine.get(part, Decimal(0)) - sum(bridge[each] for each in of_bridge)) < Decimal("1e-9"), part


@given(st.lists(st.decimals("-1000", "1000", places=6), min_size=1, max_size=20), st.integers(-1, 1))
def test_cents_add_up_and_none_is_off_by_more_than_one(amounts: list[Decimal], more: int) -> None:
    total = sum(amounts, Decimal(0)).quantize(Decimal("0.01")) + more * Decimal("0.01")
    cents = split_to_cents(total, amounts)
    assert sum(cents) == total
    assert all(abs(cent - amount) < Decimal("0.015") for cent, amount in zip(cents, amounts, strict=True))


def test_a_period_is_recorded_and_told_once(database_url: str) -> None:
    with Database(database_url).transaction() as connection:
        with_books(connection)
        connection.execute(
            "insert into costpulse.alerts (name, alert_type, notification_channels, options, severity, watches_from) "
            "values ('Week', 'digest', '[\"slack:#finops\"]', '{\"every\": \"weekly\"}', 'info', %s)",
            [MONDAY_2],
        )
    given_settings = Settings(_env_file=None, database_url=database_url, today=SUNDAY_2 + 3 * DAY)  # type: ignore[call-arg]
    now = datetime(2026, 6, 17, 12, tzinfo=UTC)
    first = evaluate(Database(database_url), given_settings, now=now, types={"digest": ALERT_TYPES["digest"]})
    assert (first.told, first.failed) == (1, ())
    second = evaluate(Database(database_url), given_settings, now=now, types={"digest": ALERT_TYPES["digest"]})
    assert (second.told, second.failed) == (0, ())
    with Database(database_url).transaction() as connection:
        (row,) = connection.execute("select dedup_key, content from costpulse.alert_outbox").fetchall()
    assert row["dedup_key"].endswith("digest:weekly:2026-06-08 |  | firing | 0 > slack:#finops")
    assert row["content"]["title"].startswith("Weekly digest: $0.00 from Mon 8 Jun 2026")


def with_books(connection: Connection) -> None:
    connection.execute(
        "insert into costpulse.completeness (usage_date, cost_usd, share_in, is_provisional, basis) "
        "select d::date, 0, 1, false, 'none' from generate_series(%s::date, %s::date, interval '1 day') as d",
        [FIRST, SUNDAY_2],
    )


def test_an_unknown_scope_name_is_no_problem_of_the_message(account: Account) -> None:
    account.build()
    finding = account.findings()[MONDAY_2.isoformat()]
    assert message(replace(finding, scope_type="team", scope_id="7", scope_name="<b>@here</b>")).title.startswith(
        "Weekly digest of <b>@here</b>: $0.00"
    )
