"""Who may read what: tokens that are good, over, revoked, forged; teams that see their own rows and no sum of all."""

import logging
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import streamlit as st
from psycopg.rows import dict_row

from costpulse_assets import api_tokens
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Database
from tests.api.client import Client, forget, new_token
from tests.api.conftest import FIRST, TODAY
from tests.conftest import database

ALL = {"from_": FIRST.isoformat(), "to": TODAY.isoformat()}
ROUTES = (
    "costs",
    "costs/trend",
    "allocations",
    "teams",
    "anomalies",
    "forecasts",
    "budgets",
    "recommendations",
    "clusters",
    "tags/compliance",
    "reports",
    "reports/1/file",
    "status",
)


def rows(url: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


@pytest.fixture(scope="module")
def whole(url: str) -> str:
    return new_token(url, "whole")


@pytest.fixture(scope="module")
def of_data(url: str) -> str:
    """Of Data platform, below which is Streaming."""
    return new_token(url, "of data", teams=["data PLATFORM"])


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch, api: Client) -> Iterator[Client]:
    """The API of an app that others reach."""
    monkeypatch.setenv("COSTPULSE_APP_HOST", "0.0.0.0")
    st.cache_resource.clear()
    yield api
    monkeypatch.undo()
    st.cache_resource.clear()


# --- whether a token is needed


@pytest.mark.parametrize("route", ROUTES)
def test_an_app_that_others_reach_answers_nobody_without_a_token(reachable: Client, whole: str, route: str) -> None:
    refused = reachable.get(f"/api/v1/{route}")
    assert "token" in refused.problem(401)["detail"]
    assert refused.headers["www-authenticate"] == "Bearer"
    assert reachable.get(f"/api/v1/{route}", token=whole).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost:1", "[::1]:8501"])
def test_on_this_computer_no_token_is_needed(api: Client, host: str) -> None:
    assert api.get("/api/v1/status", host=host).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.7:8501", "", "[", "localhost@x"])
def test_a_page_of_the_web_that_gives_this_computer_a_name_of_its_own_reads_nothing(api: Client, host: str) -> None:
    api.get("/api/v1/status", host=host).problem(401)


@pytest.mark.parametrize("host", ["[", "[::", "a:b:c", "\xff"])
def test_a_host_that_is_no_name_is_no_fault(api: Client, whole: str, host: str) -> None:
    assert api.get("/api/v1/costs", token=whole, host=host, limit=1).status == 200


def test_parameters_are_not_looked_at_before_the_token(reachable: Client) -> None:
    reachable.get("/api/v1/costs", limit="many").problem(401)


# --- good and bad tokens


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token + "A",
        lambda token: token[:-1],
        lambda token: token.replace("costpulse_", "costpulse_0", 1),
        lambda token: f"costpulse_{'0' * 12}_{token[-43:]}",
        lambda token: token.upper(),
        lambda token: "x",
        lambda token: "\xff\x00",
    ],
)
def test_a_forged_token_is_refused_also_where_none_is_needed(api: Client, whole: str, forge: Any) -> None:
    api.get("/api/v1/status", token=forge(whole)).problem(401)


def test_a_revoked_token_is_refused_from_the_next_request_on(url: str, api: Client) -> None:
    token = new_token(url, "short lived")
    assert api.get("/api/v1/costs", token=token).status == 200
    with Database(url).transaction() as connection:
        api_tokens.revoke_token(connection, "SHORT lived", actor="ada@example.com")
    api.get("/api/v1/costs", token=token).problem(401)
    assert new_token(url, "short lived") != token  # the name is free again


def test_a_token_is_good_up_to_the_end_of_its_last_day(url: str, api: Client) -> None:
    today = datetime.now(UTC).date()
    token = new_token(url, "until tomorrow", last_day=today + timedelta(days=1))
    last_moment = datetime.combine(today + timedelta(days=2), datetime.min.time(), UTC)
    with patch("costpulse_app.api.access.datetime") as clock:
        clock.now.return_value = last_moment - timedelta(microseconds=1)
        assert api.get("/api/v1/status", token=token).status == 200
        clock.now.return_value = last_moment
        api.get("/api/v1/status", token=token).problem(401)


def test_a_deleted_token_is_gone_with_its_hash(url: str, api: Client) -> None:
    token = new_token(url, "to delete")
    with psycopg.connect(url) as connection:
        connection.execute("delete from costpulse.api_tokens where name = 'to delete'")
    api.get("/api/v1/status", token=token).problem(401)
    assert rows(
        url,
        "select count(*) as n from costpulse.api_token_hashes where token_id not in "
        "(select id from costpulse.api_tokens)",
    ) == [{"n": 0}]


def test_hashes_are_compared_in_constant_time_whether_or_not_there_is_such_a_token(whole: str) -> None:
    now = datetime.now(UTC)
    known = api_tokens.TokenInForce(1, api_tokens._hash(whole), None, "all")
    with patch.object(api_tokens.hmac, "compare_digest", wraps=api_tokens.hmac.compare_digest) as compared:
        assert api_tokens.token_of(whole, {whole.split("_")[1]: known}, now) == known
        assert api_tokens.token_of(whole, {}, now) is None
        assert api_tokens.token_of("anything", {}, now) is None
    assert [len(call.args[0]) == len(call.args[1]) == 32 for call in compared.call_args_list] == [True] * 3


# --- what is kept of a token


def test_only_a_hash_of_a_token_is_kept(url: str, whole: str) -> None:
    for table in ("api_tokens", "api_token_hashes", "audit_log"):
        for row in rows(url, f"select to_jsonb(t)::text as row from costpulse.{table} as t"):
            assert whole[-43:] not in row["row"]


def test_the_audit_log_knows_who_made_and_revoked_a_token_and_not_its_hash(url: str) -> None:
    token = new_token(url, "audited")
    with Database(url).transaction() as connection:
        api_tokens.revoke_token(connection, "audited", actor="grace@example.com")
    logged = rows(
        url,
        "select actor, action, after ->> 'revoked_by' as by, (before || after)::text as row from costpulse.audit_log "
        "where table_name = 'api_tokens' and coalesce(after, before) ->> 'name' = 'audited' order by id",
    )
    assert [(row["actor"], row["action"], row["by"]) for row in logged] == [
        ("ada@example.com", "insert", None),
        ("grace@example.com", "update", "grace@example.com"),
    ]
    digest = api_tokens._hash(token).hex()
    everything = rows(url, "select string_agg(to_jsonb(l)::text, ' ') as log from costpulse.audit_log as l")
    assert digest not in everything[0]["log"]
    assert "token_hash" not in everything[0]["log"]


def test_the_auditor_reads_tokens_but_no_hash(url: str, whole: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("set role costpulse_auditor")
        assert connection.execute("select name from costpulse.api_tokens where name = 'whole'").fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from costpulse.api_token_hashes")


def test_a_viewer_of_some_teams_sees_no_tokens(url: str, whole: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("set role costpulse_app")
        connection.execute("select set_config('costpulse.scope', '1', false)")
        for table in ("api_tokens", "api_token_hashes"):
            assert connection.execute(f"select 1 from costpulse.{table}".encode()).fetchall() == []


def test_the_app_may_neither_make_nor_change_tokens(url: str) -> None:
    for statement in (
        "insert into costpulse.api_tokens (name, prefix, created_by) values ('x', '0123456789ab', 'x')",
        "update costpulse.api_tokens set revoked_at = null",
        "update costpulse.api_token_hashes set token_hash = ''",
        "delete from costpulse.api_tokens",
    ):
        with psycopg.connect(url) as connection:
            connection.execute("set role costpulse_app")
            connection.execute("select set_config('costpulse.scope', 'all', false)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_a_token_says_when_it_was_used_last(url: str, api: Client) -> None:
    token = new_token(url, "in use")
    logged = rows(url, "select count(*) as n from costpulse.audit_log")
    for _ in range(2):
        assert api.get("/api/v1/status", token=token).status == 200
    (row,) = rows(url, "select now() - last_used_at as ago from costpulse.api_tokens where name = 'in use'")
    assert row["ago"] < timedelta(minutes=1)
    assert rows(url, "select count(*) as n from costpulse.audit_log") == logged


def test_no_log_ever_holds_a_token(
    url: str, api: Client, whole: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    api.get("/api/v1/costs", token=whole)
    api.get("/api/v1/costs", token=whole, limit="x")
    refused = api.get("/api/v1/costs", token=whole[:-1] + "!")
    with patch("costpulse_app.api.answers.read_days", side_effect=RuntimeError("a fault")), suppress(RuntimeError):
        api.get("/api/v1/costs", token=whole, order="cost")
    captured = capfd.readouterr()
    for text in (caplog.text, captured.out, captured.err, refused.body.decode()):
        assert whole[-43:-1] not in text


# --- making one


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "x" * 81}, "needs a name"),
        ({"name": "a\x00b"}, "needs a name"),
        ({"name": "whole"}, "called whole already"),
        ({"name": "n", "teams": ["Risc"]}, "Write Risk"),
        ({"name": "n", "teams": ["nobody at all"]}, "no team called nobody"),
        ({"name": "n", "last_day": date(2020, 1, 1)}, "would have expired"),
    ],
)
def test_a_token_that_cannot_be_made_says_why(url: str, whole: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as refused:
        new_token(url, **given)
    assert said in str(refused.value)


def test_a_token_that_is_not_there_cannot_be_revoked(url: str, whole: str) -> None:
    with Database(url).transaction() as connection, pytest.raises(BadInput, match="Write whole if you mean"):
        api_tokens.revoke_token(connection, "whule", actor="ada")


# --- teams


def test_a_token_for_a_team_sees_its_rows_and_those_below_it(api: Client, url: str, of_data: str) -> None:
    (sums,) = rows(url, "select sum(cost_usd) as cost from costpulse.daily_costs where team_id in (1, 3)")
    for by in ("team", "product", "workspace", "sku", "job", "user", "tag:env"):
        found = api.get("/api/v1/costs", token=of_data, by=by, **ALL)
        assert sum(Decimal(row["cost_usd"]) for row in found.data) == sums["cost"], by
        assert Decimal(found.json["total"]["cost_usd"]) == sums["cost"], by
        assert found.json["unpriced"] == []
    steps = api.get("/api/v1/costs/trend", token=of_data, bin="month", by="workspace", **ALL).data
    assert sum(Decimal(row["amount"]) for row in steps) == sums["cost"]
    got = api.get("/api/v1/allocations", token=of_data, **ALL)
    assert {row["team_id"] for row in got.data} == {1, 3}
    assert Decimal(got.json["total"]["cost_usd"]) == sums["cost"]
    assert [row["name"] for row in api.get("/api/v1/teams", token=of_data).data] == ["Data platform", "Streaming"]


def test_a_token_for_a_team_sees_findings_of_its_teams_alone(api: Client, of_data: str) -> None:
    assert {row["scope_id"] for row in api.get("/api/v1/anomalies", token=of_data).data} == {"1"}
    # It is rolled up under what the token may not see.
    assert 2 in {row["id"] for row in api.get("/api/v1/anomalies", token=of_data).data}
    assert {row["team_id"] for row in api.get("/api/v1/recommendations", token=of_data).data} == {1}
    assert api.get("/api/v1/forecasts", token=of_data).data == []
    assert {row["scope_id"] for row in api.get("/api/v1/forecasts", token=of_data, scope_type="team").data} == {"1"}
    assert {row["budget_name"] for row in api.get("/api/v1/budgets", token=of_data).data} == {"Data"}
    (score,) = api.get("/api/v1/tags/compliance", token=of_data, from_="2026-11-01", to="2026-11-22").data
    assert Decimal(score["cost_usd"]) == 2200
    assert [row["name"] for row in api.get("/api/v1/reports", token=of_data).data] == ["Team"]


@pytest.mark.parametrize("by", ["team", "product", "workspace", "sku"])
def test_a_token_for_a_team_cannot_ask_for_another_one(api: Client, of_data: str, by: str) -> None:
    for team in ("2", "~", "0002"):
        found = api.get("/api/v1/costs", token=of_data, by=by, team=team, **ALL)
        assert found.data == []
        assert found.json["total"] == {"cost_usd": None, "list_cost_usd": None, "dbu_count": None}
    assert api.get("/api/v1/allocations", token=of_data, team=["2", "~"], **ALL).data == []


def test_what_knows_no_teams_is_refused_to_a_token_for_teams(api: Client, of_data: str) -> None:
    assert "whole account" in api.get("/api/v1/clusters", token=of_data).problem(403)["detail"]
    api.get("/api/v1/reports/1/file", token=of_data).problem(404)
    assert api.get("/api/v1/reports/3/file", token=of_data).body == b"%PD"


def test_answers_that_were_kept_are_not_shared_among_tokens(api: Client, whole: str, of_data: str) -> None:
    before = api.get("/api/v1/costs", token=whole, **ALL)
    found = api.get("/api/v1/costs", token=of_data, headers={"if-none-match": before.headers["etag"]}, **ALL)
    assert found.status == 200
    assert found.json["total"] != before.json["total"]


def test_a_token_whose_team_is_gone_sees_nothing(url: str, api: Client) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("insert into costpulse.teams (name) values ('Passing')")
    token = new_token(url, "of passing", teams=["Passing"])
    with psycopg.connect(url) as connection:
        connection.execute("delete from costpulse.teams where name = 'Passing'")
    assert api.get("/api/v1/costs", token=token, **ALL).data == []
    assert api.get("/api/v1/teams", token=token).data == []


# --- how often


def test_more_requests_than_allowed_are_refused_by_token_and_by_address(
    api: Client, whole: str, of_data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSTPULSE_API_REQUESTS_PER_MINUTE", "3")
    st.cache_resource.clear()
    with patch("costpulse_app.api.access.time") as clock:
        clock.monotonic.return_value = 1000.0
        assert [api.get("/api/v1/status", token=whole).status for _ in range(4)] == [200, 200, 200, 429]
        refused = api.get("/api/v1/status", token=whole)
        assert "3 requests" in refused.problem(429)["detail"]
        assert refused.headers["retry-after"] == "21"
        assert api.get("/api/v1/status", token=of_data).status == 200
        assert api.get("/api/v1/status", client="127.0.0.2").status == 200
        wrong = [api.get("/api/v1/status", token="x", client="10.0.0.9").status for _ in range(4)]
        assert wrong == [401, 401, 401, 429]
        clock.monotonic.return_value = 1021.0
        assert [api.get("/api/v1/status", token=whole).status for _ in range(2)] == [200, 429]
    monkeypatch.undo()
    st.cache_resource.clear()


# --- failures of the database


def test_a_database_that_is_away_is_a_problem_with_a_next_step(
    api: Client, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("COSTPULSE_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none")
    st.cache_resource.clear()
    away = api.get("/api/v1/costs")
    assert away.problem(503)["next_step"]
    assert away.headers["retry-after"]
    assert b"secret" not in away.body
    monkeypatch.undo()
    st.cache_resource.clear()


def test_a_database_without_the_tables_is_a_problem_with_a_next_step(
    api: Client, monkeypatch: pytest.MonkeyPatch, postgres_server: str
) -> None:
    with database(postgres_server) as bare:
        monkeypatch.setenv("COSTPULSE_DATABASE_URL", bare)
        st.cache_resource.clear()
        assert "costpulse migrate" in api.get("/api/v1/costs").problem(503)["next_step"]
        monkeypatch.undo()
        st.cache_resource.clear()


def test_a_fault_of_ours_is_a_problem_with_a_reference_and_nothing_else(
    api: Client, caplog: pytest.LogCaptureFixture
) -> None:
    # The server logs what is raised once the answer is out; here it arrives.
    with (
        patch("costpulse_app.api.account.read_days", side_effect=RuntimeError("a secret detail")),
        pytest.raises(RuntimeError),
    ):
        api.get("/api/v1/status")
    assert "reference" in caplog.text


# --- on the app's own server


def test_the_app_server_serves_the_api_beside_the_pages(url: str, whole: str, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "costpulse_app"],
            env=os.environ | {"COSTPULSE_APP_PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        request = urllib.request.Request(f"{address}/api/v1/costs", headers={"Authorization": f"Bearer {whole}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["ETag"]
        with pytest.raises(urllib.error.HTTPError) as nothing:
            urllib.request.urlopen(f"{address}/api/v1/nothing", timeout=60)
        with nothing.value as error:
            assert (error.code, error.headers["Content-Type"]) == (404, "application/problem+json")
        with urllib.request.urlopen(f"{address}/healthz", timeout=60) as answer:
            assert answer.read() == b'{"status":"ok","database":"ok"}'
        with urllib.request.urlopen(f"{address}/api/v1/reports/2/file", timeout=60) as answer:
            assert answer.read(2) == b"PK"
    finally:
        server.terminate()
        server.wait(timeout=30)
    assert whole[-43:] not in log.read_text()
    forget()
