"""What reports say, compared with daily_costs to the last digit."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from costpulse_assets.costs.statements import statement
from costpulse_assets.errors import BadInput, InvariantBroken
from costpulse_assets.periods import Period, whole_month
from costpulse_assets.reports.report import Figure, Report, Table
from costpulse_assets.reports.report_request import checked_request
from costpulse_assets.reports.report_types import build
from costpulse_assets.reports.report_types.notes import period_words, quantity_words
from costpulse_assets.reports.report_types.totals import BARS, largest, usd
from costpulse_assets.resources.database import Connection, Database
from costpulse_assets.resources.sql_files import load_sql
from tests.app.books import Books
from tests.conftest import database
from tests.reports.books import BIDI, FIRST, FORMULA, JULY, JUNE, MARKUP, MAY, QUOTED, SETTINGS, TODAY

AT = datetime(2026, 7, 20, 9, 30, tzinfo=UTC)
EXACT = Context(prec=80)
ALL = Period(FIRST, TODAY)
OF_DAILY_COSTS = ("showback", "chargeback", "team", "executive")
PERIODS = (ALL, whole_month(JUNE), Period(date(2026, 5, 31), date(2026, 6, 2)), Period(JULY, date(2026, 7, 31)))


@pytest.fixture(scope="module")
def filled(postgres_server: str, report_books_template: str) -> Iterator[Database]:
    """Books that tests read only."""
    with database(postgres_server, template=report_books_template) as url:
        yield Database(url)


def report_of(connection: Connection, report_type: str, period: Period, team: str | None = None) -> Report:
    """A report, in the transaction of the connection."""
    request = checked_request(
        report_type=report_type, format="pdf", first_day=period.first, last_day=period.last, team=team
    )
    row = connection.execute("select id from costpulse.teams where name = %s", [team]).fetchone()
    return build(connection, SETTINGS, request, team_id=row and row["id"], made_at=AT)


def made(books: Database, report_type: str, period: Period, team: str | None = None) -> Report:
    """A report."""
    with books.transaction() as connection:
        return report_of(connection, report_type, period, team)


def told(books: Database, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of a query of the test's own."""
    with books.transaction() as connection:
        return [tuple(row.values()) for row in connection.execute(query.encode(), parameters).fetchall()]


def streamed(books: Database, report: Report) -> list[dict[str, Any]]:
    """The rows of the detail."""
    assert report.detail is not None
    with books.transaction() as connection:
        return connection.execute(load_sql(report.detail.statement).encode(), report.detail.parameters).fetchall()


def summed(values: Any) -> Decimal:
    """A sum to the last digit; what has no price counts as nothing."""
    with localcontext(EXACT):
        return sum((value for value in values if value is not None), Decimal(0))


def column(table: Table, key: str) -> list[Any]:
    """The values of a column."""
    place = [column.key for column in table.columns].index(key)
    return [row[place] for row in table.rows]


def total(table: Table, key: str) -> Any:
    """The total of a column."""
    assert table.totals is not None
    return table.totals[[column.key for column in table.columns].index(key)]


def named(report: Report, title: str) -> Table:
    """A table by its title."""
    return next(table for table in report.tables if table.title == title)


def figure(report: Report, label: str) -> Figure:
    """A figure by its label."""
    return next(figure for figure in report.figures if figure.label == label)


SCOPED = (
    "select sum(cost_usd) from costpulse.daily_costs where usage_date between %s and %s and (%s::text is null or "
    "team_id in (select s.team_id from costpulse.team_scopes as s join costpulse.teams as t on t.id = s.scope_team_id "
    "where t.name = %s))"
)


@pytest.mark.parametrize("team", [None, "Platform", "Data", FORMULA])
@pytest.mark.parametrize("period", PERIODS, ids=str)
@pytest.mark.parametrize("report_type", OF_DAILY_COSTS)
def test_every_total_of_every_type_is_that_of_daily_costs_to_the_last_digit(filled, report_type, period, team):
    report = made(filled, report_type, period, team)
    ((cost,),) = told(filled, SCOPED, period.first, period.last, team, team)
    assert figure(report, "Total cost").value == cost
    assert report.summary["Total cost"] == usd(cost)
    for table in report.tables:
        keys = [column.key for column in table.columns]
        assert all(len(row) == len(keys) for row in table.rows)
        assert len(set(keys)) == len(keys)
        if "cost_usd" in keys:
            assert total(table, "cost_usd") == cost == summed(column(table, "cost_usd")), table.title
            assert total(table, "list_cost_usd") == summed(column(table, "list_cost_usd")), table.title
    titles = [table.title for table in report.tables]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("team", [None, "Data"])
@pytest.mark.parametrize("report_type", ["showback", "chargeback", "team", "statement"])
def test_the_detail_has_its_columns_its_total_and_an_order_that_does_not_change(filled, report_type, team):
    report = made(filled, report_type, whole_month(JUNE), team)
    rows = streamed(filled, report)
    assert list(rows[0]) == [column.key for column in report.detail.columns]
    assert summed(row[report.detail.total_key] for row in rows) == report.detail.total
    assert report.detail.total == figure(report, "Total cost").value
    assert rows == streamed(filled, report)
    told_apart = [
        repr([value for key, value in row.items() if not key.endswith(("_usd", "_quantity"))]) for row in rows
    ]
    assert len(set(told_apart)) == len(told_apart)


def test_the_lines_of_a_dimension_are_what_the_database_says_of_each_value(filled):
    report = made(filled, "showback", ALL)
    for title, key, expression in (
        ("By team", "team", "coalesce(t.name, 'Unallocated')"),
        ("By SKU", "sku_name", "d.sku_name"),
        ("By workspace", "workspace_id", "d.workspace_id"),
        ("By product", "product", "d.product"),
        ("By month", "first_day", "date_trunc('month', d.usage_date::timestamp)::date"),
    ):
        expected = told(
            filled,
            f"select {expression} as value, sum(d.list_cost_usd) as list, sum(d.cost_usd) as cost "
            "from costpulse.daily_costs as d "
            "left join costpulse.teams as t on t.id = d.team_id group by 1",
        )
        table = named(report, title)
        rows = zip(column(table, key), column(table, "list_cost_usd"), column(table, "cost_usd"), strict=True)
        assert sorted(rows, key=repr) == sorted(expected, key=repr), title
    assert {"No workspace", "Account level"} & set(column(named(report, "By workspace"), "workspace")) == {
        "Account level"
    }
    assert summed(column(named(report, "By team"), "share_percent")) == pytest.approx(100)


def test_names_are_what_people_typed_whatever_a_format_would_make_of_them(filled):
    report = made(filled, "team", ALL)
    assert {FORMULA, QUOTED, "Unallocated"} <= set(column(named(report, "By team"), "team"))
    assert {MARKUP, "=1+1", "No job"} == set(column(named(report, "By job"), "name"))
    assert BIDI in column(named(report, "By person"), "name")
    assert "-4713" in column(named(report, "By team"), "cost_center")


def test_usage_without_a_price_is_named_by_quantity_and_unit_and_never_a_cost_of_nothing(filled):
    report = made(filled, "showback", ALL)
    ((quantity,),) = told(filled, "select sum(unpriced_quantity) from costpulse.daily_costs")
    notes = dict(report.notes)
    assert notes["Usage without a price"].startswith(f"{quantity_words(quantity)} TOKEN of PRICELESS_SKU.")
    skus = named(report, "By SKU")
    of_sku = dict(zip(column(skus, "sku_name"), column(skus, "cost_usd"), strict=True))
    assert of_sku["PRICELESS_SKU"] is None
    assert 0 not in of_sku.values()
    unpriced = [row for row in streamed(filled, report) if row["unpriced_quantity"]]
    assert unpriced
    assert all(row["cost_usd"] is None and row["list_cost_usd"] is None for row in unpriced)


def test_a_month_whose_usage_has_no_price_at_all_has_no_known_cost(database_url):
    books = Books()
    books.add(JUNE, None, product="AI", sku="PRICELESS_SKU", unit="TOKEN", quantity="5")
    books.write(database_url)
    report = made(Database(database_url), "showback", whole_month(JUNE))
    assert figure(report, "Total cost").value is None
    assert report.summary["Total cost"] == "not known"
    assert report.detail is not None
    assert report.detail.total == 0


@pytest.mark.parametrize("report_type", OF_DAILY_COSTS)
def test_the_line_of_unallocated_is_there_also_when_every_dollar_has_a_team(report_books, report_type):
    books = Database(report_books)
    with books.transaction() as connection:
        for table in ("daily_costs", "daily_key_costs", "cost_allocations"):
            connection.execute(f"delete from costpulse.{table} where team_id is null".encode())
        report = report_of(connection, report_type, whole_month(JUNE))
    table = named(report, "By cost center" if report_type == "chargeback" else "By team")
    assert column(table, "team")[-1] == "Unallocated"
    assert column(table, "cost_usd")[-1] == 0
    assert figure(report, "Unallocated").value == 0


@pytest.mark.parametrize("report_type", ["showback", "team", "executive"])
def test_without_any_team_everything_is_unallocated(database_url, report_type):
    books = Books(workspaces={"100": "=prod"})
    for number in range(30):
        books.add(JUNE + timedelta(days=number), "1.000000000000000001", job_id="1", job_name="'=x")
        books.add(JUNE + timedelta(days=number), "-0.3", workspace=None, product="STORAGE", sku="STORAGE", unit="GB")
    books.write(database_url)
    report = made(Database(database_url), report_type, whole_month(JUNE))
    assert column(named(report, "By team"), "team") == ["Unallocated"]
    assert figure(report, "Total cost").value == books.total() == Decimal("21.000000000000000030")
    assert figure(report, "Unallocated").value == 100
    assert dict(report.notes)["Rules of the allocation"] == "There are no rules: all cost is Unallocated."


@pytest.mark.parametrize("report_type", ["showback", "chargeback", "team", "executive", "statement"])
def test_nothing_of_other_teams_is_in_the_report_of_a_team(filled, report_type):
    report = made(filled, report_type, whole_month(JUNE), "Data")
    everything = repr(report) + repr(streamed(filled, report) if report.detail else "")
    for other in (QUOTED, "Platform", "+web@example.com", "0101-shared", "=budget 1", "cluster 1"):
        assert repr(other)[1:-1] not in everything
    assert "Unallocated" not in [figure.label for figure in report.figures]
    assert FORMULA in everything


def test_the_report_of_a_team_has_what_is_open_about_it_and_the_teams_below_it(filled):
    july = whole_month(JULY)
    report = made(filled, "team", july, "Platform")
    assert column(named(report, "Budgets"), "budget_name") == ["=budget 2"]
    assert column(named(report, "Open anomalies"), "impact_usd") == [Decimal("359.9")]
    assert column(named(report, "Recommendations"), "title") == ["=Let cluster 2 <b>stop</b>"]
    assert total(named(report, "Recommendations"), "savings_usd") == Decimal("12.34")
    everyone = made(filled, "team", july)
    assert len(named(everyone, "Budgets").rows) == len(named(everyone, "Open anomalies").rows) == 2
    assert figure(everyone, "Open savings").value == Decimal("24.68")


def test_an_event_of_another_scope_is_a_teams_when_half_of_it_is_with_its_part_of_the_amount(report_books):
    with Database(report_books).transaction() as connection:
        for team, amount in ((FORMULA, 80), (QUOTED, 79)):
            connection.execute(
                "insert into costpulse.anomaly_causes (anomaly_id, dimension, value_id, actual_usd, expected_usd, "
                "difference_usd, share, price_effect_usd, volume_effect_usd, is_new, is_gone, rank, is_main) "
                "select a.id, 'team', t.id::text, %(usd)s, 0, %(usd)s, round(%(usd)s / 159.9, 6), 0, %(usd)s, false, "
                "false, 2, false from costpulse.anomalies as a cross join costpulse.teams as t "
                "where a.scope_type = 'everything' and t.name = %(team)s",
                {"usd": Decimal(amount), "team": team},
            )
        july = whole_month(JULY)
        mostly = report_of(connection, "team", july, FORMULA)
        hardly = report_of(connection, "team", july, QUOTED)
    assert column(named(mostly, "Open anomalies"), "impact_usd") == [Decimal("359.9"), Decimal(80)]
    assert "Open anomalies" not in [table.title for table in hardly.tables]


def test_of_many_jobs_the_largest_are_named_and_the_others_share_a_line(database_url):
    books = Books(teams=["Data"])
    for number in range(1, 31):
        books.add(JUNE, f"{number}.{number:018d}", team=1, job_id=str(number), job_name=f"job {number}")
    books.add(JUNE, "0.5", team=1)
    books.write(database_url)
    jobs = named(made(Database(database_url), "team", whole_month(JUNE), "Data"), "By job")
    assert column(jobs, "name") == [*(f"job {number}" for number in range(30, 10, -1)), "All 10 others", "No job"]
    assert column(jobs, "cost_usd")[-2] == summed(Decimal(f"{number}.{number:018d}") for number in range(1, 11))
    assert total(jobs, "cost_usd") == books.total()


def test_own_shared_and_unallocated_of_a_chargeback_add_up_to_the_cost_of_the_line(filled):
    report = made(filled, "chargeback", whole_month(JUNE))
    table = named(report, "By cost center")
    parts = [column(table, f"{name}_usd") for name in ("own", "shared", "unallocated")]
    assert [summed(line) for line in zip(*parts, strict=True)] == column(table, "cost_usd")
    by_method = dict(
        told(
            filled,
            "select case method when 'split' then 'shared' when 'unallocated' then method else 'own' end, "
            "sum(total_cost) from costpulse.cost_allocations where usage_date between %s and %s group by 1",
            JUNE,
            whole_month(JUNE).last,
        )
    )
    assert {name: total(table, f"{name}_usd") for name in by_method} == by_method
    assert set(by_method) == {"own", "shared", "unallocated"}
    assert {row["rule"] for row in streamed(filled, report)} == {None, "@nightly", "Storage for all"}


@example(amounts=[Decimal("0.225"), Decimal("-0.250")])
@given(amounts=st.lists(st.decimals(-1000, 1000, places=18) | st.decimals(-1, 1, places=3), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_journal_lines_are_in_cents_and_add_up_to_the_total_in_cents(filled, amounts):
    with filled.transaction() as connection:
        for table in ("daily_costs", "cost_allocations"):
            connection.execute(f"delete from costpulse.{table}".encode())
        for number, amount in enumerate(amounts):
            team = connection.execute(
                "insert into costpulse.teams (name, cost_center) values (%s, %s) returning id",
                [f"team {number}", f"center {number % 3}"],
            ).fetchone()
            assert team is not None
            connection.execute(
                "insert into costpulse.daily_costs (usage_date, sku_name, product, usage_unit, team_id, "
                "usage_quantity, list_cost_usd, cost_usd, unpriced_quantity, record_count) "
                "values (%s, 'S', 'P', 'DBU', %s, 1, 1, %s, 0, 1)",
                [JUNE, team["id"], amount],
            )
            connection.execute(
                "insert into costpulse.cost_allocations (usage_date, team_id, method, sku_name, product, total_cost, "
                "breakdown) values (%s, %s, 'tag', 'S', 'P', %s, '{}')",
                [JUNE, team["id"], amount],
            )
        report = report_of(connection, "chargeback", whole_month(JUNE))
        rounded = connection.execute("select round(sum(cost_usd), 2) as usd from costpulse.daily_costs").fetchone()
        connection.rollback()
    assert rounded is not None
    journal = named(report, "Journal lines")
    booked = column(journal, "booked_usd")
    assert summed(booked) == total(journal, "booked_usd") == rounded["usd"]
    assert all(amount == amount.quantize(Decimal("0.01")) for amount in booked)
    costs = column(named(report, "By cost center"), "cost_usd")
    # Half a cent before a line and half a cent after it: one at most.
    assert all(abs(cost - amount) <= Decimal("0.01") for cost, amount in zip(costs, booked, strict=True))


@pytest.mark.parametrize(
    ("report_type", "table", "amount"),
    [("chargeback", "cost_allocations", "total_cost"), ("team", "daily_key_costs", "cost_usd")],
)
def test_a_report_that_would_contradict_itself_is_not_made(report_books, report_type, table, amount):
    with Database(report_books).transaction() as connection:
        connection.execute(
            f"update costpulse.{table} set {amount} = {amount} + 1e-18 where ctid = "
            f"(select ctid from costpulse.{table} where usage_date = %s and {amount} is not null limit 1)".encode(),
            [JUNE],
        )
        with pytest.raises(InvariantBroken, match=f"by {table} and .* by daily_costs"):
            report_of(connection, report_type, whole_month(JUNE))


def test_a_period_with_days_that_are_not_final_says_so_with_the_days(filled):
    report = made(filled, "showback", Period(JULY, TODAY))
    assert report.provisional == "19 and 20 July 2026 are not final: the amounts may still change."
    assert figure(report, "Days not final").value == 2
    rows = streamed(filled, report)
    assert {row["usage_date"] for row in rows if row["is_provisional"]} == {TODAY - timedelta(days=1), TODAY}
    whole = made(filled, "showback", whole_month(JULY))
    assert figure(whole, "Days not final").value == 13
    assert made(filled, "showback", whole_month(JUNE)).provisional is None


def test_notes_name_the_prices_the_freshness_and_the_version_of_the_rules(filled):
    notes = dict(made(filled, "showback", whole_month(JUNE)).notes)
    ((version,),) = told(filled, "select max(id) from costpulse.rule_versions")
    assert notes["Rules of the allocation"].startswith(f"Version {version}, of ")
    assert notes["Price adjustments"] == "PREMIUM_JOBS*: -12.5 % from 2026-06-01."
    assert notes["Freshness"].startswith("The last final day is 2026-07-18; usage was last read on ")
    assert notes["Made"].startswith("20 July 2026, 09:30 UTC, by CostPulse ")
    assert "None in these days" in dict(made(filled, "showback", whole_month(MAY)).notes)["Price adjustments"]


@pytest.mark.parametrize("team", [None, "Data", FORMULA])
def test_an_executive_summary_says_what_changed_and_why_to_the_last_digit(filled, team):
    report = made(filled, "executive", whole_month(JUNE), team)
    june, may = (told(filled, SCOPED, month, whole_month(month).last, team, team)[0][0] for month in (JUNE, MAY))
    assert figure(report, "Change").value == EXACT.subtract(june, may)
    assert figure(report, "Change").note.endswith(f" {'more' if june > may else 'less'} than May 2026")
    why = named(report, "Why cost changed")
    assert summed(column(why, "amount_usd")) == total(why, "amount_usd") == EXACT.subtract(june, may)
    assert report.sentences[0].startswith("June 2026 cost ")
    assert report.detail is None


def test_only_final_days_are_compared_and_nothing_with_days_that_are_not_known(filled):
    july = made(filled, "executive", Period(JULY, TODAY))
    assert figure(july, "Change").note.endswith("than 13 to 30 June 2026")
    may = made(filled, "executive", whole_month(MAY))
    assert figure(may, "Change").value is None
    unfinished = made(filled, "executive", Period(TODAY, TODAY))
    assert figure(unfinished, "Change").value is None


def test_an_executive_summary_has_landing_budgets_savings_and_tags(filled):
    report = made(filled, "executive", whole_month(JULY))
    assert figure(report, "Jul 2026 will cost").value == Decimal("1444.10")
    assert figure(report, "Budgets at risk").value == 1
    assert column(named(report, "Budgets at risk"), "budget_name") == ["=budget 1"]
    assert figure(report, "Open savings").value == Decimal("24.68")
    assert figure(report, "Tagged as required").value == 15
    of_team = made(filled, "executive", whole_month(JULY), FORMULA)
    assert figure(of_team, "Tagged as required").value == 20
    assert figure(of_team, "Budgets at risk").value == 0


@pytest.mark.parametrize("month", [MAY, JUNE])
def test_a_statement_is_its_lines_to_the_last_digit(filled, month):
    report = made(filled, "statement", whole_month(month))
    with filled.transaction() as connection:
        lines = statement(connection, month)
    assert figure(report, "Total cost").value == summed(line.cost_usd for line in lines)
    own = summed(line.cost_usd for line in lines if line.kind == "statement")
    assert figure(report, "Of the month itself").value == own
    teams = named(report, "By team")
    for team, cost, restated in zip(
        column(teams, "team"), column(teams, "cost_usd"), column(teams, "restatement_usd"), strict=True
    ):
        of_team = [line for line in lines if (line.team_name or "Unallocated") == team]
        assert cost == summed(line.cost_usd for line in of_team)
        assert restated == summed(line.cost_usd for line in of_team if line.cause == "restatement")
    for table in report.tables:
        assert total(table, "cost_usd") == summed(column(table, "cost_usd")) == figure(report, "Total cost").value
    assert report.provisional is None
    assert "was closed on " in report.sentences[0]


def test_an_adjustment_is_on_the_statement_of_the_month_that_it_is_booked_on(filled):
    may, june = (made(filled, "statement", whole_month(month)) for month in (MAY, JUNE))
    assert figure(may, "Adjustments").value == 0
    assert figure(june, "Adjustments").value == Decimal("-1.5")
    lines = named(june, "Statement and adjustments")
    assert list(zip(column(lines, "first_day"), column(lines, "cause"), strict=True)) == [
        (JUNE, None),
        (MAY, "restatement"),
    ]
    assert "by =ada." in june.sentences[0]
    assert "by ada: agreed." in may.sentences[0]


def test_a_month_that_is_not_closed_has_no_statement(filled):
    with pytest.raises(BadInput, match="2026-07 is not closed") as refused:
        made(filled, "statement", whole_month(JULY))
    assert "`costpulse close 2026-07`" in refused.value.next_step


def test_a_statement_of_a_month_that_was_reopened_is_refused(report_books):
    with Database(report_books).transaction() as connection:
        connection.execute("select set_config('costpulse.actor', 'ada', true)")
        connection.execute(
            "update costpulse.closed_periods set reopened_at = now(), reopened_by = 'ada' where month = %s", [JUNE]
        )
        with pytest.raises(BadInput, match="2026-06 is not closed"):
            report_of(connection, "statement", whole_month(JUNE))


@pytest.mark.parametrize("report_type", OF_DAILY_COSTS)
def test_a_period_without_cost_is_refused_and_says_which_days_there_are(filled, report_type):
    with pytest.raises(BadInput, match="There is no cost from 2025-01-01 to 2025-01-31 of all teams") as refused:
        made(filled, report_type, whole_month(date(2025, 1, 1)))
    assert refused.value.next_step == "Choose other days: usage was collected from 2026-05-01 to 2026-07-20."


def test_a_chart_names_the_largest_and_adds_up_the_others():
    rows = [{"team": f"t{number}", "cost_usd": Decimal(number)} for number in range(BARS + 5)]
    chart = largest("x", "team", [*rows, {"team": "priceless", "cost_usd": None}])
    assert chart.categories == (*(f"t{number}" for number in range(BARS + 4, 4, -1)), "All 5 others")
    ((_, values),) = chart.series
    assert summed(values) == summed(row["cost_usd"] for row in rows)


def test_a_chart_over_time_has_every_day_or_month_of_the_period(filled):
    by_day = made(filled, "showback", whole_month(JULY)).charts[0]
    assert len(by_day.categories) == len(by_day.series[0][1]) == 31
    assert by_day.series[0][1][20:] == (None,) * 11
    by_month = made(filled, "showback", Period(date(2026, 4, 15), TODAY)).charts[0]
    assert by_month.categories == ("Apr 2026", "May 2026", "Jun 2026", "Jul 2026")
    assert by_month.series[0][1][0] is None


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2026-11-01", "2026-11-30", "November 2026"),
        ("2026-10-01", "2026-11-30", "October to November 2026"),
        ("2025-12-01", "2026-01-31", "December 2025 to January 2026"),
        ("2026-11-01", "2026-11-22", "1 to 22 November 2026"),
        ("2026-10-24", "2026-11-22", "24 October to 22 November 2026"),
        ("2025-12-24", "2026-01-22", "24 December 2025 to 22 January 2026"),
        ("2026-11-22", "2026-11-22", "22 November 2026"),
    ],
)
def test_a_period_in_words(first, last, words):
    assert period_words(Period(date.fromisoformat(first), date.fromisoformat(last))) == words
