import hashlib
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import pytest

from costpulse_assets.errors import SourceForbidden, SourceSqlError
from costpulse_assets.resources.demo_account.translate import translate


def run(statement, **parameters):
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(translate(statement, parameters)).fetchone()


def types(statement, **parameters):
    with duckdb.connect() as connection:
        return [str(kind) for kind in connection.sql(translate(statement, parameters)).types]


def test_a_system_table_is_found_under_the_name_of_the_attached_catalog():
    text = translate("select u.sku_name from system.billing.usage as u")

    assert "dbx_system.billing.usage" in text


def test_a_system_table_that_the_account_does_not_have_is_forbidden_and_named():
    with pytest.raises(SourceForbidden, match=r"system\.billing\.account_prices") as refused:
        translate("select 1 from system.billing.account_prices")

    assert "system.billing.list_prices" in refused.value.next_step


def test_a_missing_table_is_seen_inside_a_common_table_expression_too():
    with pytest.raises(SourceForbidden, match=r"system\.access\.audit"):
        translate("with q as (select 1 as a from system.access.audit) select q.a from q")


@pytest.mark.parametrize(
    "statement",
    [
        "select from where",
        "select 1; select 2",
        "drop table system.billing.usage",
        "insert into system.billing.usage select 1",
        "copy t to 'file'",
        "",
    ],
)
def test_whatever_is_not_one_select_is_refused(statement):
    with pytest.raises(SourceSqlError):
        translate(statement)


def test_a_parameter_without_a_value_is_refused_by_its_name():
    with pytest.raises(SourceSqlError, match=":to_date"):
        translate("select :from_date, :to_date", {"from_date": date(2026, 1, 1)})


def test_a_positional_parameter_is_refused():
    with pytest.raises(SourceSqlError, match=":name"):
        translate("select ?", {})


@pytest.mark.parametrize("value", [float("nan"), Decimal("NaN"), b"bytes", [1]])
def test_a_value_without_an_exact_type_is_refused(value):
    with pytest.raises(SourceSqlError, match="cannot be bound"):
        translate("select :a", {"a": value})


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "it's; drop table usage --",
        'back\\slash \\\' and "double"',
        "line\nbreak\tand :other 🚀",
        date(2026, 11, 1),
        datetime(2026, 11, 1, 2, 3, 4, 5, UTC),
        7,
        -(2**40),
        True,
        False,
        None,
        Decimal("1.5"),
        Decimal("-0.000000000000000001"),
        Decimal("1E+3"),
        Decimal(0),
    ],
)
def test_a_bound_value_comes_back_as_it_went_in(value):
    (found,) = run("select :a as a", a=value)

    assert found == value
    assert type(found) is type(value)


def test_a_value_cannot_become_part_of_the_statement():
    assert run("select 1 as a where 'x' = :a", a="x' or '1' = '1") is None


def test_parameters_carry_their_type():
    assert types("select :d, :t, :i, :b, :n", d=date(2026, 1, 1), t=datetime(2026, 1, 1, tzinfo=UTC), i=1,
                 b=2**40, n=Decimal("1.50")) == [
        "DATE", "TIMESTAMP WITH TIME ZONE", "INTEGER", "BIGINT", "DECIMAL(3,2)",
    ]  # fmt: skip


def test_a_time_of_another_zone_is_the_same_instant():
    value = datetime(2026, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    (day,) = run("select cast(:t as date) as d", t=value)

    assert day == date(2026, 10, 31)


def test_a_databricks_timestamp_is_an_instant():
    assert types("select cast('2026-11-01 00:00:00' as timestamp), timestamp '2026-11-01 00:00:00'") == [
        "TIMESTAMP WITH TIME ZONE",
        "TIMESTAMP WITH TIME ZONE",
    ]


def test_equal_tags_give_one_canonical_text_whatever_their_order():
    canonical = "coalesce(to_json(map_from_entries(array_sort(map_entries({})))), '{{}}')"
    first, second, none, empty = (
        canonical.format(tags)
        for tags in (
            "map('b', 'x \"y\"', 'a', cast(null as string))",
            "map('a', cast(null as string), 'b', 'x \"y\"')",
            "cast(null as map<string, string>)",
            "map()",
        )
    )

    assert run(f"select {first}, {second}, {none}, {empty}") == (
        '{"a":null,"b":"x \\"y\\""}',
        '{"a":null,"b":"x \\"y\\""}',
        "{}",
        "{}",
    )


def test_a_key_is_the_sha256_of_the_json_of_its_columns_with_nulls_kept():
    expected = hashlib.sha256(b'["a",null,"true"]').hexdigest()[:32]

    (found,) = run(
        "select substring(sha2(to_json(array('a', cast(null as string), cast(true as string))), 256), 1, 32)"
    )

    assert found == expected


def test_concat_with_a_null_is_null_as_in_spark():
    assert run("select concat('a', cast(null as string)) as a, concat('a', 'b') as b") == (None, "ab")


AT = "timestamp '2026-11-01 03:14:15.7'"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # Spark drops fractions of a unit; DuckDB would round.
        (f"unix_timestamp({AT})", 1793502855),
        (f"unix_seconds({AT})", 1793502855),
        ("unix_millis(timestamp '2026-11-01 03:14:15.0019')", 1793502855001),
        ("unix_seconds(timestamp_seconds(1793502855))", 1793502855),
        ("unix_millis(timestamp_millis(1793502855700))", 1793502855700),
        ("unix_micros(timestamp_micros(1793502855700001))", 1793502855700001),
        (f"timestamp_millis(1793502855700) = {AT}", True),
        # Spark counts units that have passed; DuckDB would count full minutes of the clock.
        ("timestampdiff(minute, timestamp '2026-11-01 00:00:59', timestamp '2026-11-01 00:02:01')", 1),
        ("timestampdiff(SECOND, timestamp '2026-11-01 00:00:02.1', timestamp '2026-11-01 00:00:00.9')", -1),
        ("datediff(HOUR, timestamp '2026-11-01 00:59:00', timestamp '2026-11-01 02:01:00')", 1),
        ("datediff(date '2026-11-03', date '2026-11-01')", 2),
        ("from_unixtime(1793502855)", "2026-11-01 03:14:15"),
        (f"date_trunc('HOUR', {AT}) = timestamp '2026-11-01 03:00:00'", True),
        (f"date_trunc('MINUTE', {AT}) + interval 1 minute = timestamp '2026-11-01 03:15:00'", True),
        (f"hour({AT})", 3),
        # A histogram of percentages in bins of five: 100 belongs to the last bin.
        ("least(19, cast(floor(cast(100.0 as double) / 5) as bigint))", 19),
        ("least(19, cast(floor(cast(37.4 as double) / 5) as bigint))", 7),
        ("greatest(1, cast(null as int), 3)", 3),
        ("element_at(array('a', 'b'), 2)", "b"),
        ("try_element_at(array('a', 'b'), 3)", None),
        ("filter(array(1, 2, 3), x -> x > 1)", [2, 3]),
        ("size(filter(array(1, 2, 3), x -> x > 1))", 2),
        ("transform(array(1, 2), x -> x * 10)", [10, 20]),
        ("array_contains(array('a', 'b'), 'b')", True),
        ("element_at(map('app', 'costpulse'), 'app')", "costpulse"),
    ],
)
def test_a_function_gives_what_it_gives_on_spark(expression, value):
    (found,) = run(f"select {expression} as a")

    assert found == value
    assert type(found) is type(value)


def test_hours_between_two_moments_are_exploded_one_a_row():
    assert run(
        "select count(*), min(x.h) = timestamp '2026-11-01 22:00:00', max(x.h) = timestamp '2026-11-02 01:00:00' from ("
        "select explode(sequence(date_trunc('HOUR', timestamp '2026-11-01 22:10:00'), "
        "date_trunc('HOUR', timestamp '2026-11-02 01:50:00'), interval 1 hour)) as h) as x"
    ) == (4, True, True)


def test_an_array_is_exploded_beside_its_row():
    assert run(
        "select sum(x.a * x.b), count(*) from (select t.a, explode(t.l) as b "
        "from (select 10 as a, array(1, 2, 3) as l) as t) as x"
    ) == (60, 3)
