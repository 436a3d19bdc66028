"""What the doctor says of a connection and its tables, over the wire."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr

from costpulse_assets.collectors.system_tables import SYSTEM_TABLES, SystemTable
from costpulse_assets.doctor.connections import CHECKS, examine_connection
from costpulse_assets.doctor.examination import Examination, Finding
from costpulse_assets.doctor.tables import examine_tables, tables_of
from costpulse_assets.errors import SourceForbidden
from costpulse_assets.resources.databricks import DatabricksWarehouse
from costpulse_assets.resources.demo_account.tables import CATALOG
from costpulse_assets.resources.source import Parameter
from costpulse_assets.settings import Settings
from tests.cli.processes import free_port
from tests.small_account import SmallAccount
from tests.wire.conftest import SMALL_LIMITS, TOKEN
from tests.wire.faults import FOR_EVER, Fault, hang, http, message
from tests.wire.thrift_server import WireServer

TODAY = datetime.now(UTC).date()
#: Statements before those about tables: the first answer, the round trip, the warehouse's settings.
BEFORE_TABLES = 3


class Account(SmallAccount):
    """Says of some tables what Databricks would say instead of answering."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: dict[str, str] = {}
        self.clock = "now()"
        self.rows_sent: list[int] = []

    def fetch(self, statement: str, parameters: Mapping[str, Parameter] | None = None) -> pa.RecordBatchReader:
        for table, text in self.refusals.items():
            if f"{table} " in statement:
                raise SourceForbidden(text, next_step="none")
        table = super().fetch(statement.replace("now()", self.clock), parameters).read_all()
        self.rows_sent.append(table.num_rows)
        return table.to_reader()


@pytest.fixture
def account() -> Iterator[Account]:
    """With a price, and usage of yesterday."""
    with Account() as account:
        account.add_price("0.15")
        account.add_usage("1.5", day=TODAY - timedelta(days=1))
        yield account


class Doctor:
    """Examines the account through a server with faults, as one connection that reads everything."""

    def __init__(self, account: Account, stack: ExitStack) -> None:
        self._account = account
        self._stack = stack
        self.server: WireServer

    def __call__(self, *script: Fault, settings: dict[str, Any] | None = None, **connection: Any) -> list[Finding]:
        self.server = self._stack.enter_context(WireServer(self._account, token=TOKEN, script=script))
        reached = self.server.connection.model_copy(update=connection)
        warehouse = DatabricksWarehouse(reached, connection_uri=self.server.uri, **SMALL_LIMITS)
        warehouse._arguments["_retry_delay_min"] = 0.1
        self._stack.enter_context(warehouse)
        chosen = Settings(_env_file=None, **(settings or {}))
        examination = Examination()
        principal = examine_connection(examination, reached, warehouse)
        if principal is not None:
            examine_tables(
                examination,
                reached.name,
                warehouse,
                tables_of(chosen, reached.read),
                settings=chosen,
                principal=principal,
                today=TODAY,
            )
        for finding in examination.findings:
            assert bool(finding.fix) == (finding.result in ("warning", "failed")), finding
            assert TOKEN not in str(finding)
        return examination.findings


@pytest.fixture
def doctor(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doctor]:
    monkeypatch.delenv("COSTPULSE_PRICE_TABLE", raising=False)
    with ExitStack() as stack:
        yield Doctor(account, stack)


def found(findings: list[Finding], check: str) -> Finding:
    (one,) = [finding for finding in findings if finding.check == check]
    return one


def results(findings: list[Finding]) -> set[str]:
    return {finding.result for finding in findings}


def change(account: Account, statement: str) -> None:
    account._connection.execute(statement)


def test_a_sound_connection_has_no_finding_to_act_on(doctor: Doctor) -> None:
    findings = doctor()

    assert [finding.check for finding in findings] == [
        *CHECKS,
        *(table.full_name for table in SYSTEM_TABLES),
        "prices in USD",
    ]
    assert {finding.check: finding.result for finding in findings if finding.result != "ok"} == {"auto-stop": "skipped"}
    assert "Signed in with a token as duckdb" in found(findings, "sign-in").found
    assert "Warehouse wire answered" in found(findings, "SQL warehouse").found
    assert f"newest usage_date {TODAY - timedelta(days=1)}" in found(findings, "system.billing.usage").found
    assert "no change_time in 7 days" in found(findings, "system.compute.clusters").found
    assert found(findings, "prices in USD").found.startswith("system.billing.list_prices")


def test_no_statement_brings_more_than_one_row_and_one_session_is_enough(doctor: Doctor, account: Account) -> None:
    change(account, f"insert into {CATALOG}.billing.usage from {CATALOG}.billing.usage")
    change(
        account, f"insert into {CATALOG}.query.history (statement_text, start_time) values ('secret', now()), (1, null)"
    )
    doctor()

    assert len(account.rows_sent) > len(SYSTEM_TABLES)
    assert max(account.rows_sent) == 1
    assert doctor.server.calls.count("OpenSession") == 1


def test_a_wrong_token_fails_the_sign_in_and_skips_what_needs_it(doctor: Doctor) -> None:
    findings = doctor(token=SecretStr("dapi-wrong-0123456789"))

    assert [(finding.check, finding.result) for finding in findings] == [
        ("host", "ok"),
        ("sign-in", "failed"),
        *((check, "skipped") for check in CHECKS[2:]),
    ]
    assert "Invalid access token" in findings[1].found
    assert "COSTPULSE_DATABRICKS_TOKEN" in findings[1].fix
    assert "dapi-wrong" not in str(findings)


def test_an_unknown_warehouse_path_fails_the_warehouse(doctor: Doctor) -> None:
    findings = doctor(http("OpenSession", 404, times=FOR_EVER))

    assert found(findings, "sign-in").result == "skipped"
    assert found(findings, "SQL warehouse").result == "failed"
    assert "no SQL warehouse at this HTTP path" in found(findings, "SQL warehouse").found
    assert "HTTP path" in found(findings, "SQL warehouse").fix
    assert results(findings[3:]) == {"skipped"}


def test_a_warehouse_we_may_not_use_names_the_permission(doctor: Doctor) -> None:
    said = {"x-databricks-error-or-redirect-message": "PERMISSION_DENIED: no permission to use the SQL Warehouse"}
    findings = doctor(http("OpenSession", 403, said, times=FOR_EVER))

    assert found(findings, "SQL warehouse").result == "failed"
    assert "CAN USE" in found(findings, "SQL warehouse").fix


def test_a_host_name_that_does_not_exist_is_one_failed_row(doctor: Doctor) -> None:
    findings = doctor(host="dbc-none.invalid")

    assert found(findings, "host").result == "failed"
    assert results(findings[1:]) == {"skipped"}
    assert doctor.server.requests == []


def test_a_port_where_nobody_listens_is_one_failed_row(doctor: Doctor) -> None:
    findings = doctor(port=free_port())

    assert "refuses connections" in found(findings, "host").found
    assert results(findings[1:]) == {"skipped"}


def test_another_path_than_a_warehouse_s_is_a_warning(doctor: Doctor) -> None:
    findings = doctor(http_path="/sql/protocolv1/o/1/0101-abcdef")

    assert found(findings, "SQL warehouse").result == "warning"
    assert found(findings, "auto-stop").result == "skipped"
    assert found(findings, "system.billing.usage").result == "ok"


NOT_GRANTED = "[INSUFFICIENT_PERMISSIONS] Insufficient privileges: User does not have SELECT on Table. SQLSTATE: 42501"
NO_SCHEMA = "[SCHEMA_NOT_FOUND] The schema `system`.`{}` cannot be found. SQLSTATE: 42704"
NO_TABLE = "[TABLE_OR_VIEW_NOT_FOUND] The table or view cannot be found. SQLSTATE: 42P01"


@pytest.mark.parametrize("table", SYSTEM_TABLES, ids=lambda table: table.name)
def test_a_table_that_is_not_granted_says_which_grants_and_what_is_missing_without(
    doctor: Doctor, account: Account, table: SystemTable
) -> None:
    account.refusals[table.full_name] = NOT_GRANTED
    findings = doctor()

    row = found(findings, table.full_name)
    assert row.result == ("failed" if table.required else "warning")
    assert row.found.startswith(f"Not granted. {table.without} Databricks ")
    assert "User does not have SELECT" in row.found
    for grant in table.grants("duckdb"):
        assert grant in row.fix
    assert "`duckdb`" in row.fix
    assert "systemschemas" not in row.fix
    others = [finding for finding in findings if finding.check.startswith("system.") and finding is not row]
    assert results(others) == {"ok"}


@pytest.mark.parametrize("text", [NO_SCHEMA.format("lakeflow"), NO_TABLE], ids=["schema", "table"])
def test_a_schema_that_is_not_enabled_says_how_to_enable_it(doctor: Doctor, account: Account, text: str) -> None:
    account.refusals["system.lakeflow.pipelines"] = text
    row = found(doctor(), "system.lakeflow.pipelines")

    assert row.result == "warning"
    assert "not enabled" in row.found
    assert "PUT /api/2.1/unity-catalog/metastores/<metastore-id>/systemschemas/lakeflow" in row.fix
    assert "GRANT SELECT ON TABLE system.lakeflow.pipelines TO `duckdb`" in row.fix


@pytest.mark.parametrize(
    ("table", "column", "result"),
    [("compute.clusters", "policy_id", "warning"), ("billing.usage", "custom_tags", "failed")],
)
def test_a_column_that_is_gone_is_named(doctor: Doctor, account: Account, table: str, column: str, result: str) -> None:
    change(account, f"alter table {CATALOG}.{table} drop column {column}")
    findings = doctor()

    row = found(findings, f"system.{table}")
    assert row.result == result
    assert f"it lacks {column}, which" in row.found
    assert sum(finding.result in ("warning", "failed") for finding in findings) == 1


def test_a_new_column_changes_nothing(doctor: Doctor, account: Account) -> None:
    change(account, f"alter table {CATALOG}.billing.usage add column another_one varchar")
    assert found(doctor(), "system.billing.usage").result == "ok"


def test_usage_that_stopped_coming_is_a_warning(doctor: Doctor, account: Account) -> None:
    change(account, f"update {CATALOG}.billing.usage set usage_date = usage_date - 4")
    row = found(doctor(), "system.billing.usage")
    assert row.result == "warning"
    assert f"newest usage_date {TODAY - timedelta(days=5)}" in row.found


def test_a_currency_without_prices_fails(doctor: Doctor) -> None:
    row = found(doctor(settings={"currency": "EUR"}), "prices in EUR")
    assert row.result == "failed"
    assert "COSTPULSE_CURRENCY" in row.fix


def test_with_contract_prices_the_list_is_not_asked_for(doctor: Doctor) -> None:
    findings = doctor(settings={"price_table": "account_prices"})
    assert "system.billing.list_prices" not in {finding.check for finding in findings}
    assert found(findings, "prices in USD").result == "failed"  # this account has no such table


@pytest.mark.parametrize(
    ("kind", "size", "minutes", "result", "text"),
    [
        ("SERVERLESS", "2X_SMALL", 0, "warning", "never stops: about 2,016 USD in 30 days"),
        ("SERVERLESS", "SMALL", 45, "warning", "about 6.30 USD at list price after each collection"),
        ("PRO", "UNHEARD_OF", 45, "warning", "stops after 45 idle minutes."),
        ("CLASSIC", "X_SMALL", 10, "ok", "stops after 10 idle minutes."),
    ],
)
def test_an_auto_stop_that_costs_is_priced(
    doctor: Doctor, account: Account, kind: str, size: str, minutes: int, result: str, text: str
) -> None:
    rows = "('wire', '1001', 'name', ?, ?, 30, now()::timestamptz - interval 1 day), "
    rows += "('wire', '1001', 'name', ?, ?, ?, now()::timestamptz)"
    account._connection.execute(
        f"insert into {CATALOG}.compute.warehouses (warehouse_id, workspace_id, warehouse_name, warehouse_type, "
        f"warehouse_size, auto_stop_minutes, change_time) values {rows}",
        ["CLASSIC", "4X_LARGE", kind, size, minutes],
    )
    row = found(doctor(), "auto-stop")
    assert row.result == result
    assert text in row.found


def test_a_warehouse_s_settings_are_skipped_where_they_cannot_be_read(doctor: Doctor, account: Account) -> None:
    account.refusals["system.compute.warehouses"] = NOT_GRANTED
    findings = doctor()
    assert found(findings, "auto-stop").result == "skipped"
    assert found(findings, "system.compute.warehouses").result == "warning"


@pytest.mark.parametrize(("clock", "text"), [("2020-01-01", "behind"), ("2999-12-31", "ahead of")])
def test_a_clock_that_differs_is_a_warning(doctor: Doctor, account: Account, clock: str, text: str) -> None:
    account.clock = f"cast('{clock} 00:00:00' as timestamp)"
    row = found(doctor(), "clock")
    assert row.result == "warning"
    assert text in row.found


def test_a_warehouse_that_goes_away_in_between_skips_the_rest(doctor: Doctor) -> None:
    findings = doctor(hang("ExecuteStatement", 60, after=BEFORE_TABLES + 2, times=FOR_EVER))

    tables = [finding for finding in findings if finding.check.startswith("system.")]
    assert [row.result for row in tables[:2]] == ["ok", "failed"]
    assert "does not answer" in tables[1].found
    assert results(tables[2:]) == {"skipped"}
    assert "prices in USD" not in {finding.check for finding in findings}


def test_a_newest_row_that_takes_too_long_is_a_warning_of_that_table(doctor: Doctor) -> None:
    text = "[QUERY_EXECUTION_TIMEOUT_EXCEEDED] Query execution timed out."
    findings = doctor(message("ExecuteStatement", text, after=BEFORE_TABLES + 1))

    assert found(findings, "system.billing.usage").result == "warning"
    assert "not found in time" in found(findings, "system.billing.usage").found
    assert found(findings, "system.billing.list_prices").result == "ok"


def test_a_connection_is_asked_only_for_what_it_is_read_for() -> None:
    settings = Settings(_env_file=None)
    by_scope = {scope: {table.name for table in tables_of(settings, [scope])} for scope in ("billing", "regional")}
    assert by_scope["billing"] == {"billing.usage", "billing.list_prices", "access.workspaces_latest"}
    assert by_scope["billing"] | by_scope["regional"] == {table.name for table in SYSTEM_TABLES}
    assert not by_scope["billing"] & by_scope["regional"]
