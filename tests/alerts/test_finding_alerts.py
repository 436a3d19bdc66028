"""Alerts about what the pipeline found: events, new sources of cost and new savings."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from costpulse_app.anomalies.state import Choice as AnomalyChoice
from costpulse_app.filters import Filters, View
from costpulse_app.recommendations.state import Choice as RecommendationChoice
from costpulse_assets.alerts.alert_types import ALERT_TYPES
from costpulse_assets.alerts.evaluate import find
from costpulse_assets.alerts.message import Cause
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Database
from tests.alerts.asking import LATER, Asker, alert, figures, query_of, said, told
from tests.analysis.recommendation_books import Advice, Found
from tests.app.books import Books
from tests.conftest import database as another_database

#: Data stands above Etl; Risk stands alone.
DATA, ETL, RISK = 1, 2, 3
DAY = timedelta(days=1)
MONDAY = date(2026, 11, 16)
TEAMS = "insert into costpulse.teams (name, parent_team_id) values ('Data', null), ('Etl', 1), ('Risk', null)"


@pytest.fixture
def ask(database_url: str) -> Asker:
    """A database with three teams and nothing else."""
    asker = Asker(Database(database_url))
    asker.execute(TEAMS)
    return asker


# --- anomaly


def event(ask: Asker, scope: tuple[str, str] = ("job", "100/7"), **columns: Any) -> int:
    """An event that is over: two days that cost 500 where 100 was expected, known on the first of them."""
    row: dict[str, Any] = {
        "scope_type": scope[0],
        "scope_id": scope[1],
        "kind": "spike",
        "direction": "up",
        "start_date": MONDAY,
        "end_date": MONDAY + DAY,
        "last_date": MONDAY + DAY,
        "recognised_on": MONDAY,
        "is_provisional": False,
        "severity": "high",
        "score": 9,
        "actual_usd": Decimal("500.25"),
        "expected_usd": Decimal("100.10"),
        "method": "robust",
        "sensitivity": 1,
        "days_digest": "",
    } | columns
    (found,) = ask.execute(
        f"insert into costpulse.anomalies ({', '.join(row)}) values ({', '.join(['%s'] * len(row))}) returning id",
        *row.values(),
    )
    return int(found["id"])


def cause(ask: Asker, number: int, dimension: str, value: str, usd: str, share: str, rank: int = 1) -> None:
    """A part of an event that was not there before."""
    ask.execute(
        "insert into costpulse.anomaly_causes (anomaly_id, dimension, value_id, name, actual_usd, expected_usd, "
        "difference_usd, share, price_effect_usd, volume_effect_usd, is_new, is_gone, rank, is_main) "
        "values (%s, %s, %s, %s, %s, 0, %s, %s, 0, %s, true, false, %s, false)",
        number, dimension, value, f"{value} by name", usd, usd, share, usd, rank,
    )  # fmt: skip


def decide(ask: Asker, number: int, status: str, resolution: str | None = None, **more: Any) -> None:
    ask.execute(
        "update costpulse.anomalies set status = %s, resolution = %s, reason = %s, gone_at = %s, decided_by = 'ada', "
        "decided_at = %s where id = %s",
        status, resolution, more.get("reason"), more.get("gone_at"), datetime(2026, 11, 17, 9, tzinfo=UTC), number,
    )  # fmt: skip


def test_an_event_is_told_once_and_once_more_when_it_is_over(ask: Asker) -> None:
    number = event(ask)
    begin, end = ask(alert("anomaly"))
    assert told([begin, end]) == [("firing", 0, MONDAY), ("ended", 0, MONDAY + 2 * DAY)]
    assert begin.subject == end.subject == f"anomaly:{number}"
    assert (begin.scope_type, begin.scope_id) == ("job", "100/7")
    assert (begin.current_value, begin.expected_value) == (Decimal("500.25"), Decimal("100.10"))
    assert said(end).title.startswith("Over: spike of Job 100/7, $400.15 more than expected in all")


def test_the_message_of_an_event_says_how_much_why_and_opens_that_event(ask: Asker) -> None:
    number = event(ask, assigned_to="ada@example.com")
    for place, (sku, usd, share) in enumerate((("BIG", "300", "0.75"), ("SMALL", "90", "0.2"), ("TINY", "10", "0.04"))):
        cause(ask, number, "sku", sku, usd, share, place + 1)
    cause(ask, number, "workspace", "100", "400", "1")
    for place, actual in enumerate((40, 50.5, 250.125, 249.99)):
        ask.execute(
            "insert into costpulse.anomaly_days (scope_type, scope_id, usage_date, actual, is_provisional) "
            "values ('job', '100/7', %s, %s, false)",
            MONDAY + (place - 2) * DAY,
            actual,
        )
    begin, _ = ask(alert("anomaly"))
    message = said(begin)
    assert message.title == ("Spike: Job 100/7 cost $400.15 more than expected from Mon 16 Nov 2026 to Tue 17 Nov 2026")
    assert "cost $500.25" in message.text
    assert "$100.10 was expected" in message.text
    # the most specific dimension that says it, and of it what is worth naming
    assert message.causes == (
        Cause(kind="sku", name="BIG by name", usd=Decimal(300), note="new"),
        Cause(kind="sku", name="SMALL by name", usd=Decimal(90), note="new"),
    )
    assert message.series is not None
    assert [(point.day, point.value) for point in message.series.points] == [
        (MONDAY + (place - 2) * DAY, Decimal(usd)) for place, usd in enumerate(("40", "50.5", "250.13", "249.99"))
    ]
    assert begin.evidence["owner"] == "ada@example.com"
    page, query = query_of(begin)
    assert (page, AnomalyChoice.from_query(query)) == ("/anomalies", AnomalyChoice(event=number))


def test_an_event_that_goes_on_says_since_when_and_whether_days_are_not_final(ask: Asker) -> None:
    event(ask, end_date=None, kind="level shift", is_provisional=True)
    message = said(ask.one(alert("anomaly")))
    assert message.title.endswith("$400.15 more than expected since Mon 16 Nov 2026")
    assert message.notes == ("Some of these days are not final: it is too much already, and more may come.",)


def test_missing_cost_is_told_in_words_without_a_sign(ask: Asker) -> None:
    event(ask, kind="outage", direction="down", actual_usd=Decimal(20), expected_usd=Decimal(320))
    begin, _ = ask(alert("anomaly"))
    assert said(begin).title.startswith("Outage: Job 100/7 cost $300.00 less than expected")
    assert figures(begin)["Difference"] == "-$300.00"


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ({"severity": "medium"}, {}),
        ({"severity": "high"}, {"minimum_severity": "critical"}),
        ({"actual_usd": Decimal("199"), "expected_usd": Decimal("100")}, {}),
        ({"direction": "down", "actual_usd": Decimal(1), "expected_usd": Decimal(500)}, {"directions": ("up",)}),
        ({"recognised_on": MONDAY - DAY, "start_date": MONDAY - DAY}, {"watches_from": MONDAY}),
    ],
    ids=["not severe", "not critical", "small", "another direction", "before the alert"],
)
def test_an_event_that_is_not_asked_for_is_silent(ask: Asker, columns: dict[str, Any], options: dict[str, Any]) -> None:
    event(ask, **columns)
    assert ask(alert("anomaly", **options)) == []


def test_an_event_under_another_one_is_silent(ask: Asker) -> None:
    parent = event(ask, ("everything", ""))
    event(ask, parent_id=parent)
    assert {finding.subject for finding in ask(alert("anomaly"))} == {f"anomaly:{parent}"}


def test_what_people_expect_or_dismiss_is_not_told_and_closes_what_was(ask: Asker) -> None:
    number = event(ask, end_date=None)
    assert [finding.phase for finding in ask(alert("anomaly"))] == ["firing"]
    decide(ask, number, "acknowledged")
    assert [finding.phase for finding in ask(alert("anomaly"))] == ["firing"]
    decide(ask, number, "resolved", "too small", reason="A test of the month end.")
    closed = ask.one(alert("anomaly"))
    assert (closed.phase, closed.occurred_on) == ("ended", date(2026, 11, 17))
    assert said(closed).title.startswith("Closed: spike of Job 100/7")
    assert "It was resolved as too small: A test of the month end." in said(closed).text
    decide(ask, number, "resolved", "fixed")
    assert [finding.phase for finding in ask(alert("anomaly"))] == ["firing", "ended"]


def test_an_event_that_a_correction_took_away_is_over(ask: Asker) -> None:
    number = event(ask, end_date=None)
    decide(ask, number, "resolved", "no longer there", gone_at=datetime(2026, 11, 17, 9, tzinfo=UTC))
    assert said(ask.one(alert("anomaly"))).title == "No longer there: spike of Job 100/7"


def test_an_alert_of_a_scope_hears_of_what_lies_in_it_by_half(ask: Asker) -> None:
    number = event(ask, ("workspace", "100"))
    # two teams below Data together make up half
    cause(ask, number, "team", str(DATA), "100", "0.25", 2)
    cause(ask, number, "team", str(ETL), "120", "0.3")
    cause(ask, number, "job", "100/7", "210", "0.52")
    cause(ask, number, "job", "100/8", "190", "0.48", 2)
    scopes = [
        ("everything", ""), ("workspace", "100"), ("workspace", "200"), ("team", str(DATA)), ("team", str(ETL)),
        ("team", str(RISK)), ("team", "unallocated"), ("job", "100/7"), ("job", "100/8"), ("sku", "JOBS"),
    ]  # fmt: skip
    findings = ask(*(alert("anomaly", scope, number=place) for place, scope in enumerate(scopes)))
    heard = {scopes[finding.alert_id] for finding in findings}
    assert heard == {("everything", ""), ("workspace", "100"), ("team", str(DATA)), ("job", "100/7")}


def test_an_event_of_a_team_is_one_of_the_teams_above_and_goes_to_it(ask: Asker) -> None:
    event(ask, ("team", str(ETL)))
    event(ask, ("team", "unallocated"))
    scopes = [("team", str(DATA)), ("team", str(ETL)), ("team", str(RISK)), ("team", "unallocated")]
    findings = ask(*(alert("anomaly", scope, number=place) for place, scope in enumerate(scopes)))
    assert {(finding.alert_id, finding.scope_id, finding.team_id) for finding in findings} == {
        (0, str(ETL), ETL), (1, str(ETL), ETL), (3, "unallocated", None),
    }  # fmt: skip


def test_the_team_of_an_event_is_the_one_that_has_half_of_it(ask: Asker) -> None:
    number = event(ask)
    cause(ask, number, "team", str(RISK), "260", "0.65")
    assert {finding.team_id for finding in ask(alert("anomaly"))} == {RISK}


# --- new_source


class Sources:
    """Fifty days of a job that is there from the beginning, and what a test adds to them."""

    FIRST = MONDAY - 50 * DAY

    def __init__(self, ask: Asker) -> None:
        self.ask = ask
        self.books = Books(workspaces={"100": "prod"})
        for place in range(60):
            self.books.add(self.FIRST + place * DAY, "500", sku="OLD", product="JOBS", team=DATA, job_id="old")

    def add(self, *usd: str, begins: date = MONDAY, **key: Any) -> None:
        """So much on each day from one on."""
        columns: dict[str, Any] = {"sku": "OLD", "product": "JOBS", "team": DATA} | key
        for place, each in enumerate(usd):
            self.books.add(begins + place * DAY, each, **columns)

    def found(self, *alerts: Any, **more: Any) -> list[Any]:
        self.books.write(self.ask.database.url)
        return self.ask(*(alerts or (alert("new_source"),)), **more)


@pytest.fixture
def sources(ask: Asker) -> Sources:
    return Sources(ask)


def test_a_new_job_is_told_on_the_day_on_which_it_cost_enough(sources: Sources) -> None:
    sources.add("20", "29.99", "0.01", "500", job_id="new", team=ETL)
    sources.ask.execute(
        "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from) "
        "values ('100', 'job', 'new', 'loader', '2026-01-01')"
    )
    (finding,) = sources.found()
    assert (finding.subject, finding.scope_id, finding.team_id) == ("new:job:100/new", "100/new", ETL)
    assert (finding.occurred_on, finding.current_value) == (MONDAY + 2 * DAY, Decimal(50))
    message = said(finding)
    assert message.title == "New job loader in prod: $50.00 in its first 3 days"
    assert message.causes == (Cause(kind="sku", name="OLD", usd=Decimal(50)),)
    assert message.series is not None
    assert [point.value for point in message.series.points] == [Decimal(20), Decimal("29.99"), Decimal("0.01")]
    page, query = query_of(finding)
    assert page == "/explorer"
    chosen = Filters.from_query(query)
    assert chosen.selection.only == (("job", ("100/new",)),)
    assert chosen.custom is not None
    assert (chosen.custom.first, chosen.custom.last) == (MONDAY, MONDAY + 2 * DAY)
    assert View.from_query(query).by == "sku"


def test_every_kind_can_be_new_and_is_told_by_itself(sources: Sources) -> None:
    sources.add("100", warehouse_id="w", sku="OLD")
    sources.add("100", product="JOBS", sku="NEW")
    sources.add("100", product="FRESH", sku="OLD")
    sources.add("100", endpoint_name="e")
    sources.add("100", workspace="200", job_id="old")
    assert {finding.subject for finding in sources.found()} == {
        "new:warehouse:100/w", "new:sku:NEW", "new:product:FRESH", "new:endpoint:100/e", "new:workspace:200",
    }  # fmt: skip


def test_only_the_kinds_that_are_asked_for_are_told(sources: Sources) -> None:
    sources.add("100", warehouse_id="w")
    sources.add("100", endpoint_name="e")
    found = sources.found(alert("new_source", kinds=("endpoint", "sku")))
    assert [finding.subject for finding in found] == ["new:endpoint:100/e"]


def test_what_is_too_small_in_its_first_week_was_there_before_or_began_with_the_history_is_silent(
    sources: Sources,
) -> None:
    sources.add(*["7"] * 7, "1000", job_id="slow")
    sources.add("100", begins=MONDAY - 30 * DAY, job_id="monthly")
    sources.add("100", job_id="monthly")
    sources.add("100", begins=Sources.FIRST + 34 * DAY, job_id="early")
    assert sources.found() == []


def test_a_day_that_is_not_final_does_not_count(sources: Sources) -> None:
    sources.add("100", job_id="new")
    sources.books.provisional = {MONDAY: Decimal("0.5")}
    assert sources.found() == []


def test_what_is_told_with_a_new_workspace_is_not_told_again(sources: Sources) -> None:
    sources.add("100", workspace="200", job_id="first")
    sources.add("100", workspace="200", job_id="second", begins=MONDAY + 3 * DAY)
    sources.add("100", workspace="200", job_id="much later", begins=MONDAY + 7 * DAY)
    assert {finding.subject for finding in sources.found()} == {"new:workspace:200", "new:job:200/much later"}
    others = sources.ask(alert("new_source", kinds=("job",)))
    assert {finding.scope_id for finding in others} == {"200/first", "200/second", "200/much later"}


def test_a_new_sku_that_is_all_of_a_new_endpoint_is_not_told_again(sources: Sources) -> None:
    sources.add("100", sku="NEW", endpoint_name="e")
    sources.add("90", sku="NEW", job_id="old")
    assert [finding.subject for finding in sources.found()] == ["new:endpoint:100/e"]


def test_a_team_hears_of_what_it_has_most_of_and_a_workspace_of_what_is_in_it(sources: Sources) -> None:
    sources.add("60", job_id="new", team=ETL)
    sources.add("40", job_id="new", team=RISK)
    sources.add("100", warehouse_id="w", team=None)
    scopes = [
        ("team", str(DATA)),
        ("team", str(RISK)),
        ("team", "unallocated"),
        ("workspace", "100"),
        ("workspace", "2"),
    ]
    found = sources.found(*(alert("new_source", scope, number=place) for place, scope in enumerate(scopes)))
    assert {(finding.alert_id, finding.scope_id) for finding in found} == {
        (0, "100/new"), (2, "100/w"), (3, "100/new"), (3, "100/w"),
    }  # fmt: skip


def test_what_was_new_before_the_alert_is_not_told(sources: Sources) -> None:
    sources.add("100", job_id="new")
    assert sources.found(alert("new_source", watches_from=MONDAY + DAY)) == []
    assert len(sources.ask(alert("new_source", watches_from=MONDAY))) == 1


# --- recommendation


@pytest.fixture
def advice(ask: Asker) -> Advice:
    """Runs that find what a test types."""
    books = Advice(ask.database)
    books.bill()
    return books


def test_a_run_that_finds_enough_for_the_first_time_is_told_once(ask: Asker, advice: Advice) -> None:
    advice.run(Found("400", resource="a"), Found("350.50", resource="b"))
    (finding,) = ask(alert("recommendation"))
    assert (finding.occurred_on, finding.current_value) == (date(2026, 11, 1), Decimal("750.50"))
    message = said(finding)
    assert message.title == "2 new recommendations would save $750.50 in 30 days"
    assert message.sections[0].lines == (
        "Stop a: $400.00 (idle cluster, high confidence)",
        "Stop b: $350.50 (idle cluster, high confidence)",
    )
    # what is found again is not new, whatever it is worth by now
    advice.run(Found("900", resource="a"), Found("350.50", resource="b"), later=1)
    assert [each.key for each in ask(alert("recommendation"))] == [finding.key]


def test_each_run_speaks_of_what_it_found_first_and_a_small_one_is_silent(ask: Asker, advice: Advice) -> None:
    old = [Found("600", resource="a")]
    advice.run(*old)
    advice.run(*old, Found("499.99", resource="b"), later=1)
    advice.run(*old, Found("499.99", resource="b"), Found("500", resource="c"), later=2)
    assert [(each.occurred_on, each.current_value) for each in ask(alert("recommendation"))] == [
        (date(2026, 11, 1), Decimal(600)), (date(2026, 11, 3), Decimal(500)),
    ]  # fmt: skip


def test_what_nobody_wants_or_is_gone_does_not_count_and_what_was_taken_up_does(ask: Asker, advice: Advice) -> None:
    advice.run(*(Found("300", resource=name) for name in "abcd"))
    ask.execute("update costpulse.recommendations set decided_by = 'ada', status = 'accepted' where resource_id = 'a'")
    ask.execute(
        "update costpulse.recommendations set decided_by = 'ada', status = 'dismissed', status_reason = 'no', "
        "dismissed_savings = 300 where resource_id = 'b'"
    )
    ask.execute("update costpulse.recommendations set status = 'expired' where resource_id = 'c'")
    assert ask.one(alert("recommendation")).current_value == Decimal(600)


def test_savings_are_added_up_in_a_scope_and_the_message_opens_them(ask: Asker, advice: Advice) -> None:
    advice.run(
        Found("600", resource="a", workspace="100"),
        Found("700", resource="b", workspace="200"),
        Found("800", resource="c", workspace="200"),
    )
    ask.execute("update costpulse.recommendations set team_id = %s where resource_id = 'b'", ETL)
    scopes = [("team", str(DATA)), ("team", "unallocated"), ("workspace", "100"), ("workspace", "300")]
    found = ask(*(alert("recommendation", scope, number=place) for place, scope in enumerate(scopes)))
    assert {(each.alert_id, each.current_value, each.team_id) for each in found} == {
        (0, Decimal(700), DATA), (1, Decimal(1400), None), (2, Decimal(600), None),
    }  # fmt: skip
    (of_data,) = (each for each in found if each.alert_id == 0)
    (row,) = ask.execute("select id from costpulse.recommendations where resource_id = 'b'")
    page, query = query_of(of_data)
    assert (page, RecommendationChoice.from_query(query).number) == ("/recommendations", row["id"])
    (of_nobody,) = (each for each in found if each.alert_id == 1)
    assert query_of(of_nobody) == ("/recommendations", {"team": ["~"]})


def test_of_many_recommendations_the_five_largest_are_named(ask: Asker, advice: Advice) -> None:
    advice.run(*(Found(str(100 + place), resource=f"c{place}") for place in range(8)))
    (section,) = said(ask.one(alert("recommendation"))).sections
    named = [line.split(":")[0] for line in section.lines]
    assert named == ["Stop c7", "Stop c6", "Stop c5", "Stop c4", "Stop c3", "and 3 more"]


@pytest.fixture(scope="module")
def empty(postgres_server: str, migrated_template: str) -> Iterator[Asker]:
    """A database before the first bill."""
    with another_database(postgres_server, template=migrated_template) as url:
        yield Asker(Database(url))


@pytest.mark.parametrize(
    "kind",
    [
        "anomaly", "new_source", "recommendation", "idle_cluster", "unallocated_share", "tag_compliance", "data_stale",
    ],
)  # fmt: skip
def test_before_the_first_bill_there_is_nothing_to_say(empty: Asker, kind: str) -> None:
    assert empty(alert(kind)) == []


@pytest.mark.parametrize(
    "kind", ["anomaly", "new_source", "recommendation", "idle_cluster", "unallocated_share", "tag_compliance"]
)
def test_the_app_may_ask_before_an_alert_is_saved(empty: Asker, kind: str) -> None:
    declared = ALERT_TYPES[kind]
    with empty.database.transaction() as connection:
        connection.execute("set local role costpulse_app")
        connection.execute("set local costpulse.scope = 'all'")
        connection.execute("set transaction read only")
        assert [*find(connection, declared, [alert(kind)], Period(MONDAY, MONDAY), now=LATER)] == []
