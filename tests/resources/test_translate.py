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
    with pytest.raises(SourceForbidden, match=r"system\.query\.history"):
        translate("with q as (select 1 as a from system.query.history) select q.a from q")


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
