"""Hashed identities: who is told apart from whom, and that nothing in clear is left anywhere."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from costpulse_assets.errors import BadInput
from costpulse_assets.identities import Identities, expect_same_protection
from costpulse_assets.resources.database import Database
from costpulse_assets.resources.demo_account import DemoAccount
from costpulse_assets.resources.demo_account.model import PEOPLE, SERVICE_PRINCIPALS
from tests.conftest import database as new_database
from tests.dagster_instance import ephemeral_instance
from tests.pipeline import Pipeline, pretend_today
from tests.small_account import MONDAY, PRICES, SmallAccount

KEY = SecretStr("a key of this test, long enough")
HASHED = Identities(KEY)
HASH = r"[0-9a-f]{24}"


def protected(*values: str | None, identities: Identities = HASHED) -> list[str | None]:
    batch = pa.RecordBatch.from_pydict({"user": pa.array(values, pa.string())})
    return list(identities.protect(batch, ["user"]).column("user").to_pylist())


def protected_tags(tags: dict[str, str | None]) -> dict[str, str | None]:
    batch = pa.RecordBatch.from_pydict({"tags": pa.array([json.dumps(tags)], pa.string())})
    return dict(json.loads(HASHED.protect(batch, []).column("tags")[0].as_py()))


def test_an_address_becomes_a_hash_and_keeps_its_domain() -> None:
    (hashed,) = protected("nina.kowalska@northwind.example")
    assert hashed is not None
    assert re.fullmatch(HASH + "@northwind.example", hashed)


def test_other_identities_become_the_hash_alone() -> None:
    for hashed in protected(SERVICE_PRINCIPALS[0], "data engineers"):
        assert re.fullmatch(HASH, hashed or "")


def test_null_and_blanks_name_nobody() -> None:
    assert protected(None, "", "  ") == [None, "", ""]


@pytest.mark.parametrize("no_address", ["@northwind.example", "nina@", "@", "a b@northwind.example", "a@b@c"])
def test_what_is_no_address_shows_nothing_of_itself(no_address: str) -> None:
    (hashed,) = protected(no_address)
    assert re.fullmatch(HASH, hashed or "")


def test_a_person_is_one_person_whatever_the_case_and_blanks_of_the_address() -> None:
    spellings = protected(
        "Nina.Kowalska@Northwind.example", " nina.kowalska@northwind.example ", "NINA.KOWALSKA@NORTHWIND.EXAMPLE"
    )
    assert len(set(spellings)) == 1
    assert HASHED.protect_text("Nina.Kowalska@northwind.example\n") == spellings[0]
    upper, lower = protected("Data Engineers", "data engineers")
    assert upper != lower


def test_people_who_differ_in_anything_else_are_told_apart() -> None:
    people = [*PEOPLE, "zoe.brandt@northwind.example", "jonas.weber@other.example", *SERVICE_PRINCIPALS]
    assert len(set(protected(*people))) == len(people)


def test_another_key_gives_other_hashes_and_another_fingerprint() -> None:
    other = Identities(SecretStr("another key, as long as that"))
    assert protected(PEOPLE[1]) != protected(PEOPLE[1], identities=other)
    assert HASHED.fingerprint != other.fingerprint
    assert HASHED.fingerprint == Identities(KEY).fingerprint


def test_in_clear_nothing_is_touched() -> None:
    clear = Identities(None)
    batch = pa.RecordBatch.from_pydict({"user": ["Nina@Example.com"], "tags": ['{"owner": "nina@example.com"}']})
    assert clear.protect(batch, ["user"]) is batch
    assert clear.protect_keys(batch, "user") is batch
    assert clear.protect_text(" Nina@Example.com ") == " Nina@Example.com "
    assert clear.fingerprint is None


def test_a_tag_value_that_is_an_address_is_hashed_like_the_person_and_no_other_tag_is_changed() -> None:
    tags = {
        "owner": "Nina.Kowalska@northwind.example",
        "note": "ask nina@x.example",
        "nina@x.example": "é",
        "none": None,
    }
    assert protected_tags(tags) == {**tags, "owner": protected("nina.kowalska@northwind.example")[0]}


@given(st.dictionaries(st.text(), st.none() | st.text()))
def test_tags_without_addresses_come_out_as_they_went_in(tags: dict[str, str | None]) -> None:
    safe = {name: value if value is None else value.replace("@", "") for name, value in tags.items()}
    assert protected_tags(safe) == safe


def test_a_key_of_the_source_cannot_be_recognised() -> None:
    key_id = "0123456789abcdef" * 2
    batch = pa.RecordBatch.from_pydict({"key_id": [key_id, key_id, "f" * 32]})
    first, again, other = HASHED.protect_keys(batch, "key_id").column("key_id").to_pylist()
    assert first == again != other
    assert first != key_id
    assert re.fullmatch("[0-9a-f]{32}", first)


def test_everybody_of_a_domain_is_the_only_pattern_over_hashes() -> None:
    assert HASHED.protect_text("*@Northwind.example") == "*@northwind.example"
    for pattern in ("nina.*@northwind.example", "*", "*@*.example"):
        with pytest.raises(BadInput, match="cannot match anybody"):
            HASHED.protect_text(pattern)


# A database holds identities of one kind only.


@pytest.fixture
def database(database_url: str) -> Database:
    return Database(database_url)


def collect(database: Database, identities: Identities) -> None:
    from costpulse_assets.collectors.cost_records import collect as collect_records

    expect_same_protection(database, identities)
    with SmallAccount() as account:
        account.add_price("0.15")
        account.add_usage("1", run_as=PEOPLE[10])
        account.add_usage("2", run_as=PEOPLE[10].lower(), tags={"contact": PEOPLE[3]})
        account.add_usage(None, run_as=PEOPLE[2])
        collect_records(database, account, [MONDAY], prices=PRICES, chunk_days=31, identities=identities)


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [
        (Identities(None), HASHED, "already holds clear identities"),
        (HASHED, Identities(None), "already holds hashed identities"),
        (HASHED, Identities(SecretStr("another key, as long as that")), "hashed with another key"),
    ],
)
def test_identities_of_another_kind_are_refused_with_a_way_out(database, first, then, says):
    collect(database, first)
    expect_same_protection(database, first)
    with pytest.raises(BadInput, match=says) as refused:
        expect_same_protection(database, then)
    assert "--data-dir" in refused.value.next_step
    expect_same_protection(database, first)


def test_as_long_as_nothing_is_stored_the_choice_is_free(database):
    for identities in (Identities(None), HASHED, Identities(None), HASHED):
        expect_same_protection(database, identities)
    collect(database, HASHED)


def test_data_from_before_there_was_a_choice_is_in_clear(database):
    from tests.small_account import collect_days

    with SmallAccount() as account:
        account.add_usage("1")
        collect_days(database, account)
    with pytest.raises(BadInput, match="already holds clear identities"):
        expect_same_protection(database, HASHED)
    expect_same_protection(database, Identities(None))


def test_a_person_spelled_in_two_ways_has_one_hash_and_refused_rows_show_nobody(database):
    collect(database, HASHED)
    with database.transaction() as connection:
        users = connection.execute("select distinct user_email from costpulse.cost_records").fetchall()
        (refused,) = connection.execute("select row_content from costpulse.rejected_rows").fetchall()
        (tagged,) = connection.execute("select tags from costpulse.cost_keys where tags <> '{}'").fetchall()
    assert users == [{"user_email": HASHED.protect_text(PEOPLE[10])}]
    assert refused["row_content"]["user_email"] == HASHED.protect_text(PEOPLE[2])
    assert tagged["tags"] == {"contact": HASHED.protect_text(PEOPLE[3])}


# The demo account, collected in clear and hashed.

END = date(2026, 11, 20)
FIRST = END - timedelta(days=5)
KNOWN = (*PEOPLE, *SERVICE_PRINCIPALS)
MUST_NAME_SOMEBODY = {
    ("cost_keys", "user_email"),
    ("cost_records", "user_email"),
    ("clusters", "owner"),
    ("jobs", "owner"),
    ("query_activity", "executed_by"),
    ("users", "identity"),
    ("warehouses", "owner"),
}


@pytest.fixture(scope="module")
def both(postgres_server: str, migrated_template: str) -> Iterator[tuple[Pipeline, Pipeline]]:
    """The pipeline in clear and hashed, each with a database of its own, after one run of everything."""
    with (
        DemoAccount(days=(END - FIRST).days + 1, end_date=END) as account,
        new_database(postgres_server, template=migrated_template) as clear_url,
        new_database(postgres_server, template=migrated_template) as hashed_url,
        ephemeral_instance() as instance,
    ):
        clear = Pipeline(Database(clear_url), account, pretend_today(END), instance)
        hashed = Pipeline(
            Database(hashed_url), account, pretend_today(END, hash_identities=True, identity_key=KEY), instance
        )
        for pipeline in (clear, hashed):
            result = pipeline.run(FIRST, END)
            assert result.success
        yield clear, hashed


def tables(pipeline: Pipeline, kind: str) -> list[tuple[str, str]]:
    """(table, column) of each column of a type in the schema."""
    return [
        (row["table_name"], row["column_name"])
        for row in pipeline.query(
            "select c.table_name, c.column_name from information_schema.columns as c"
            " inner join information_schema.tables as t using (table_schema, table_name)"
            " where c.table_schema = 'costpulse' and t.table_type = 'BASE TABLE' and c.data_type = %s",
            kind,
        )
    ]


def rows_that_name_somebody(pipeline: Pipeline) -> dict[str, int]:
    """Tables with rows in which the part of an address before the @, or a principal's id, stands anywhere."""
    patterns = [f"%{identity.partition('@')[0]}%" for identity in KNOWN]
    found = {}
    for table in sorted({table for kind in ("text", "jsonb", "date") for table, _ in tables(pipeline, kind)}):
        (row,) = pipeline.query(
            f"select count(*) as n from costpulse.{table} as t where t::text ilike any(%s)", patterns
        )
        if row["n"]:
            found[table] = row["n"]
    return found


def identities_in(pipeline: Pipeline, table: str, column: str, wanted: tuple[str, ...]) -> set[str]:
    return {
        row["value"]
        for row in pipeline.query(
            f'select distinct "{column}" as value from costpulse.{table} where "{column}" = any(%s)', list(wanted)
        )
    }


def test_nobody_is_named_in_any_column_of_any_table(both):
    clear, hashed = both
    assert {table for table, _ in MUST_NAME_SOMEBODY} <= set(rows_that_name_somebody(clear))
    assert rows_that_name_somebody(hashed) == {}


def test_a_person_has_the_same_hash_in_every_table(both):
    clear, hashed = both
    hashes = tuple(HASHED.protect_text(identity) for identity in KNOWN)
    named = set()
    for table, column in tables(clear, "text"):
        identities = identities_in(clear, table, column, KNOWN)
        expected = {HASHED.protect_text(identity) for identity in identities}
        assert identities_in(hashed, table, column, hashes) == expected, (table, column)
        if identities:
            named.add((table, column))
    assert named >= MUST_NAME_SOMEBODY


@pytest.mark.parametrize(
    ("table", "identity", "measures"),
    [
        ("cost_records", "user_email", "sum(cost_usd), sum(usage_quantity), sum(record_count)"),
        ("query_activity", "executed_by", "sum(executions), sum(execution_ms)"),
        ("users", "identity", "max(cost_usd_90_days), max(cost_usd_30_days), max(executions_30_days), max(sources)"),
        ("member_suggestions", "identity", "max(team_name), max(share), max(cost_usd)"),
    ],
)
def test_everybody_has_the_same_totals_as_in_clear(both, table, identity, measures):
    clear, hashed = both
    statement = f"select {identity} as who, ({measures})::text as totals from costpulse.{table} group by {identity}"
    expected = {row["who"] and HASHED.protect_text(row["who"]): row["totals"] for row in clear.query(statement)}
    assert len(expected) > 1
    assert {row["who"]: row["totals"] for row in hashed.query(statement)} == expected


def test_keys_are_as_many_as_in_clear_and_all_others(both):
    of_clear, of_hashed = (
        {row["key_id"] for row in pipeline.query("select key_id from costpulse.cost_keys")} for pipeline in both
    )
    assert len(of_clear) == len(of_hashed)
    assert not of_clear & of_hashed
