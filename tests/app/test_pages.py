import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from costpulse_app import db, formats, metrics
from costpulse_app.queries import LARGEST
from costpulse_assets.costs.spend import DIMENSIONS
from tests.app.books import Books
from tests.app.conftest import TODAY, Opener

EXPLORER = "views/explorer.py"
PAGES = (None, EXPLORER)
FINAL = TODAY - timedelta(days=2)


def texts(test: AppTest) -> str:
    """Everything that is said on the page, without Markdown's backslashes."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "error", "code")
    said = [str(element.value) for kind in kinds for element in getattr(test, kind)]
    said += [expander.label for expander in test.expander]
    return "\n".join(said).replace("\\", "")


def metric(test: AppTest, label: str) -> Any:
    return next(metric for metric in test.metric if metric.label == label)


def groups(test: AppTest) -> list[dict[str, Any]]:
    """The rows of the table of all groups."""
    return test.dataframe[-1].value.to_dict("records")


def query(test: AppTest) -> dict[str, list[str]]:
    """The URL's parameters."""
    return {name: value if isinstance(value, list) else [value] for name, value in dict(test.query_params).items()}


def between(books: Books, first: date, last: date) -> Books:
    return Books(rows=[row for row in books.rows if first <= row["usage_date"] <= last])


@pytest.fixture
def filled(books: Books, database_url: str) -> str:
    books.write(database_url)
    return database_url


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_it_answers_and_at_which_price(page: str | None, app: Opener, filled: str) -> None:
    test = app(filled, page)
    assert not test.exception
    assert test.title[0].value == ("Overview" if page is None else "Cost explorer")
    assert "at your price" in texts(test)
    assert "UTC" in texts(test)


# --- figures


def test_month_to_date_ends_on_the_last_final_day_and_is_compared_with_the_same_days(
    app: Opener, books: Books, filled: str
) -> None:
    test = app(filled)
    now = between(books, date(2026, 11, 1), FINAL).total()
    then = between(books, date(2026, 10, 1), date(2026, 10, 22)).total()
    assert metric(test, "Month to date").value == formats.money(now)
    assert metric(test, "Month to date").delta == formats.delta(now, then)
    assert f"Exactly {formats.money_to_the_cent(now)}." in texts(test)
    not_final = between(books, FINAL + timedelta(days=1), TODAY).total()
    assert f"+ {formats.money(not_final)} so far, 2 days not final" in texts(test)


def test_the_run_rate_is_called_so_and_is_not_a_forecast(app: Opener, books: Books, filled: str) -> None:
    test = app(filled)
    now = between(books, date(2026, 11, 1), FINAL).total()
    assert metric(test, "Run-rate").value == formats.money(now / 22 * 30)
    assert "Not a forecast" in texts(test)


def test_the_last_final_day_is_compared_with_the_mean_of_the_same_weekdays(
    app: Opener, books: Books, filled: str
) -> None:
    test = app(filled)
    on_day = between(books, FINAL, FINAL).total()
    weekdays = [FINAL - timedelta(weeks=week) for week in range(1, 5)]
    usual = sum((between(books, day, day).total() for day in weekdays), Decimal(0)) / 4
    assert metric(test, "Last final day").value == formats.money(on_day)
    assert metric(test, "Last final day").delta == formats.delta(on_day, usual)


def test_the_overview_trend_adds_up_to_the_database(app: Opener, books: Books, filled: str) -> None:
    test = app(filled)
    total = between(books, date(2026, 10, 26), TODAY).total()
    assert f"26 Oct - 24 Nov 2026: {formats.money_to_the_cent(total)}, of which" in texts(test)
    trend = next(table.value for table in test.dataframe if "Day" in table.value)
    amounts = trend.drop(columns=["Day", "Final"])
    assert sum(value for row in amounts.to_numpy() for value in row if isinstance(value, Decimal)) == total


def test_the_biggest_mover_comes_first_and_its_change_is_exact(app: Opener, books: Books, filled: str) -> None:
    test = app(filled)
    movers = next(table.value for table in test.dataframe if "Kind" in table.value).to_dict("records")
    ada = next(row for row in movers if row["Name"] == "ada@example.com")
    now = between(books, date(2026, 11, 1), FINAL).total(user_email="ada@example.com")
    then = between(books, date(2026, 10, 1), date(2026, 10, 22)).total(user_email="ada@example.com")
    assert (ada["Month to date"], ada["Before"], ada["Change"]) == (now, then, now - then)
    changes = [abs(row["Change"]) for row in movers]
    assert changes == sorted(changes, reverse=True)


@pytest.mark.parametrize("by", DIMENSIONS)
def test_all_groups_add_up_to_the_total_card_and_to_the_database(
    by: str, app: Opener, books: Books, filled: str
) -> None:
    test = app(filled, EXPLORER, by=by, **({"key": "env"} if by == "tag" else {}))
    assert not test.exception
    total = between(books, date(2026, 10, 26), TODAY).total()
    assert sum(row["Cost"] for row in groups(test) if row["Cost"] is not None) == total
    assert metric(test, "Total").value == formats.money(total)
    assert f"total {formats.money_to_the_cent(total)}" in texts(test)


@pytest.mark.parametrize("measure", ["cost", "list", "dbu"])
@pytest.mark.parametrize("bin", ["day", "week", "month", "cumulative"])
def test_every_measure_and_bin_is_drawn(measure: str, bin: str, app: Opener, filled: str) -> None:
    test = app(filled, EXPLORER, measure=measure, bin=bin, compare="month")
    assert not test.exception
    assert test.get("plotly_chart")
    expected = {"cost": "Cost", "list": "List cost", "dbu": "DBU"}[measure]
    assert list(test.dataframe[-1].value)[1] == expected


def test_a_change_is_the_final_days_minus_the_same_number_of_days_before(
    app: Opener, books: Books, filled: str
) -> None:
    test = app(filled, EXPLORER, range="7d", by="job")
    final, before = (date(2026, 11, 18), FINAL), (date(2026, 11, 11), date(2026, 11, 15))
    for row in groups(test):
        only = {"job_id": row["Id"].partition("/")[2] or None}
        now, then = between(books, *final).total(**only), between(books, *before).total(**only)
        assert (row["Before"], row["Change"]) == (then, now - then)
        assert row["Not final"] == row["Cost"] - now


def test_the_list_price_basis_changes_the_figures_and_is_said(app: Opener, books: Books, filled: str) -> None:
    test = app(filled, EXPLORER, basis="list")
    shown = between(books, date(2026, 10, 26), TODAY)
    expected = sum((row["list_cost_usd"] for row in shown.rows if row["list_cost_usd"] is not None), Decimal(0))
    assert metric(test, "Total").value == formats.money(expected)
    assert "at list price" in texts(test)


def test_a_group_without_a_price_is_unknown_and_its_sku_is_named(app: Opener, filled: str) -> None:
    test = app(filled, EXPLORER)
    unpriced = next(row for row in groups(test) if row["Product"] == "AI")
    assert unpriced["Cost"] is None
    assert "1 SKU without a price" in texts(test)
    assert "PRICELESS_SKU" in {name for table in test.dataframe if "SKU" in table.value for name in table.value["SKU"]}


def test_more_groups_than_are_named_end_in_one_row_and_the_csv_has_all_of_them(
    app: Opener, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books(provisional={TODAY: Decimal("0.5")})
    for number in range(LARGEST + 3):
        books.add(FINAL, f"{1 + number}.10", cluster_id=f"cluster-{number:04}", job_id="1")
    books.add(TODAY, "0.20", cluster_id="cluster-0000")
    books.write(database_url)
    files: list[Any] = []
    deferred = MediaFileManager.add_deferred

    def noticed(manager: MediaFileManager, data: Any, *args: Any, **options: Any) -> str:
        files.append(data)
        return deferred(manager, data, *args, **options)

    monkeypatch.setattr(MediaFileManager, "add_deferred", noticed)
    test = app(database_url, EXPLORER, by="cluster", range="7d")
    assert not test.exception
    *named, rest = groups(test)
    assert (len(named), rest["Cluster"], rest["Id"]) == (LARGEST, "3 further clusters", "")
    assert (rest["Cost"], rest["Not final"]) == (Decimal("6.50"), Decimal("0.20"))
    assert sum(row["Cost"] for row in named) + rest["Cost"] == books.total()
    assert f"{LARGEST + 3} clusters, total {formats.money_to_the_cent(books.total())}" in texts(test)
    written = list(csv.DictReader(io.StringIO(files[-1]().removeprefix("\ufeff"), newline="")))
    assert {row["Id"] for row in written} == {f"100/cluster-{number:04}" for number in range(LARGEST + 3)}
    assert sum(Decimal(row["Cost"]) for row in written) == books.total()
    assert [row["Cluster"] for row in written[:LARGEST]] == [row["Cluster"] for row in named]


def test_names_are_shown_as_they_are_and_unknown_ones_by_the_end_of_their_id(app: Opener, filled: str) -> None:
    assert {"<b>nightly</b> load", "=cmd()|'x'", "No job"} <= {
        row["Job"] for row in groups(app(filled, EXPLORER, by="job"))
    }
    assert {"northwind-prod", "(unnamed) …200", "Account level"} == {
        row["Workspace"] for row in groups(app(filled, EXPLORER, by="workspace"))
    }
    assert "…123456" in {row["Warehouse"] for row in groups(app(filled, EXPLORER, by="warehouse"))}
    assert {"Data platform", "Risk", "Unallocated"} == {row["Team"] for row in groups(app(filled, EXPLORER, by="team"))}


def test_clusters_warehouses_and_jobs_go_by_the_names_that_were_collected(app: Opener, filled: str) -> None:
    with psycopg.connect(filled) as connection:
        for kind, resource, name, until in (
            ("warehouse", "abcdef123456", "Old <i>name</i>", TODAY),
            ("warehouse", "abcdef123456", "Finance reporting", None),
            ("job", "2", "renamed load", None),
        ):
            connection.execute(
                "insert into costpulse.resource_names (workspace_id, resource_type, resource_id, name, valid_from, "
                "valid_to) values ('100', %s, %s, %s, %s, %s)",
                [kind, resource, name, (until or TODAY + timedelta(days=1)) - timedelta(days=1), until],
            )
    warehouses = {row["Warehouse"] for row in groups(app(filled, EXPLORER, by="warehouse"))}
    assert warehouses == {"Finance reporting", "No warehouse"}
    jobs = {row["Job"] for row in groups(app(filled, EXPLORER, by="job"))}
    assert jobs == {"<b>nightly</b> load", "renamed load", "No job"}
    drilled = app(filled, EXPLORER, by="product", warehouse="100/abcdef123456")
    assert "Warehouse\\: Finance reporting" in [button.label for button in drilled.button]


# --- filters and the URL


def test_a_link_opens_the_same_view_and_stays_as_it_is(app: Opener, books: Books, filled: str) -> None:
    link: dict[str, Any] = {
        "range": "custom",
        "period": ["2026-11-01", "2026-11-10"],
        "ws": ["100", "~"],
        "tag": ["env=prod"],
        "by": "user",
        "bin": "week",
        "compare": "none",
    }
    test = app(filled, EXPLORER, **link)
    assert not test.exception
    expected = between(books, date(2026, 11, 1), date(2026, 11, 10)).total(job_id="1")
    assert metric(test, "Total").value == formats.money(expected)
    for name, value in link.items():
        assert query(test)[name] == (value if isinstance(value, list) else [value])


@pytest.mark.parametrize("page", PAGES)
def test_a_period_beyond_the_data_is_cut_to_it(page: str | None, app: Opener, books: Books, filled: str) -> None:
    test = app(filled, page, range="custom", period=["2020-01-01", "2030-01-01"])
    assert not test.exception
    assert formats.money_to_the_cent(books.total()) in texts(test)
    assert query(test)["period"] == ["2020-01-01", "2030-01-01"]


def test_unknown_values_in_a_link_are_dropped(app: Opener, filled: str) -> None:
    test = app(filled, EXPLORER, ws="999", team="77", by="moon", range="never")
    assert not test.exception
    assert query(test) == {}


def test_a_chosen_filter_is_written_to_the_url(app: Opener, books: Books, filled: str) -> None:
    test = app(filled)
    test.multiselect(key="f_workspace").select("200").run()
    assert query(test)["ws"] == ["200"]
    test.button(key="clear").click().run()
    assert query(test) == {}


def test_filters_stay_when_the_page_is_changed_by_the_menu(app: Opener, books: Books, filled: str) -> None:
    test = app(filled)
    test.multiselect(key="f_workspace").select("100").run()
    test.query_params.clear()
    test.switch_page(EXPLORER).run()
    total = between(books, date(2026, 10, 26), TODAY).total(workspace_id="100")
    assert metric(test, "Total").value == formats.money(total)
    assert query(test)["ws"] == ["100"]


def test_crumbs_lead_back_up(app: Opener, books: Books, filled: str) -> None:
    test = app(filled, EXPLORER, product="JOBS", job="100/1", by="sku")
    assert [test.button(key=f"crumb_{n}").label.replace("\\", "") for n in (1, 2)] == [
        "Product: Jobs",
        "Job: <b>nightly</b> load",
    ]
    test.button(key="crumb_1").click().run()
    assert query(test) == {"product": ["JOBS"], "by": ["job"]}
    test.button(key="crumb_all").click().run()
    assert query(test) == {}
    assert metric(test, "Total").value == formats.money(between(books, date(2026, 10, 26), TODAY).total())


def test_more_filters_narrow_to_values_of_any_dimension(app: Opener, books: Books, filled: str) -> None:
    test = app(filled, EXPLORER)
    test.selectbox(key="more_dimension").set_value("user").run()
    (values,) = [box for box in test.multiselect if box.label == "User"]
    values.select("ada@example.com").run()
    test.button(key="more_apply").click().run()
    assert query(test)["user"] == ["ada@example.com"]
    expected = between(books, date(2026, 10, 26), TODAY).total(user_email="ada@example.com")
    assert metric(test, "Total").value == formats.money(expected)


# --- states


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_database_says_how_to_fill_it(page: str | None, app: Opener, database_url: str) -> None:
    test = app(database_url, page)
    assert not test.exception
    assert test.title[0].value == "No cost data yet"
    assert "costpulse up --demo" in texts(test)


@pytest.mark.parametrize("page", PAGES)
def test_a_database_without_tables_says_to_migrate(page: str | None, app: Opener, empty_database_url: str) -> None:
    test = app(empty_database_url, page)
    assert not test.exception
    assert test.title[0].value == "The database is not set up"
    assert "costpulse migrate" in texts(test)


def test_a_database_that_is_away_is_one_message_with_what_to_check(app: Opener) -> None:
    test = app("postgresql://somebody:secret-word@127.0.0.1:9/costpulse")
    assert not test.exception
    assert test.title[0].value == "The database does not answer"
    assert "127.0.0.1:9" in texts(test)
    assert "secret-word" not in texts(test)


@pytest.mark.parametrize("page", PAGES)
def test_filters_that_match_nothing_are_said_in_words(page: str | None, app: Opener, filled: str) -> None:
    test = app(filled, page, sku="NO_SUCH_SKU")
    assert not test.exception
    assert "No cost for these filters between" in texts(test)
    assert "$0.00" not in texts(test)


@pytest.mark.parametrize("page", PAGES)
def test_one_day_of_data_is_enough_for_every_page(page: str | None, app: Opener, database_url: str) -> None:
    books = Books()
    books.add(TODAY, "12.30")
    books.write(database_url)
    test = app(database_url, page)
    assert not test.exception
    assert metric(test, "Month to date" if page is None else "Total").value == "$12.30"


@pytest.mark.parametrize("page", PAGES)
def test_without_a_final_day_nothing_is_judged(page: str | None, app: Opener, database_url: str) -> None:
    books = Books(provisional={TODAY: Decimal("0.2")})
    books.add(TODAY, "12.30")
    books.write(database_url)
    test = app(database_url, page)
    assert not test.exception
    assert not any(metric.delta for metric in test.metric)
    assert "20% in, not final" in texts(test)


def test_a_day_in_progress_shows_up_to_which_hour_it_is_in_and_one_that_is_over_does_not(
    app: Opener, books: Books, database_url: str
) -> None:
    books.write(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "update costpulse.completeness set in_until = case usage_date when %s then %s::timestamptz "
            "else %s::timestamptz end where is_provisional",
            [TODAY, f"{TODAY}T09:00Z", f"{TODAY}T00:00Z"],
        )
    shown = texts(app(database_url))
    assert "38% in up to 09:00 UTC, not final" in shown
    assert "96% in, not final" in shown


def test_before_the_first_final_day_of_a_month_there_is_no_month_to_date(app: Opener, database_url: str) -> None:
    books = Books(provisional={date(2026, 11, 1): Decimal("0.5")})
    for back in range(40):
        books.add(date(2026, 11, 1) - timedelta(days=back), "10")
    books.write(database_url)
    test = app(database_url)
    assert not test.exception
    assert metric(test, "Month to date").value == "-"
    assert "No final day yet this month" in texts(test)
    assert "+ $10.00 so far, 1 day not final" in texts(test)


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(hours=2), "Last load"),
        (timedelta(hours=31), "Late: last load 31 h ago"),
        (timedelta(days=3), "Stale: last load 3 days ago"),
    ],
)
def test_the_badge_says_how_old_the_data_is(
    age: timedelta, said: str, books: Books, app: Opener, database_url: str
) -> None:
    books.loaded_at = datetime.now(UTC) - age
    books.write(database_url)
    test = app(database_url)
    assert said in texts(test)
    assert ("as of 22 Nov 2026" in texts(test)) == (age > timedelta(hours=48))


def test_what_costpulse_itself_cost_is_said(app: Opener, filled: str) -> None:
    assert "CostPulse itself" not in texts(app(filled))
    with psycopg.connect(filled) as connection:
        connection.execute(
            "insert into costpulse.query_costs (usage_date, workspace_id, warehouse_id, kind, is_costpulse, "
            "source_kind, executions, execution_seconds, task_seconds, read_bytes, failed_count, cached_count, "
            "cost_usd) values (%s, '100', 'w', 'query', true, 'other', 9, 9, 9, 9, 0, 0, 1.234)",
            [FINAL],
        )
    assert "CostPulse itself cost $1.23 on 22 Nov" in texts(app(filled))


def test_sources_that_were_not_read_are_named_with_the_next_step(app: Opener, filled: str) -> None:
    assert not [frame for frame in app(filled).dataframe if "Next step" in frame.value.columns]
    with psycopg.connect(filled) as connection:
        connection.execute(
            "insert into costpulse.collection_status (source, connection, state, message, next_step, attempted_at) "
            "values ('query_activity', 'eu', 'not available', 'system.query.history cannot be read.', 'GRANT ...', "
            "now()), ('clusters', 'eu', 'ok', null, null, now())"
        )
    test = app(filled)
    (missing,) = [frame.value for frame in test.dataframe if "Next step" in frame.value.columns]
    assert missing.to_dict("records") == [
        {
            "Source": "query_activity",
            "Connection": "eu",
            "State": "not available",
            "What happened": "system.query.history cannot be read.",
            "Next step": "GRANT ...",
            "Last read": "never",
        }
    ]


def test_a_panel_that_takes_too_long_fails_alone(
    app: Opener, books: Books, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "STATEMENT_SECONDS", 1)
    with psycopg.connect(filled) as other:
        other.execute("lock table costpulse.daily_key_costs in access exclusive mode")
        test = app(filled)
    assert not test.exception
    assert "took more than 1 seconds" in texts(test)
    assert metric(test, "Month to date").value == formats.money(between(books, date(2026, 11, 1), FINAL).total())
    test.button(key="again_movers").click().run()
    assert "took more than" not in texts(test)


def test_new_data_is_shown_at_once_and_old_answers_are_kept_until_then(app: Opener, filled: str) -> None:
    test = app(filled)
    before = metric(test, "Month to date").value
    with psycopg.connect(filled) as connection:
        connection.execute("update costpulse.daily_team_costs set cost_usd = cost_usd * 2")
    test.run()
    assert metric(test, "Month to date").value == before
    with psycopg.connect(filled) as connection:
        connection.execute("update costpulse.completeness set computed_at = now() + interval '1 second'")
    test.run()
    assert metric(test, "Month to date").value != before


def test_the_app_reads_as_its_own_role_and_cannot_write(app: Opener, filled: str) -> None:
    app(filled)
    with db.reading("all") as connection:
        assert connection.execute("select current_user").fetchone() == ("costpulse_app",)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("insert into costpulse.teams (name) values ('x')")


def test_the_scope_of_a_viewer_narrows_the_rows(app: Opener, books: Books, filled: str) -> None:
    app(filled)
    with db.reading("2") as connection:
        (total,) = connection.execute("select sum(cost_usd) from costpulse.daily_team_costs").fetchone()
    assert total == books.total(team_id=2)


def test_the_page_about_metrics_says_what_the_popovers_say() -> None:
    written = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert written.read_text(encoding="utf-8") == metrics.as_markdown()
