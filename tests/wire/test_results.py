"""Values come through the wire as the engine made them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from costpulse_assets.errors import SourceUnavailable
from costpulse_assets.resources.source import Parameter
from tests.wire.conftest import Serve
from tests.wire.engine import PlainEngine
from tests.wire.faults import forget_operation

EVERY_TYPE = """
    select
      true as yes, 1::tinyint as tiny, 2::smallint as small, 3::int as whole, 4::bigint as big,
      1.5::float as single, 0.1::double as twice, 'Käse, 価格' as words,
      12345678901234567890.123456789012345678::decimal(38, 18) as amount, -0.01::decimal(4, 2) as cents,
      date '2026-11-01' as day, timestamptz '2026-11-01 00:30:00.000001+00' as instant,
      map {'team': 'data', 'cost center': null} as tags, [1, 2, null] as numbers,
      {'name': 'x', 'rate': 0.0000000000714::decimal(38, 18)} as pricing, '\\x00ff'::blob as bytes
    union all
    select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null
"""


@pytest.mark.parametrize("links", [False, True], ids=["inside the reply", "as files"])
@pytest.mark.parametrize("direct", [True, False], ids=["at once", "after polling"])
def test_every_type_and_its_null_arrive_unchanged(serve: Serve, engine: PlainEngine, links: bool, direct: bool) -> None:
    wire = serve(links=links, direct=direct)

    received = wire.warehouse.fetch(EVERY_TYPE).read_all()

    made = engine.fetch(EVERY_TYPE).read_all()
    assert received.schema.types == made.schema.types
    assert received.to_pylist() == made.to_pylist()
    assert received["amount"][0].as_py() == Decimal("12345678901234567890.123456789012345678")
    assert received["pricing"][0].as_py()["rate"] == Decimal("0.000000000071400000")


def test_a_timestamp_is_an_instant_in_utc(serve: Serve) -> None:
    wire = serve()

    received = wire.warehouse.fetch("select timestamptz '2026-11-01 02:30:00+02' as instant").read_all()

    assert received.schema.field("instant").type == pa.timestamp("us", tz="UTC")
    assert received["instant"][0].as_py() == datetime(2026, 11, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("links", [False, True], ids=["inside the reply", "as files"])
def test_an_empty_result_has_its_schema(serve: Serve, links: bool) -> None:
    wire = serve(links=links)

    received = wire.warehouse.fetch("select 1::bigint as n, 1.5::decimal(38, 18) as d where false")

    assert received.schema == pa.schema([("n", pa.int64()), ("d", pa.decimal128(38, 18))])
    assert received.read_all().num_rows == 0


def test_a_million_rows_arrive_bit_identical(serve: Serve, engine: PlainEngine) -> None:
    statement = """
        select i as n, 'sku ' || i % 40 as sku, (i::decimal(38, 18) / 7)::decimal(38, 18) as quantity,
               timestamptz '2026-01-01 00:00:00+00' + to_seconds(i) as instant,
               case when i % 3 = 0 then null else map {'team': i % 11} end as tags
        from range(1000000) as numbers(i)
    """
    wire = serve(limits={"page_rows": 20_000})

    received = wire.warehouse.fetch(statement)
    made = engine.fetch(statement)

    rows = 0
    expected = pa.Table.from_batches([], made.schema)
    for batch in received:
        while expected.num_rows < batch.num_rows:
            expected = pa.concat_tables([expected, pa.Table.from_batches([made.read_next_batch()])])
        assert pa.Table.from_batches([batch]).equals(expected.slice(0, batch.num_rows))
        expected = expected.slice(batch.num_rows)
        rows += batch.num_rows
    assert rows == 1_000_000
    assert wire.server.calls.count("FetchResults") == 49


def test_pages_are_asked_for_only_when_they_are_read(serve: Serve) -> None:
    wire = serve()

    reader = wire.warehouse.fetch("select i from range(200) as numbers(i)")
    reader.read_next_batch()

    assert wire.server.calls == ["OpenSession", "ExecuteStatement"]
    assert reader.read_all().num_rows == 150
    assert wire.server.calls.count("FetchResults") == 3


def test_a_reader_given_up_halfway_frees_its_result(serve: Serve) -> None:
    wire = serve()

    reader = wire.warehouse.fetch("select i from range(200) as numbers(i)")
    reader.read_next_batch()
    del reader

    assert wire.server.operations == {}
    assert wire.warehouse.fetch("select 1 as n").read_all().to_pylist() == [{"n": 1}]
    assert wire.server.calls.count("OpenSession") == 1


def test_two_results_are_read_in_turns(serve: Serve) -> None:
    wire = serve()

    one = wire.warehouse.fetch("select i from range(120) as numbers(i)")
    two = wire.warehouse.fetch("select i + 1000 as i from range(120) as numbers(i)")
    read = [reader.read_next_batch() for _ in range(2) for reader in (one, two)]

    assert [batch["i"][0].as_py() for batch in read] == [0, 1000, 50, 1050]


def test_a_reader_of_a_lost_connection_does_not_harm_the_next_one(serve: Serve) -> None:
    wire = serve(forget_operation("FetchResults"))
    old, lost = (wire.warehouse.fetch("select i from range(200) as numbers(i)") for _ in range(2))
    with pytest.raises(SourceUnavailable):
        lost.read_all()
    new = wire.warehouse.fetch("select i from range(200) as numbers(i)")

    with pytest.raises(SourceUnavailable, match="closed in the meantime"):
        old.read_all()

    assert new.read_all().num_rows == 200
    assert wire.server.calls.count("OpenSession") == 2


def test_parameters_are_typed_on_the_wire_and_never_in_the_text(serve: Serve) -> None:
    statement = "select :s as s, :i as i, :l as l, :b as b, :d as d, :t as t, :m as m, :n as n"
    values: dict[str, Parameter] = {
        "s": "it's; drop",
        "i": 7,
        "l": 3_000_000_000,
        "b": True,
        "d": date(2026, 11, 1),
        "t": datetime(2026, 11, 1, 2, 3, 4, 5, tzinfo=UTC),
        "m": Decimal("1.50"),
        "n": None,
    }
    wire = serve()

    received = wire.warehouse.fetch(statement, values).read_all()

    assert received.to_pylist() == [values]
    [request] = wire.server.statements
    assert request.statement == statement
    assert [(p.name, p.type, p.value and p.value.stringValue) for p in request.parameters] == [
        ("s", "STRING", "it's; drop"),
        ("i", "INT", "7"),
        ("l", "BIGINT", "3000000000"),
        ("b", "BOOLEAN", "True"),
        ("d", "DATE", "2026-11-01"),
        ("t", "TIMESTAMP", "2026-11-01 02:03:04.000005+00:00"),
        ("m", "DECIMAL(3,2)", "1.50"),
        ("n", "VOID", None),
    ]
