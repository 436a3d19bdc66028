"""Every entry of the allow-list is equal on Apache Spark and in the demo account: type and value, on nasty data."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from tests.small_account import SmallAccount
from tests.spark.conftest import SparkSource, assert_same, table_of
from tests.spark.test_collect_statements import NASTY
from tests.sql.portable_subset import Entry, allow_list

pytestmark = pytest.mark.spark

SCHEMA = pa.schema(
    {
        "id": pa.int64(),
        "a": pa.string(),
        "b": pa.string(),
        "flag": pa.bool_(),
        "q": pa.decimal128(38, 18),
        "text_rate": pa.string(),
        "m": pa.map_(pa.string(), pa.string()),
        "s": pa.struct({"inner": pa.struct({"rate": pa.decimal128(38, 18)})}),
        "moment": pa.timestamp("us", tz="UTC"),
        "other_moment": pa.timestamp("us", tz="UTC"),
    }
)
RATES = ["0.15", "1e-3", "0.000000000000000001", "-2", "12345678901234567890.123456789012345678", None]


def nasty_rows() -> pa.Table:
    """All pairs of nasty strings, nulls included, with every other column at its edges."""
    names: list[str | None] = [*NASTY, "\x00", None]
    instants = [datetime(2026, 3, 29, 2, tzinfo=UTC) + timedelta(microseconds=n) for n in (-1, 0, 1)]
    rows = []
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            tags = {key: value for key, value in {a: b, b: None, "team": a}.items() if key is not None}
            rate = None if j % 3 == 0 else Decimal(i - j)
            rows.append(
                {
                    "id": i * 100 + j,
                    "a": a,
                    "b": b,
                    "flag": (True, False, None)[(i + j) % 3],
                    "q": None if j % 11 == 0 else Decimal(i * 7 - j * 3) + Decimal("1e-18"),
                    "text_rate": RATES[(i + j) % len(RATES)],
                    "m": None if j % 5 == 0 else list(tags.items()),
                    "s": (None, {"inner": None}, {"inner": {"rate": rate}})[i % 3],
                    "moment": (*instants, None)[i % 4],
                    "other_moment": (*instants, None)[j % 4],
                }
            )
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@pytest.fixture(scope="module")
def account(on_spark: SparkSource) -> Iterator[SmallAccount]:
    rows = nasty_rows()
    on_spark.load("t", rows)
    with SmallAccount() as account:
        account._connection.register("rows", rows)
        account._connection.execute("create table t as from rows")
        yield account


def statement_for(proof: str) -> str:
    tree = sqlglot.parse_one(proof, dialect="databricks")
    aggregates = tree.find(exp.AggFunc) is not None and tree.find(exp.Window) is None
    if aggregates:
        return f"select p.flag, {proof} as v from t as p group by p.flag"
    return f"select p.id, {proof} as v from t as p"


@pytest.mark.parametrize(
    "entry", [entry for entry in allow_list() if entry.proof is not None], ids=lambda entry: entry.name
)
def test_an_allowed_part_gives_the_same_type_and_value_on_both_engines(
    entry: Entry, account: SmallAccount, on_spark: SparkSource
) -> None:
    assert entry.proof is not None
    statement = statement_for(entry.proof)
    assert_same(table_of(account, statement), on_spark.fetch(statement))


@pytest.mark.parametrize(
    "known_difference",
    ["lower(a)", "length(a)", "row_number() over (order by id)", "cast(moment as string)", "count_if(flag)"],
)
def test_what_the_allow_list_warns_of_does_differ(
    known_difference: str, account: SmallAccount, on_spark: SparkSource
) -> None:
    statement = statement_for(known_difference)
    expected, actual = table_of(account, statement), on_spark.fetch(statement)
    with pytest.raises(AssertionError):
        assert_same(expected, actual)
