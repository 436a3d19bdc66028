import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from costpulse_assets.errors import BadInput, SourceError, SourceForbidden, SourceSqlError, SourceUnavailable
from costpulse_assets.resources.demo_account import DemoAccount
from costpulse_assets.resources.demo_account.planted import FACTS, ODD_TAG, STRADDLED_SKU, Fact
from costpulse_assets.resources.demo_account.tables import CATALOG, TABLES
from costpulse_assets.resources.source import Source

END = date(2026, 11, 24)
ROOT = Path(__file__).parents[2]


def day(offset):
    return END + timedelta(days=offset)


def ledger(account, since=date.min):
    """The usage rows as text, counted."""
    return Counter(
        text
        for (text,) in account._connection.execute(
            f"select cast(u as varchar) from {CATALOG}.billing.usage as u where u.usage_date >= $since",
            {"since": since},
        ).fetchall()
    )


def one(account, statement, **parameters):
    """The only value of a statement's only row."""
    table = account.fetch(statement, parameters).read_all()
    assert (table.num_rows, table.num_columns) == (1, 1)
    return table.column(0)[0].as_py()


@pytest.fixture(scope="module")
def account():
    with DemoAccount(end_date=END, days=30) as made:
        yield made


# Determinism and time


def test_the_same_seed_gives_the_same_account_and_another_seed_another_one():
    with (
        DemoAccount(end_date=END, days=6) as first,
        DemoAccount(end_date=END, days=6) as second,
        DemoAccount(end_date=END, days=6, seed=8) as other,
    ):
        for table in TABLES:
            rows = [
                sorted(each._connection.execute(f"select cast(t as varchar) from {CATALOG}.{table} as t").fetchall())
                for each in (first, second)
            ]
            assert rows[0]
            assert rows[0] == rows[1]
        assert not ledger(first) & ledger(other)


def test_a_longer_history_leaves_the_days_in_both_as_they_are(account):
    with DemoAccount(end_date=END, days=8) as shorter:
        assert ledger(shorter) == ledger(account, since=day(-7))


def test_a_later_look_adds_what_arrived_meanwhile_and_changes_nothing_else(account):
    with DemoAccount(end_date=END, days=30, as_of=day(-3)) as earlier:
        before, after = ledger(earlier), ledger(account)
        last_arrival = one(earlier, "select max(u.ingestion_date) as d from system.billing.usage as u")
        last_day = one(earlier, "select max(u.usage_date) as d from system.billing.usage as u")

    assert not before - after
    assert len(after) > len(before)
    assert last_arrival == day(-3)
    assert last_day == day(-3)
    arrived = account.fetch(
        "select count_if(u.ingestion_date < :look) as missed, count_if(u.ingestion_date = :look) as same_day, "
        "count_if(u.ingestion_date <= :look) as in_by_then from system.billing.usage as u",
        {"look": day(-3)},
    ).read_all().to_pylist()[0]  # fmt: skip
    # Of the day of the look itself only what came by noon is in.
    assert arrived["missed"] <= before.total() <= arrived["in_by_then"]


def test_the_account_goes_on_after_its_end_date(account):
    with DemoAccount(end_date=END, days=30, as_of=day(4)) as later:
        assert one(later, "select max(u.usage_date) as d from system.billing.usage as u") == day(4)
        assert not ledger(account) - ledger(later)


def test_before_its_first_day_the_account_has_prices_but_no_usage():
    with DemoAccount(end_date=END, days=5, as_of=day(-9)) as account:
        assert one(account, "select count(*) as n from system.billing.usage") == 0
        assert one(account, "select count(*) as n from system.billing.list_prices") > 40


def test_today_and_yesterday_are_only_partly_in(account):
    with DemoAccount(end_date=END, days=30, as_of=day(5)) as later:
        rows = (
            "select count(*) as n from system.billing.usage as u "
            "where u.usage_date = :day and u.record_type = 'ORIGINAL'"
        )
        share = {
            offset: one(account, rows, day=day(offset)) / one(later, rows, day=day(offset)) for offset in (0, -1, -4)
        }

    assert 0.30 < share[0] < 0.50
    assert 0.85 < share[-1] < 0.96
    assert share[-4] == 1


def test_a_few_originals_arrive_one_to_three_days_late(account):
    late = {
        row["late"]: row["n"]
        for row in account.fetch(
            "select datediff(u.ingestion_date, u.usage_date) as late, count(*) as n from system.billing.usage as u "
            "where u.record_type = 'ORIGINAL' and u.usage_date < :until group by 1",
            {"until": day(-5)},
        )
        .read_all()
        .to_pylist()
    }

    assert set(late) == {0, 1, 2, 3}
    assert late[0] > late[1] > late[2] > late[3] > 0


# The ledger


def test_a_retraction_is_its_original_with_the_sign_turned_and_comes_days_later(account):
    columns = [
        name
        for (name,) in account._connection.execute(
            "select column_name from duckdb_columns() where table_name = 'usage' and database_name = $catalog",
            {"catalog": CATALOG},
        ).fetchall()
        if name not in ("usage_quantity", "record_type", "ingestion_date")
    ]
    matched = " and ".join(f"o.{name} is not distinct from r.{name}" for name in columns)
    retractions, unmatched, soonest, latest = account._connection.execute(
        f"""
        select count(*), count(*) filter (where o.record_id is null or o.usage_quantity <> -r.usage_quantity),
            min(r.ingestion_date - r.usage_date), max(r.ingestion_date - r.usage_date)
        from {CATALOG}.billing.usage as r
        left join {CATALOG}.billing.usage as o on o.record_type = 'ORIGINAL' and {matched}
        where r.record_type = 'RETRACTION'
        """
    ).fetchone()

    assert retractions > 30
    assert unmatched == 0
    assert 5 <= soonest < latest <= 12


def test_most_retractions_are_followed_by_a_restatement_and_some_move_the_cost(account):
    counts = account._connection.execute(
        f"""
        select count(*), count(n.record_id),
            count(*) filter (where n.sku_name <> r.sku_name),
            count(*) filter (where n.custom_tags is distinct from r.custom_tags),
            count(*) filter (where n.usage_quantity <> -r.usage_quantity)
        from {CATALOG}.billing.usage as r
        left join {CATALOG}.billing.usage as n
            on n.record_type = 'RESTATEMENT' and n.usage_start_time = r.usage_start_time
            and n.usage_metadata = r.usage_metadata and n.workspace_id = r.workspace_id
            and n.identity_metadata = r.identity_metadata and n.ingestion_date = r.ingestion_date
        where r.record_type = 'RETRACTION'
        """
    ).fetchone()
    retracted, restated, other_sku, other_tags, other_quantity = counts

    assert 0.6 * retracted < restated < retracted
    assert min(other_sku, other_tags, other_quantity) > 0


def test_record_id_and_record_type_identify_a_row(account):
    assert one(
        account, "select count(distinct u.record_id, u.record_type) = count(*) as ok from system.billing.usage as u"
    )


def test_no_net_quantity_is_negative(account):
    worst = one(
        account,
        "select min(n.q) as worst from (select sum(u.usage_quantity) as q from system.billing.usage as u "
        "group by u.usage_start_time, u.workspace_id, u.usage_metadata, u.billing_origin_product, u.usage_unit) as n",
    )

    assert worst >= 0


def test_quantities_carry_fractions_of_an_hour_to_eighteen_digits(account):
    longest = one(
        account,
        "select count(*) as n from system.billing.usage as u where cast(u.usage_quantity as string) like '%3333'",
    )

    assert longest > 100


def test_tags_cover_about_seventy_percent_of_the_spend(account):
    share = account._connection.execute(
        f"""
        select sum(u.usage_quantity::double * p.pricing.effective_list."default"::double)
                filter (where cardinality(u.custom_tags) > 0)
            / sum(u.usage_quantity::double * p.pricing.effective_list."default"::double)
        from {CATALOG}.billing.usage as u
        join {CATALOG}.billing.list_prices as p using (sku_name, cloud, usage_unit)
        where p.price_end_time is null
        """
    ).fetchone()[0]

    assert 0.6 < share < 0.85


def test_a_month_costs_between_400_thousand_and_a_million_dollars_at_list_price():
    for seed in (7, 8, 9):
        with DemoAccount(end_date=END, days=34, seed=seed) as account:
            month = account._connection.execute(
                f"""
                select sum(u.usage_quantity::double * p.pricing.effective_list."default"::double)
                from {CATALOG}.billing.usage as u
                join {CATALOG}.billing.list_prices as p using (sku_name, cloud, usage_unit)
                where p.price_end_time is null and u.usage_date between $first and $last
                """,
                {"first": day(-33), "last": day(-4)},
            ).fetchone()[0]
        assert 400_000 < month < 1_000_000


def test_the_account_has_the_breadth_of_a_real_one(account):
    found = (
        account.fetch(
            "select count(distinct u.workspace_id) as workspaces, count(distinct u.cloud) as clouds, "
            "count(distinct u.sku_name) as skus, count(distinct u.usage_unit) as units, "
            "count_if(u.workspace_id is null) as account_level, "
            "count_if(u.custom_tags is null) as no_tags, count_if(cardinality(u.custom_tags) = 0) as empty_tags, "
            "count(distinct u.billing_origin_product) as products, "
            "count_if(u.identity_metadata.run_as is not null) as run_as, "
            "count_if(u.identity_metadata.owned_by is not null) as owned_by, "
            "count_if(u.identity_metadata.created_by is not null) as created_by "
            "from system.billing.usage as u"
        )
        .read_all()
        .to_pylist()[0]
    )

    assert (found["workspaces"], found["clouds"]) == (6, 2)
    assert 38 <= found["skus"] <= 55
    assert found["units"] == 4
    assert found["products"] >= 12
    assert min(found.values()) > 0


def test_every_sku_but_one_has_exactly_one_price_at_any_time(account):
    rows = account._connection.execute(
        f"""
        select u.record_id, u.record_type, any_value(u.sku_name), count(p.sku_name)
        from {CATALOG}.billing.usage as u
        left join {CATALOG}.billing.list_prices as p
            on p.sku_name = u.sku_name and p.cloud = u.cloud and p.usage_unit = u.usage_unit
            and u.usage_start_time >= p.price_start_time
            and (p.price_end_time is null or u.usage_start_time < p.price_end_time)
        group by all having count(p.sku_name) <> 1
        """
    ).fetchall()

    assert {(sku, prices) for _, _, sku, prices in rows} == {
        (fact.subject, 0) for fact in FACTS if fact.kind == "no price"
    }


# The port


def test_the_demo_account_is_a_source(account):
    source: Source = account

    assert source.name == "demo account"


def test_a_result_streams_in_batches_while_other_statements_run(account):
    reader = account.fetch("select u.record_id from system.billing.usage as u")
    first = reader.read_next_batch()
    meanwhile = one(account, "select count(*) as n from system.billing.usage")

    assert 0 < first.num_rows <= 50_000
    assert first.num_rows + sum(batch.num_rows for batch in reader) == meanwhile


def test_an_empty_result_keeps_its_schema(account):
    reader = account.fetch(
        "select u.usage_date, u.usage_quantity, u.custom_tags, u.usage_start_time, count(*) as n, sum(1) as s "
        "from system.billing.usage as u where u.usage_date = :day group by 1, 2, 3, 4",
        {"day": date(2001, 1, 1)},
    )

    assert [str(kind) for kind in reader.schema.types] == [
        "date32[day]", "decimal128(38, 18)", "map<string, string>", "timestamp[us, tz=UTC]", "int64", "int64",
    ]  # fmt: skip
    assert reader.read_all().num_rows == 0


def test_integer_sums_are_bigint_and_names_survive_whatever_they_hold(account):
    table = account.fetch(
        'select sum(1) as `a "b" c`, count_if(true) as a from system.access.workspaces_latest'
    ).read_all()

    assert table.schema == pa.schema([('a "b" c', pa.int64()), ("a", pa.int64())])
    assert table.to_pylist() == [{'a "b" c': 6, "a": 6}]


def test_a_missing_table_is_forbidden_and_bad_sql_is_a_sql_error(account):
    with pytest.raises(SourceForbidden):
        account.fetch("select 1 from system.access.audit")
    with pytest.raises(SourceSqlError, match="no_such_column"):
        account.fetch("select u.no_such_column from system.billing.usage as u")
    with pytest.raises(SourceSqlError):
        account.fetch("delete from system.billing.usage")


def test_an_error_in_the_middle_of_a_result_is_a_source_error(account):
    reader = account.fetch(
        "select cast(case when u.usage_date = :day then 'x' else '1' end as int) as a from system.billing.usage as u",
        {"day": END},
    )

    with pytest.raises(SourceSqlError, match="'x'"):
        reader.read_all()


def test_a_closed_account_says_so():
    account = DemoAccount(end_date=END, days=1)
    account.close()
    account.close()

    with pytest.raises(SourceUnavailable, match="closed"):
        account.fetch("select 1 as a")


@pytest.mark.parametrize("wrong", [{"days": 0}, {"seed": -1}])
def test_nonsense_arguments_are_refused(wrong):
    with pytest.raises(BadInput):
        DemoAccount(end_date=END, **wrong)


# The file


def test_a_file_is_built_once_and_read_by_several_at_the_same_time(tmp_path):
    path = tmp_path / "it's new" / "demo.duckdb"
    with DemoAccount(end_date=END, days=3, path=path) as first:
        written = path.stat()
        with DemoAccount(end_date=END, days=3, path=path) as second:
            assert ledger(first) == ledger(second)
            program = (
                "import sys; from datetime import date; from pathlib import Path\n"
                "from costpulse_assets.resources.demo_account import DemoAccount\n"
                f"end = date.fromisoformat({END.isoformat()!r})\n"
                "account = DemoAccount(end_date=end, days=3, path=Path(sys.argv[1]))\n"
                "print(account.fetch('select count(*) as n from system.billing.usage').read_all()['n'][0])"
            )
            other = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
        assert int(other.stdout) == ledger(first).total()
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
        assert list(path.parent.iterdir()) == [path]


def test_another_question_makes_the_file_anew_and_leaves_open_readers_alone(tmp_path):
    path = tmp_path / "demo.duckdb"
    newest = "select max(u.usage_date) as d from system.billing.usage as u"
    with DemoAccount(end_date=END, days=3, path=path, as_of=day(-1)) as earlier:
        with DemoAccount(end_date=END, days=3, path=path) as later:
            assert (one(earlier, newest), one(later, newest)) == (day(-1), END)
        assert list(tmp_path.iterdir()) == [path]


def test_a_file_holds_what_memory_holds(tmp_path):
    with (
        DemoAccount(end_date=END, days=3, path=tmp_path / "demo.duckdb") as kept,
        DemoAccount(end_date=END, days=3) as fleeting,
    ):
        assert ledger(kept) == ledger(fleeting)


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"x" * 100_000])
def test_a_damaged_file_is_replaced(tmp_path, content):
    path = tmp_path / "demo.duckdb"
    path.write_bytes(content)

    with DemoAccount(end_date=END, days=1, path=path) as account:
        assert one(account, "select count(*) as n from system.billing.usage") > 100


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(SourceError, match=r"file/demo\.duckdb") as refused:
        DemoAccount(end_date=END, days=1, path=tmp_path / "file" / "demo.duckdb")
    assert "data directory" in refused.value.next_step


# What is planted: read by plain SQL, without the port


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """An account with every planted day, opened as any DuckDB file; `named` is usage with the workload's name."""
    path = tmp_path_factory.mktemp("planted") / "demo.duckdb"
    DemoAccount(end_date=END, days=150, path=path).close()
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            """
            create temp view named as
            select
                coalesce(
                    c.cluster_name, w.warehouse_name, j.name, p.name, u.usage_metadata.endpoint_name, s.workspace_name
                ) as subject,
                s.workspace_name,
                u.*
            from billing.usage as u
            left join access.workspaces_latest as s using (workspace_id)
            left join (
                from compute.clusters where cluster_source = 'UI'
                qualify row_number() over (partition by workspace_id, cluster_id order by change_time desc) = 1
            ) as c on c.workspace_id = u.workspace_id and c.cluster_id = u.usage_metadata.cluster_id
            left join compute.warehouses as w
                on w.workspace_id = u.workspace_id and w.warehouse_id = u.usage_metadata.warehouse_id
            left join (
                from lakeflow.jobs
                qualify row_number() over (partition by workspace_id, job_id order by change_time desc) = 1
            ) as j on j.workspace_id = u.workspace_id and j.job_id = u.usage_metadata.job_id
            left join (
                from lakeflow.pipelines
                qualify row_number() over (partition by workspace_id, pipeline_id order by change_time desc) = 1
            ) as p on p.workspace_id = u.workspace_id and p.pipeline_id = u.usage_metadata.dlt_pipeline_id
            """
        )
        yield connection


def ask(connection, statement, **parameters):
    rows = connection.execute(statement, parameters).fetchall()
    assert len(rows) == 1, rows
    return rows[0]


def daily_mean(connection, subject, first, last, condition="true"):
    """Mean quantity per day that has any, over days counted from the end date."""
    (mean,) = ask(
        connection,
        f"""
        select avg(q)::double from (
            select sum(usage_quantity) as q from named
            where subject = $subject and usage_date between $first and $last and {condition}
            group by usage_date
        )
        """,
        subject=subject,
        first=day(first),
        last=day(last),
    )
    return mean


def spike(connection, fact):
    for offset in range(fact.first_day, fact.last_day + 1):
        others = [daily_mean(connection, fact.subject, offset + week, offset + week) for week in (-21, -14, -7, 7)]
        ratio = daily_mean(connection, fact.subject, offset, offset) / (sum(others) / len(others))
        assert fact.size * 0.6 < ratio < fact.size * 1.6


def outage(connection, fact):
    def dbus(offset, sign):
        return ask(
            connection,
            f"select sum(usage_quantity)::double from named where usage_unit = 'DBU' and usage_date = $day "
            f"and workspace_name {sign} $subject",
            day=day(offset),
            subject=fact.subject,
        )[0]

    assert dbus(fact.first_day, "=") < 0.45 * dbus(fact.first_day - 7, "=")
    assert dbus(fact.first_day, "<>") > 0.85 * dbus(fact.first_day - 7, "<>")


def leak(connection, fact):
    before = daily_mean(connection, fact.subject, fact.first_day - 14, fact.first_day - 1)
    newest = daily_mean(connection, fact.subject, -9, -5)
    expected = (1 + fact.size) ** (-7 - fact.first_day)
    assert 0.85 * expected < newest / before < 1.15 * expected


def level_shift(connection, fact):
    before = daily_mean(connection, fact.subject, fact.first_day - 14, fact.first_day - 1)
    after = daily_mean(connection, fact.subject, fact.first_day, fact.first_day + 13)
    newest = daily_mean(connection, fact.subject, -16, -3)
    assert 0.85 * fact.size < after / before < 1.15 * fact.size
    assert 0.8 * fact.size < newest / before < 1.25 * fact.size


def new_workload(connection, fact):
    assert ask(connection, "select min(usage_date) from named where subject = $s", s=fact.subject) == (
        day(fact.first_day),
    )


def idle(connection, fact):
    levels, hours, days_a_week = ask(
        connection,
        """
        select
            count(distinct usage_quantity),
            count(distinct hour(usage_start_time)),
            count(distinct dayofweek(usage_date))
        from named where subject = $s and record_type = 'ORIGINAL'
        """,
        s=fact.subject,
    )
    assert (levels, hours, days_a_week) == (1, 24, 7)


def over_provisioned(connection, fact):
    workers, levels = ask(
        connection,
        """
        select any_value(c.worker_count), count(distinct u.usage_quantity)
        from named as u join compute.clusters as c on c.cluster_name = u.subject
        where u.subject = $s and u.record_type = 'ORIGINAL'
        """,
        s=fact.subject,
    )
    assert (workers, levels) == (16, 1)


def no_auto_termination(connection, fact):
    minutes, source, last = ask(
        connection,
        """
        select any_value(c.auto_termination_minutes), any_value(c.cluster_source), max(u.usage_date)
        from named as u join compute.clusters as c on c.cluster_name = u.subject where u.subject = $s
        """,
        s=fact.subject,
    )
    assert (minutes, source, last) == (0, "UI", END)
    others = ask(
        connection,
        """
        select count(*) from compute.clusters
        where coalesce(auto_termination_minutes, 0) = 0 and cluster_source = 'UI'
        """,
    )
    assert others == (1,)


def on_all_purpose(connection, fact):
    assert ask(connection, "select count(*) from lakeflow.jobs where name = $s", s=fact.subject) == (1,)
    assert ask(connection, "select count(*) from named where subject = $s", s=fact.subject) == (0,)
    hours = ask(
        connection,
        """
        select count(distinct hour(usage_start_time)) from named
        where subject = 'orders-interactive' and billing_origin_product = 'ALL_PURPOSE'
        """,
    )
    assert hours == (20,)


def oversized(connection, fact):
    size, hours_a_day = ask(
        connection,
        """
        select any_value(w.warehouse_size), count(distinct u.usage_start_time) / count(distinct u.usage_date)
        from named as u join compute.warehouses as w on w.warehouse_name = u.subject where u.subject = $s
        """,
        s=fact.subject,
    )
    assert size == "2X_LARGE"
    assert hours_a_day <= 6


def untagged(connection, fact):
    rows, tagged = ask(
        connection,
        """
        select count(*), count(*) filter (where cardinality(custom_tags) > 0 and record_type <> 'RESTATEMENT')
        from named where subject = $s
        """,
        s=fact.subject,
    )
    assert rows > 500
    assert tagged == 0


def hostile(connection, fact):
    places = ask(
        connection,
        """
        select
            (select count(*) from named where list_contains(map_values(custom_tags), $s))
            + (select count(*) from named where subject = $s)
            + (select count(*) from named where identity_metadata.run_as = $s or identity_metadata.owned_by = $s)
        """,
        s=fact.subject,
    )[0]
    assert places > 100


def price_change(connection, fact):
    old, new = connection.execute(
        """
        select pricing."default", price_start_time, price_end_time from billing.list_prices
        where sku_name = $s order by price_start_time
        """,
        {"s": fact.subject},
    ).fetchall()
    assert new[0] == Decimal(str(fact.size)) > old[0]
    assert old[2] == new[1]
    assert new[2] is None
    assert abs((new[1].date() - day(fact.first_day)).days) <= 1
    straddling = ask(
        connection,
        "select count(*) from named where sku_name = $s and usage_start_time < $t and usage_end_time > $t",
        s=fact.subject,
        t=new[1],
    )[0]
    if fact.subject == STRADDLED_SKU:
        assert (new[1].hour, new[1].minute, new[1].second) == (23, 59, 59)
    else:
        assert straddling == 0


def late_price(connection, fact):
    first, price_start = ask(
        connection,
        """
        select min(u.usage_start_time), min(p.price_start_time)
        from billing.usage as u join billing.list_prices as p using (sku_name) where u.sku_name = $s
        """,
        s=fact.subject,
    )
    assert first == price_start
    assert first.date() == day(fact.first_day)
    assert fact.arrives - fact.first_day == 3
    count = "select count(*) as n from system.billing.{} as t where t.sku_name = :sku"
    with DemoAccount(end_date=END, days=8, as_of=day(fact.arrives - 1)) as before:
        assert one(before, count.format("usage"), sku=fact.subject) > 0
        assert one(before, count.format("list_prices"), sku=fact.subject) == 0
    with DemoAccount(end_date=END, days=8, as_of=day(fact.arrives)) as after:
        assert one(after, count.format("list_prices"), sku=fact.subject) == 1


def no_price(connection, fact):
    assert ask(connection, "select count(*) > 0 from billing.usage where sku_name = $s", s=fact.subject) == (True,)
    assert ask(connection, "select count(*) from billing.list_prices where sku_name = $s", s=fact.subject) == (0,)


def exact_price(connection, fact):
    used, price = ask(
        connection,
        """
        select (select count(*) from billing.usage where sku_name = $s), pricing.effective_list."default"
        from billing.list_prices where sku_name = $s
        """,
        s=fact.subject,
    )
    assert used > 100
    assert price == Decimal(str(fact.size))


def promotional(connection, fact):
    exact_price(connection, fact)
    default, promotion = ask(
        connection,
        'select pricing."default", pricing.promotional."default" from billing.list_prices where sku_name = $s',
        s=fact.subject,
    )
    assert promotion == Decimal(str(fact.size)) < default


def correction(connection, fact):
    original, retracted, restated, arrivals, tags_moved = ask(
        connection,
        """
        select
            sum(usage_quantity) filter (where record_type = 'ORIGINAL'),
            sum(usage_quantity) filter (where record_type = 'RETRACTION'),
            coalesce(sum(usage_quantity) filter (where record_type = 'RESTATEMENT'), 0),
            list(distinct ingestion_date) filter (where record_type <> 'ORIGINAL'),
            bool_and(custom_tags['cost_center'] = 'cc-9090') filter (where record_type = 'RESTATEMENT')
        from named where subject = $s and usage_date = $day
        """,
        s=fact.subject,
        day=day(fact.first_day),
    )
    assert retracted == -original
    assert arrivals == [day(fact.arrives)]
    if fact.kind == "retraction":
        assert restated == 0
    else:
        assert float(restated / original) == pytest.approx(fact.size, rel=1e-6)
        assert tags_moved


CHECKS = {
    "spike": spike,
    "outage": outage,
    "leak": leak,
    "level shift": level_shift,
    "new workload": new_workload,
    "idle cluster": idle,
    "over-provisioned cluster": over_provisioned,
    "cluster without auto-termination": no_auto_termination,
    "job on all-purpose compute": on_all_purpose,
    "oversized warehouse": oversized,
    "untagged spend": untagged,
    "hostile name": hostile,
    "price change": price_change,
    "late price": late_price,
    "no price": no_price,
    "free usage": exact_price,
    "tiny rate": exact_price,
    "promotional price": promotional,
    "restatement": correction,
    "retraction": correction,
}


#: The facts that the bill shows; the tests in demo_telemetry find all others.
IN_THE_BILL = [fact for fact in FACTS if fact.kind in CHECKS]


@pytest.mark.parametrize("fact", IN_THE_BILL, ids=lambda fact: f"{fact.kind}-{FACTS.index(fact)}")
def test_a_planted_fact_is_in_the_data(planted, fact: Fact):
    CHECKS[fact.kind](planted, fact)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact.kind}-{FACTS.index(fact)}")
def test_a_planted_fact_is_in_the_documentation_with_its_days(fact: Fact):
    name = "`" + fact.subject.replace("\n", "\\n") + "`"
    lines = (ROOT / "docs" / "demo-account.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith(f"| {fact.kind} |") and name in line]

    assert len(rows) == 1
    for offset in {fact.first_day, fact.last_day, fact.arrives} - {None}:
        assert f"{offset}" in rows[0].replace("−", "-")


def test_the_odd_tag_holds_what_breaks_naive_writers():
    assert {"'", '"', "\n", "&"} < set(ODD_TAG)
    assert max(map(ord, ODD_TAG)) > 0xFFFF
