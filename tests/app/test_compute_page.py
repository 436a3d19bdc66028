"""Clusters & warehouses: their money is the bill's, their idle part is measured, each viewer sees their own share."""

import csv
import io
import json
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as some
from psycopg import sql
from psycopg.rows import dict_row
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from costpulse_app import charts, formats
from costpulse_app.compute import figures, reads, words
from costpulse_app.compute.reads import Detail, Finding, Machine, Question
from costpulse_app.compute.state import Choice
from costpulse_assets.costs.spend import NONE, Selection, Windows, spend_by_group
from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql
from tests.app.books import Books
from tests.app.conftest import TODAY, LookedAtBy, Opener
from tests.app.test_pages import metric, query, texts
from tests.conftest import database

PAGE, CLUSTER, WAREHOUSE = "views/compute.py", "views/cluster.py", "views/warehouse.py"
FINAL = date(2026, 11, 22)
NOON = datetime.combine(TODAY, time(12), tzinfo=UTC)
PERIOD = Period(TODAY - timedelta(days=29), TODAY)
HOSTILE = "<b>=cmd()</b> *x* $1$ [l](http://e.example)"
GONE = "There is no such {}, or it is not yours to see."
BACK = 40
#: What the shared cluster costs team 1 and team 2 a day: digits down to the last one that is stored.
OURS, THEIRS = "60.123456789012345679", "40.876543210987654321"


def rows(url: str, statement: str, *parameters: Any, scope: str | None = None) -> list[dict[str, Any]]:
    """Rows of a statement, as the owner; or as the app reads them for a viewer of some teams."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        if scope is not None:
            connection.execute("set local role costpulse_app")
            connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
        return connection.execute(statement.encode(), parameters or None).fetchall()


def insert(url: str, table: str, **row: Any) -> None:
    names, marks = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with psycopg.connect(url) as connection:
        connection.execute(f"insert into costpulse.{table} ({names}) values ({marks})".encode(), row)


def write_books() -> Books:
    """A cluster that two teams share, another with its id, one of a job, two warehouses, one without a price."""
    books = Books(
        workspaces={"100": "northwind-prod", "200": None},
        teams=["Data platform", "Risk"],
        provisional={TODAY: Decimal("0.38"), TODAY - timedelta(days=1): Decimal("0.96")},
    )
    for back in range(BACK):
        day = TODAY - timedelta(days=back)
        for team, cost, user in ((1, OURS, "ada@example.com"), (2, THEIRS, "bob@example.com")):
            books.add(
                day, cost, product="ALL_PURPOSE", sku="ALL_PURPOSE", cluster_id="c-big", team=team, user_email=user,
                list_cost="99.9",
            )  # fmt: skip
        books.add(day, "3.3", workspace="200", product="ALL_PURPOSE", sku="ALL_PURPOSE", cluster_id="c-big", team=2)
        books.add(day, "7.07", cluster_id="c-job", job_id="1", job_name="nightly", team=1, tags={"env": "prod"})
        books.add(day, "33.000000000000000033", product="SQL", sku="SQL_PRO", warehouse_id="wh-1", team=2)
        books.add(day, "1.5", product="SQL_SERVERLESS", sku="SQL_SERVERLESS", warehouse_id="wh-new", tags={"env": ""})
        books.add(day, None, product="ALL_PURPOSE", sku="PRICELESS", cluster_id="c-free", team=1)
        books.add(day, "500", product="JOBS_SERVERLESS", sku="SERVERLESS", job_id="2", team=1)
    return books


BOOKS = write_books()


def fill(url: str) -> None:
    """The books, and what telemetry says of the shared cluster, the cluster of the job and one warehouse."""
    BOOKS.write(url)
    common = {"up_hours": 0, "idle_time_hours": 0, "driver_node_hours": 0, "worker_node_hours": 0}
    insert(
        url, "cluster_info", workspace_id="100", cluster_id="c-big", cluster_name=HOSTILE, cluster_type="all-purpose",
        state="idle", state_as_of=NOON, state_evidence="node_timeline", owner="ada@example.com", node_type="m5.xlarge",
        min_workers=2, max_workers=8, never_terminates=True, last_seen_date=TODAY, photon_enabled=True,
        total_cost_usd=Decimal(3000), last_active_at=NOON - timedelta(hours=5), **common,
    )  # fmt: skip
    insert(
        url, "cluster_info", workspace_id="200", cluster_id="c-big", cluster_name="risk", cluster_type="all-purpose",
        state="terminated", state_as_of=NOON, state_evidence="node_timeline", never_terminates=False, num_workers=3,
        auto_termination_minutes=30, last_seen_date=TODAY, **common,
    )  # fmt: skip
    insert(
        url, "cluster_info", workspace_id="100", cluster_id="c-job", cluster_name="job-1-run-2", cluster_type="job",
        state="deleted", state_evidence="clusters", never_terminates=False, last_seen_date=TODAY, deleted_at=NOON,
        **common,
    )  # fmt: skip
    insert(
        url, "warehouse_info", workspace_id="100", warehouse_id="wh-1", name="BI", warehouse_type="PRO",
        is_serverless=False, warehouse_size="2X_LARGE", min_clusters=1, max_clusters=1, auto_stop_minutes=0,
        state="running", state_as_of=NOON, state_evidence="events", owner="bob@example.com",
    )  # fmt: skip
    for back in range(30):
        day = TODAY - timedelta(days=back)
        insert(
            url, "cluster_daily", usage_date=day, workspace_id="100", cluster_id="c-big", up_hours=24,
            idle_hours=Decimal("17"), driver_node_hours=24, driver_cpu_avg=10, driver_mem_avg=30,
            worker_node_hours=72, worker_cpu_avg=50, worker_mem_avg=70, cost_usd=Decimal(OURS) + Decimal(THEIRS),
        )  # fmt: skip
        insert(
            url, "warehouse_daily", usage_date=day, workspace_id="100", warehouse_id="wh-1", running_hours=24,
            idle_hours=20, query_hours=4, start_count=0, executions=12, failed_count=2, users=3,
            cost_usd=Decimal("33.000000000000000033"), idle_cost_usd=Decimal("29.123456789012345677"),
        )  # fmt: skip
        work = {"executions": 12, "execution_seconds": 60, "task_seconds": 0, "read_bytes": 0, "failed_count": 2}
        insert(
            url, "query_costs", usage_date=day, workspace_id="100", warehouse_id="wh-1", kind="query",
            executed_by="secret@example.com", source_kind="dashboard", is_costpulse=False, cached_count=0,
            cost_usd=Decimal("3.876543210987654356"), **work,
        )  # fmt: skip
        insert(
            url, "query_costs", usage_date=day, workspace_id="100", warehouse_id="wh-1", kind="idle", cached_count=0,
            cost_usd=Decimal("29.123456789012345677"), **dict.fromkeys(work, 0),
        )  # fmt: skip
    for value, moment in (("60", NOON - timedelta(days=20)), ("0", NOON - timedelta(days=12))):
        insert(
            url, "resource_settings", workspace_id="100", resource_type="warehouse", resource_id="wh-1",
            setting="auto_stop_minutes", value=value, valid_from=moment,
        )  # fmt: skip
    for number, (kind, resource, team, command, status) in enumerate(
        (
            ("auto_termination", ("cluster", "c-big"), 1, "databricks api post /x --json '{}'", "open"),
            ("warehouse_auto_stop", ("warehouse", "wh-1"), 2, 'POST /edit {"name": "Ada\'s"}', "open"),
            ("right_size_cluster", ("cluster", "c-big"), 1, None, "expired"),
        )
    ):
        insert(
            url, "recommendations", type=kind, workspace_id="100", resource_type=resource[0], resource_id=resource[1],
            bearer_type=resource[0], bearer_id=resource[1], acts_on="idle time", title=f"Advice {number} of {HOSTILE}",
            team_id=team, standalone_savings=500, resource_cost_usd=3000, confidence="high", confidence_reason="sure",
            evidence=json.dumps({}), calculation="1 + 1", command=command, window_first=FINAL - timedelta(days=29),
            window_last=FINAL, found_first_at=NOON, found_at=NOON, status=status,
        )  # fmt: skip
    insert(
        url, "anomalies", scope_type="cluster", scope_id="100/c-big", kind="spike", direction="up", start_date=FINAL,
        end_date=FINAL, last_date=FINAL, recognised_on=FINAL, is_provisional=False, severity="high", score=9.0,
        actual_usd=Decimal(300), expected_usd=Decimal(100), method="robust", sensitivity=1.0, days_digest="",
        detected_at=NOON, judged_at=NOON,
    )  # fmt: skip


@pytest.fixture(scope="module")
def template(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """The database of `filled`, to be cloned: nobody is connected to it."""
    with database(postgres_server, template=migrated_template) as url:
        fill(url)
        name = urlsplit(url).path.removeprefix("/")
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            # TimescaleDB's scheduler connects to every database it may; a template must be left alone.
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield name


@pytest.fixture
def filled(postgres_server: str, template: str) -> Iterator[str]:
    """Machines of two teams, their bill and their telemetry."""
    with database(postgres_server, template=template) as url:
        yield url


def listed(test: AppTest) -> list[dict[str, Any]]:
    """The rows of the table of all machines."""
    assert not test.exception, test.exception
    (frame,) = [one.value for one in test.dataframe if "Idle cost" in one.value.columns and "Kind" in one.value.columns]
    # What is unknown comes back as NaN from columns of numbers.
    return [
        {str(name): value for name, value in row.items()}
        for row in frame.astype(object).where(frame.notna(), None).to_dict("records")
    ]


def total(period: Period = PERIOD, *, column: str = "cost_usd", **only: Any) -> Decimal:
    """What the rows of the books with a cluster or warehouse cost in the period."""
    return sum(
        (
            row[column] or Decimal(0)
            for row in BOOKS.rows
            if row["usage_date"] in period
            and (row.get("cluster_id") or row.get("warehouse_id"))
            and all(row.get(name) == value for name, value in only.items())
        ),
        Decimal(0),
    )


def known_sum(found: list[dict[str, Any]], column: str = "Cost") -> Decimal:
    return sum((row[column] for row in found if isinstance(row[column], Decimal)), Decimal(0))


# --- money


def test_card_table_and_bill_say_the_same_to_the_last_digit(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    found = listed(test)
    (billed,) = rows(
        filled,
        "select sum(d.cost_usd) as cost from costpulse.daily_key_costs as d join costpulse.cost_keys as k "
        "using (key_id) where (k.cluster_id is not null or k.warehouse_id is not null) "
        "and d.usage_date between %s and %s",
        *(PERIOD.first, PERIOD.last),
    )
    assert known_sum(found) == billed["cost"] == total()
    assert metric(test, "Cost of machines").value == formats.money(total())
    assert f"6 machines, total {formats.money_to_the_cent(total())}" in texts(test)


SELECTIONS = [
    Selection(),
    Selection((("workspace", ("100",)),)),
    Selection((("team", ("1",)),)),
    Selection((("team", ("2", NONE)),)),
    Selection((("product", ("ALL_PURPOSE", "SQL_SERVERLESS")),)),
    Selection((("sku", ("SQL_PRO",)), ("team", ("2",)))),
    Selection((("user", ("ada@example.com", NONE)),)),
    Selection((("job", ("100/1",)),)),
    Selection((("cluster", ("100/c-big",)),)),
    Selection((("warehouse", ("100/wh-1", NONE)),)),
    Selection((), (("env", "prod"),)),
    Selection((), (("env", None), ("env", ""))),
    Selection((("endpoint", ("100/x",)),), (("it's", '"'),)),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_each_machine_costs_what_the_cost_explorer_says_under_every_filter(selection: Selection, filled: str) -> None:
    with psycopg.connect(filled) as connection:
        expected = {
            (by, one.group_id): (one.cost_usd, one.list_cost_usd)
            for by in ("cluster", "warehouse")
            for one in spend_by_group(connection, Windows(PERIOD, FINAL), by=by, selection=selection)
            if one.group_id is not None
        }
    asked = [Question(PERIOD, FINAL, selection, is_list) for is_list in (False, True)]
    cost, at_list = ({(one.machine_type, one.id): one.amount for one in machines_of(filled, each)} for each in asked)
    assert {key: (cost[key], at_list[key]) for key in cost} == expected


def machines_of(url: str, question: Question, scope: str = "all") -> list[Machine]:
    """What `reads.every_machine` gives, without a page."""
    statement = load_sql("app/compute_machines").encode()
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("set local role costpulse_app")
        connection.execute("select set_config('costpulse.scope', %s, true)", [scope])
        found = connection.execute(statement, question.parameters() | {"largest": None}).fetchall()
    return [Machine(**{name: row[name] for name in Machine.__dataclass_fields__}) for row in found]


def test_list_price_is_followed_by_cost_and_idle_cost(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, basis="list")
    assert known_sum(listed(test)) == total(column="list_cost_usd")
    big = next(row for row in listed(test) if row["Name"] == HOSTILE)
    assert big["Idle cost"] == round(30 * 2 * Decimal("99.9") * 17 / 24, 18)


def test_the_idle_part_of_a_warehouse_is_that_of_its_bill_and_of_a_cluster_its_idle_hours(filled: str) -> None:
    found = {one.id: one for one in machines_of(filled, Question(PERIOD, FINAL, Selection(), is_list=False))}
    assert found["100/wh-1"].idle_amount == 30 * Decimal("29.123456789012345677")
    exact = 30 * Fraction(Decimal(OURS) + Decimal(THEIRS)) * Fraction(17, 24)
    idle = found["100/c-big"].idle_amount
    assert idle is not None
    assert abs(Fraction(idle) - exact) <= Fraction(1, 2 * 10**18)
    # Hours up by nodes: the driver one, the workers three.
    assert found["100/c-big"].cpu_percent == 40
    assert found["100/c-big"].mem_percent == 60
    assert (found["200/c-big"].idle_amount, found["200/c-big"].cpu_percent) == (None, None)


def test_only_what_was_measured_is_called_used_or_idle(filled: str) -> None:
    longer = Period(TODAY - timedelta(days=BACK - 1), TODAY)
    big = next(
        one for one in machines_of(filled, Question(longer, FINAL, Selection(), is_list=False)) if one.id == "100/c-big"
    )
    a_day = Decimal(OURS) + Decimal(THEIRS)
    assert big.amount == BACK * a_day
    assert big.measured_amount == 30 * a_day
    assert big.used_amount is not None
    assert big.idle_amount is not None
    assert big.used_amount + big.idle_amount == 30 * a_day
    figure = figures.used_and_idle([big], {("cluster", big.id): "big"}, currency="USD", look=charts.LIGHT)
    assert [bar.name for bar in figure.data] == ["Used", "Idle", "Not measured"]
    assert sum(bar.x[0] for bar in figure.data) == pytest.approx(float(big.amount))


def test_days_that_are_not_final_are_in_the_total_and_named(app: Opener, filled: str) -> None:
    so_far = total(Period(FINAL + timedelta(days=1), TODAY))
    assert f"{formats.money(so_far)} of it on 2 days not final" in texts(app(filled, PAGE))


def test_the_smallest_of_many_machines_are_one_row_and_the_file_has_all(
    app: Opener, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[Any] = []
    deferred = MediaFileManager.add_deferred

    def noticed(manager: MediaFileManager, data: Any, *args: Any, **options: Any) -> str:
        files.append(data)
        return deferred(manager, data, *args, **options)

    monkeypatch.setattr(MediaFileManager, "add_deferred", noticed)
    monkeypatch.setattr(reads, "LARGEST", 2)
    test = app(filled, PAGE)
    found = listed(test)
    assert [row["Name"] for row in found] == [HOSTILE, "BI", "4 further machines"]
    assert known_sum(found) == total()
    assert metric(test, "Cost of machines").value == formats.money(total())
    written = list(csv.DictReader(io.StringIO(files[-1]().removeprefix("\ufeff"), newline="")))
    assert sum((Decimal(row["Cost"]) for row in written if row["Cost"]), Decimal(0)) == total()
    assert len(written) == 6
    # Text that a spreadsheet would take for a formula is kept from being one.
    assert all(not value.startswith(("=", "+", "@")) for row in written for value in row.values())


# --- what is shown


def test_names_stand_for_ids_and_are_never_markup(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    names = [row["Name"] for row in listed(test)]
    assert {HOSTILE, "BI", "risk", "job-1-run-2 (deleted)", "…wh-new", "…c-free"} == set(names)
    detail = app(filled, CLUSTER, id="100/c-big")
    assert formats.plain(HOSTILE) in [one.value for one in detail.subheader]
    assert "c-big" in [one.value for one in detail.code]


def test_what_was_not_measured_is_a_dash_with_the_reason(app: Opener, filled: str) -> None:
    test = app(filled, PAGE)
    new = next(row for row in listed(test) if row["Name"] == "…wh-new")
    assert all(new[column] is None for column in ("CPU %", "Memory %", "Hours", "Idle cost", "Node type"))
    assert "A dash stands where nothing was measured" in texts(test)
    free = next(row for row in listed(test) if row["Name"] == "…c-free")
    assert (free["Cost"], free["Kind"], free["State"]) == (None, "All-purpose cluster", "Not known")


def test_what_runs_now_is_told_whatever_the_period(app: Opener, filled: str) -> None:
    for more in ({}, {"range": "custom", "period": ["2026-10-20", "2026-10-21"]}):
        test = app(filled, PAGE, **more)
        assert metric(test, "Running now").value == "2"
        assert metric(test, "Without auto-stop").value == "2"
    assert "1 of them idle" in texts(test)
    assert metric(app(filled, PAGE, kind="warehouse"), "Running now").value == "1"
    assert metric(app(filled, PAGE, ws="200"), "Running now").value == "0"


def test_the_mean_of_several_machines_counts_each_by_its_cost(app: Opener, filled: str) -> None:
    insert(
        filled, "cluster_daily", usage_date=FINAL, workspace_id="100", cluster_id="c-job", up_hours=1, idle_hours=0,
        driver_node_hours=1, driver_cpu_avg=90, driver_mem_avg=20,
    )  # fmt: skip
    shared = 30 * (Decimal(OURS) + Decimal(THEIRS))
    mean = (shared * 40 + Decimal("7.07") * 90) / (shared + Decimal("7.07"))
    assert metric(app(filled, PAGE), "Mean CPU").value == formats.percent(mean / 100)


def test_kind_state_and_idle_narrow_every_figure_and_stay_in_the_link(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, kind=["all-purpose", "nonsense"], state="idle", idle="mostly")
    assert [row["Name"] for row in listed(test)] == [HOSTILE]
    assert metric(test, "Cost of machines").value == formats.money(total(cluster_id="c-big", workspace_id="100"))
    assert query(test) == {"kind": ["all-purpose"], "state": ["idle"], "idle": ["mostly"]}
    test.multiselect(key="c_kinds").set_value(["warehouse"]).run()
    assert "No cluster or warehouse of this kind and state" in texts(test)
    test.button(key="show_all").click().run()
    assert len(listed(test)) == 6
    assert query(test) == {}
    mostly = app(filled, PAGE, idle="mostly")
    assert {row["Name"] for row in listed(mostly)} == {HOSTILE, "BI"}


def test_a_period_or_filter_without_machines_says_so(app: Opener, filled: str) -> None:
    assert "No cost for these filters" in texts(app(filled, PAGE, product="JOBS_SERVERLESS"))


def test_a_grant_that_is_missing_is_named_with_the_next_step(app: Opener, filled: str) -> None:
    for source in ("node_utilization", "pipelines"):
        insert(
            filled, "collection_status", source=source, connection="eu", state="not available", message="No access.",
            next_step="GRANT SELECT ON node_timeline", attempted_at=NOON,
        )  # fmt: skip
    test = app(filled, PAGE)
    assert [one.value.replace("\\", "") for one in test.info] == [
        "node_utilization of eu: No access. GRANT SELECT ON node_timeline"
    ]


def test_marks_and_bars_carry_the_machine_they_stand_for(filled: str) -> None:
    found = machines_of(filled, Question(PERIOD, FINAL, Selection(), is_list=False))
    names = {(one.machine_type, one.id): HOSTILE for one in found}
    measured = [one for one in found if one.cpu_percent is not None]
    cloud = figures.use_against_cost(measured, names, currency="USD", look=charts.DARK)
    assert [list(point[:2]) for trace in cloud.data for point in trace.customdata] == [["cluster", "100/c-big"]]
    bars = figures.used_and_idle(found[:3], names, currency="USD", look=charts.DARK)
    assert {tuple(point[:2]) for trace in bars.data for point in trace.customdata} == {
        (one.machine_type, one.id) for one in found[:3]
    }
    drawn = json.dumps([bars.to_plotly_json(), cloud.to_plotly_json()], default=str)
    assert "<b>=cmd" not in drawn
    assert "&lt;b&gt;=cmd" in drawn


# --- one machine


def test_a_machine_opens_with_the_filters(app: Opener, filled: str) -> None:
    test = app(filled, PAGE, range="7d", ws="100", kind="all-purpose")
    test.session_state["compute_go"] = ("cluster", "100/c-big")
    test.run()
    assert test.title[0].value == "Cluster"
    assert query(test) == {"range": ["7d"], "ws": ["100"], "id": ["100/c-big"]}
    assert metric(test, "Cost").value == formats.money(7 * (Decimal(OURS) + Decimal(THEIRS)))
    assert "Only the period and the price apply here" in texts(test)


def test_the_way_back_leads_to_the_list_as_it_was_left(app: Opener, filled: str) -> None:
    test = app(filled, CLUSTER, id="100/c-big", range="7d", ws="100")
    test.session_state["compute_choice"] = Choice(("all-purpose",))
    test.button(key="back").click().run()
    assert test.title[0].value == "Clusters & warehouses"
    assert query(test) == {"range": ["7d"], "ws": ["100"], "kind": ["all-purpose"]}
    assert [row["Name"] for row in listed(test)] == [HOSTILE, "…c-free"]


def test_the_detail_says_whose_it_is_what_it_idles_and_what_was_found(app: Opener, filled: str) -> None:
    test = app(filled, CLUSTER, id="100/c-big")
    assert not test.exception
    said = texts(test)
    a_day = Decimal(OURS) + Decimal(THEIRS)
    assert metric(test, "Idle cost").value == formats.money(30 * a_day * 17 / 24)
    assert metric(test, "Hours up").value == "720.0 h"
    assert metric(test, "Mean CPU").value == "40.0%"
    assert "Teams: Data platform 59.5%, Risk 40.5%" in said
    assert "`ada@example.com`" in said
    assert "Workers: 2-8" in said
    labels = [button.label.replace("\\", "") for button in test.button]
    assert f"$500.00 per month: Advice 0 of {HOSTILE}" in labels
    assert "Spike from 22 Nov 2026: $200.00 off, open" in labels
    assert "databricks api post /x --json '{}'" in [one.value for one in test.code]
    (day, *_) = next(one.value for one in test.dataframe if "Node hours" in one.value.columns).to_dict("records")
    assert (day["Day"], day["Final"], day["Cost"]) == (TODAY, "no", a_day)
    test.button(key="recommendation_1").click().run()
    assert test.title[0].value == "Recommendations"
    assert query(test)["id"] == ["1"]


def test_parts_of_the_cost_add_up_to_it_by_anything(app: Opener, filled: str) -> None:
    test = app(filled, CLUSTER, id="100/c-big")
    for by, label in (("sku", "SKU"), ("team", "Team"), ("user", "User"), ("job", "Job")):
        test.session_state["made_of_by"] = by
        test.run()
        (parts_of_it,) = [one.value for one in test.dataframe if label in one.value.columns]
        assert sum(parts_of_it["Cost"]) == total(cluster_id="c-big", workspace_id="100")
    test.button(key="explore").click().run()
    assert test.title[0].value == "Cost explorer"
    assert query(test)["cluster"] == ["100/c-big"]


def test_a_warehouse_shows_who_used_it_what_changed_and_how_to_stop_it(app: Opener, filled: str) -> None:
    test = app(filled, WAREHOUSE, id="100/wh-1")
    assert not test.exception
    said = texts(test)
    (users,) = [one.value for one in test.dataframe if "Statements" in one.value and "Source" in one.value]
    assert list(users["User"]) == ["", "secret@example.com"]
    assert sum(users["Cost"]) == total(warehouse_id="wh-1")
    assert metric(test, "Statements").value == "360"
    assert "12 Nov 2026, 12:00 UTC: Auto-stop, minutes 60 → 0" in said
    assert "4 Nov 2026, 12:00 UTC: Auto-stop" not in said
    line = next(one.value for one in test.code if one.value.startswith("databricks"))
    assert shlex.split(line) == ["databricks", "api", "post", "/edit", "--json", '{"name": "Ada\'s"}']


def test_a_machine_known_by_its_bill_only_and_one_that_is_gone_keep_their_pages(app: Opener, filled: str) -> None:
    new = app(filled, WAREHOUSE, id="100/wh-new")
    assert metric(new, "Cost").value == "$45.00"
    assert metric(new, "Idle cost").value == "-"
    gone = app(filled, CLUSTER, id="100/c-job", range="custom", period=["2026-11-24", "2026-11-24"])
    assert "job-1-run-2 (deleted)" in texts(gone)
    assert not new.exception
    assert not gone.exception


@pytest.mark.parametrize("group", ["", "100/none", "c-big", "100/wh-1", "100/c-big\x00", "/", "x/'; drop table"])
def test_an_id_that_is_none_gets_one_sentence(group: str, app: Opener, filled: str) -> None:
    test = app(filled, CLUSTER, id=group)
    assert not test.exception
    assert [one.value for one in test.info] == [GONE.format("cluster")]


# --- whose


def test_a_viewer_of_some_teams_sees_their_machines_with_their_own_share(
    app: Opener, looked_at_by: LookedAtBy, filled: str
) -> None:
    looked_at_by("viewer", "1")
    test = app(filled, PAGE)
    found = {row["Name"]: row for row in listed(test)}
    assert set(found) == {HOSTILE, "job-1-run-2 (deleted)", "…c-free"}
    assert found[HOSTILE]["Cost"] == 30 * Decimal(OURS)
    assert found[HOSTILE]["Idle cost"] == round(30 * Decimal(OURS) * 17 / 24, 18)
    assert found[HOSTILE]["CPU %"] == 40
    assert metric(test, "Cost of machines").value == formats.money(total(team_id=1))
    assert metric(test, "Running now").value == "1"
    assert "are your teams' share" in texts(test)
    detail = app(filled, CLUSTER, id="100/c-big")
    assert metric(detail, "Cost").value == formats.money(30 * Decimal(OURS))
    assert "Team: Data platform 100.0%" in texts(detail)
    for shown in (test, detail):
        everything = texts(shown) + str([one.value.to_dict() for one in shown.dataframe])
        assert not any(word in everything for word in ("Risk", "risk", "bob@example.com", "wh-1", THEIRS))


@pytest.mark.parametrize(
    ("page", "kind", "group"),
    [(WAREHOUSE, "warehouse", "100/wh-1"), (CLUSTER, "cluster", "200/c-big"), (WAREHOUSE, "warehouse", "100/wh-new")],
)
def test_a_machine_of_others_is_told_like_one_that_never_was(
    page: str, kind: str, group: str, app: Opener, looked_at_by: LookedAtBy, filled: str
) -> None:
    looked_at_by("team_owner", "1")
    theirs, none = (app(filled, page, id=each) for each in (group, "100/none"))
    assert [one.value for one in theirs.info] == [one.value for one in none.info] == [GONE.format(kind)]
    assert texts(theirs) == texts(none)
    assert [len(test.dataframe) for test in (theirs, none)] == [0, 0]


def test_who_ran_statements_is_not_shown_to_a_viewer_of_some_teams(
    app: Opener, looked_at_by: LookedAtBy, filled: str
) -> None:
    looked_at_by("viewer", "2")
    test = app(filled, WAREHOUSE, id="100/wh-1")
    assert "Who ran statements is shown to those who see all teams" in texts(test)
    assert "secret@example.com" not in texts(test) + str([one.value.to_dict() for one in test.dataframe])
    assert metric(test, "Cost").value == formats.money(total(warehouse_id="wh-1"))


def test_the_database_itself_gives_a_viewer_their_machines_and_no_money_of_others(filled: str) -> None:
    days, all_days = [PERIOD.first, PERIOD.last], "select * from costpulse.machine_days(%s, %s)"
    mine = rows(filled, "select * from costpulse.machines(%s, %s)", *days, scope="1")
    assert {(row["workspace_id"], row["machine_id"]) for row in mine} == {("100", "c-big"), ("100", "c-job")}
    assert {(row["workspace_id"], row["machine_id"]) for row in rows(filled, all_days, *days, scope="1")} == {
        ("100", "c-big")
    }
    assert {row["machine_id"] for row in rows(filled, all_days, *days, scope="2")} == {"c-big", "wh-1"}
    for scope in ("", "3", "1,3"):
        of_scope = rows(filled, "select * from costpulse.machines(%s, %s)", *days, scope=scope)
        assert len(of_scope) == (2 if "1" in scope else 0)
    assert len(rows(filled, "select * from costpulse.machines(%s, %s)", *days, scope="all")) == 4
    # No amount leaves these functions, and the tables that hold whole amounts stay shut.
    told = mine[0].keys() | rows(filled, all_days, *days, scope="2")[0].keys()
    assert not any("usd" in name or "cost" in name or "dbu" in name for name in told)
    for table in ("cluster_info", "cluster_daily", "warehouse_info", "warehouse_daily", "query_costs"):
        assert rows(filled, f"select * from costpulse.{table}", scope="1,2") == []


def test_a_day_on_which_a_team_bore_nothing_of_a_machine_is_not_told(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        connection.execute(b"delete from costpulse.daily_key_costs where team_id = 1 and usage_date <> %s", [FINAL])
    found = rows(filled, "select * from costpulse.machine_days(%s, %s)", PERIOD.first, PERIOD.last, scope="1")
    assert [(row["usage_date"], row["machine_id"]) for row in found] == [(FINAL, "c-big")]


def test_without_a_scope_nothing_is_told(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        connection.execute("set local role costpulse_app")
        for function in ("machines", "machine_days"):
            statement = f"select * from costpulse.{function}('2026-01-01', '2026-12-31')".encode()
            assert connection.execute(statement).fetchall() == []


def test_the_parts_of_two_viewers_add_up_to_the_whole(filled: str) -> None:
    question = Question(PERIOD, FINAL, Selection((("team", ("1", "2")),)), is_list=False)
    whole, *shares = (
        {(one.machine_type, one.id): one.amount for one in machines_of(filled, question, scope)}
        for scope in ("all", "1", "2")
    )
    for machine, amount in whole.items():
        known = [part for share in shares if (part := share.get(machine)) is not None]
        assert amount == (sum(known, Decimal(0)) if known else None)


# --- words and links


@given(
    some.lists(some.sampled_from(list(words.KINDS)), unique=True),
    some.lists(some.sampled_from(list(words.STATES)), unique=True),
    some.booleans(),
)
def test_a_choice_survives_its_link(kinds: list[str], states: list[str], is_mostly_idle: bool) -> None:
    choice = Choice(
        tuple(name for name in words.KINDS if name in kinds),
        tuple(name for name in words.STATES if name in states),
        is_mostly_idle,
    )
    assert Choice.from_query(choice.to_query()) == choice


@given(some.dictionaries(some.text(max_size=5), some.lists(some.text(max_size=5), max_size=3), max_size=3))
def test_whatever_a_link_says_is_no_error(values: Mapping[str, list[str]]) -> None:
    assert Choice.from_query({**values, "kind": ["x", *values.get("kind", [])]}).kinds == ()


def detail_of(**more: Any) -> Detail:
    facts: dict[str, Any] = dict.fromkeys(Detail.__dataclass_fields__)
    facts |= {
        "machine_type": "cluster", "machine_id": "c-1", "kind": "all-purpose", "state": "running", "never_stops": True,
    }  # fmt: skip
    return Detail(**facts | more)


@given(some.text(some.characters(codec="utf-8", exclude_characters="\x00"), min_size=1))
def test_the_line_that_stops_a_warehouse_keeps_what_it_is_and_survives_a_shell(name: str) -> None:
    warehouse = detail_of(
        machine_type="warehouse", kind="warehouse", name=name, node_type="2X_LARGE", min_size=1, max_size=4,
        is_serverless=True, warehouse_type="PRO",
    )  # fmt: skip
    fix = words.fix(warehouse, [])
    assert fix is not None
    *command, path, flag, body = shlex.split(fix[1])
    assert (command, path, flag) == (["databricks", "api", "post"], "/api/2.0/sql/warehouses/c-1/edit", "--json")
    assert json.loads(body) == {
        "name": name, "cluster_size": "2X-Large", "min_num_clusters": 1, "max_num_clusters": 4,
        "warehouse_type": "PRO", "enable_serverless_compute": True, "auto_stop_mins": 10,
    }  # fmt: skip


def test_a_machine_that_stops_by_itself_needs_no_line_and_advice_comes_before_a_usual_limit() -> None:
    assert words.fix(detail_of(never_stops=False), []) is None
    fix = words.fix(detail_of(), [])
    assert fix is not None
    assert json.loads(shlex.split(fix[1])[-1])["cluster"] == {"autotermination_minutes": 30}
    advice = Finding("recommendation", 1, "Stop it", "low", "open", Decimal(1), TODAY, "POST /stop", "existence")
    assert words.fix(detail_of(never_stops=False), [advice]) == ("Stop it", "databricks api post /stop")
