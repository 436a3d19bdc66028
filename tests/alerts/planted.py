"""A type of alerts that finds what a test plants: its rows stand in a table, its statement is a file like others."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from costpulse_assets.alerts.alert_types import AlertOptions, AlertType, Finding, Threshold
from costpulse_assets.alerts.evaluate import Evaluation, evaluate
from costpulse_assets.alerts.message import Message
from costpulse_assets.resources import sql_files
from costpulse_assets.resources.database import Database
from costpulse_assets.settings import Settings
from tests.pipeline import pretend_today

TODAY = date(2026, 11, 24)
SCOPES = ("everything", "team", "workspace", "product", "sku", "job", "warehouse", "cluster", "tag")

_STATEMENT = """
-- one row per planted finding of these alerts
select
    a.alert_id,
    p.scope_type,
    p.scope_id,
    p.team_id,
    p.subject,
    p.threshold,
    p.phase,
    p.reminder,
    p.occurred_on,
    p.current_value,
    null::numeric as expected_value,
    p.evidence
from jsonb_to_recordset(%(alerts)s::jsonb) as a (alert_id bigint, watches_from date, divisor integer)
inner join public.planted as p on p.alert_id = a.alert_id or (a.alert_id = 0 and p.alert_id is null)
where
    p.occurred_on between greatest(%(first_day)s::date, a.watches_from) and %(last_day)s
    and 1 / a.divisor = 1
"""
_TABLE = """
create table public.planted (
    alert_id bigint, scope_type text, scope_id text, team_id bigint, subject text, threshold numeric, phase text,
    reminder integer, occurred_on date, current_value numeric, evidence jsonb
)
"""


class Options(AlertOptions):
    """What makes the statement raise."""

    divisor: int = 1


def _message(finding: Finding) -> Message:
    if finding.evidence.get("raises"):
        raise ArithmeticError("nobody can say this")
    words = f"{finding.scope_name}: {finding.subject} {finding.phase} {finding.threshold or ''}"
    return Message(title=words, text="It came true.", severity="info", owner=finding.evidence.get("says"))


def planted_type(name: str = "planted", watched_by: Literal["assets", "clock"] = "assets", **more: Any) -> AlertType:
    given = {"scopes": SCOPES, "severity": "warning", "value_unit": "USD", "message": _message, "options": Options}
    given |= {"threshold": Threshold("Limit", "USD", Decimal(7), Decimal(0), Decimal(1000))}
    words = {"title": "Planted", "fires": "A test says so.", "silent": "It does not.", "once": "Once."}
    return AlertType(name=name, watched_by=watched_by, evidence={}, **{**words, **given, **more})


TYPES = {
    "planted": planted_type(),
    "planted_by_clock": planted_type("planted_by_clock", "clock"),
    "broken": planted_type("broken"),
    "odd": planted_type("odd"),
}
STATEMENTS = {
    "planted": _STATEMENT,
    "planted_by_clock": _STATEMENT,
    "broken": "select no_such_column\n",
    "odd": "select 1 as something_else\n",
}


@contextmanager
def statements_of_tests(folder: Path) -> Iterator[None]:
    """The folder of statements with those of the planted types in it."""
    for place in sql_files.SQL_DIR.iterdir():
        if place.name != "transform":
            (folder / place.name).symlink_to(place)
    (folder / "transform").mkdir()
    for file in (sql_files.SQL_DIR / "transform").iterdir():
        (folder / "transform" / file.name).symlink_to(file)
    for name, statement in STATEMENTS.items():
        (folder / "transform" / f"alert_{name}.sql").write_text(statement)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql_files, "SQL_DIR", folder)
        yield


@dataclass
class Planted:
    """A migrated database with alerts and what they shall find."""

    database: Database
    connection: psycopg.Connection[DictRow]

    def __post_init__(self) -> None:
        self.connection.execute(_TABLE.encode())

    def clear(self) -> None:
        self.connection.execute(
            "delete from costpulse.alert_outbox; delete from costpulse.alert_history; delete from costpulse.alerts; "
            "delete from costpulse.alert_routes; delete from costpulse.teams; delete from public.planted"
        )

    def insert(self, table: str, **columns: Any) -> int:
        """A row of a table; its id."""
        statement = sql.SQL("insert into costpulse.{} ({}) values ({}) returning id").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(sql.Placeholder() * len(columns)),
        )
        values = [Jsonb(each) if isinstance(each, (dict, list)) else each for each in columns.values()]
        row = self.connection.execute(statement, values).fetchone()
        assert row is not None
        return int(row["id"])

    def alert(self, name: str = "An alert", alert_type: str = "planted", **columns: Any) -> int:
        given = {"notification_channels": ["slack:#finops"], "cooldown_minutes": 0, "watches_from": date(2026, 1, 1)}
        return self.insert("alerts", name=name, alert_type=alert_type, **{**given, **columns})

    def plant(self, alert_id: int | None, subject: str = "event", **columns: Any) -> None:
        """A finding for the next evaluation."""
        row: dict[str, Any] = {
            "scope_type": "everything",
            "scope_id": "",
            "team_id": None,
            "threshold": None,
            "phase": "firing",
        }
        row |= {"reminder": 0, "occurred_on": TODAY, "current_value": Decimal("12.5"), "evidence": {}}
        row |= {"alert_id": alert_id, "subject": subject} | columns
        statement = sql.SQL("insert into public.planted ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join(sql.Placeholder() * len(row))
        )
        self.connection.execute(statement, [Jsonb(each) if isinstance(each, dict) else each for each in row.values()])

    def evaluate(self, now: datetime, settings: Settings | None = None, **more: Any) -> Evaluation:
        settings = settings or pretend_today(TODAY)
        return evaluate(self.database, settings, now=now, types=more.pop("types", TYPES), **more)

    def rows(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        return self.connection.execute(statement.encode(), parameters).fetchall()

    def history(self) -> list[dict[str, Any]]:
        return self.rows("select * from costpulse.alert_history order by id")

    def outbox(self) -> list[dict[str, Any]]:
        return self.rows("select * from costpulse.alert_outbox order by due_at, id")

    def evaluations(self) -> dict[str, dict[str, Any]]:
        """How each alert was evaluated last, by its name."""
        rows = self.rows(
            "select a.name, e.outcome, e.findings, e.problem, e.next_step, e.evaluated_at "
            "from costpulse.alert_evaluations as e join costpulse.alerts as a on a.id = e.alert_id"
        )
        return {row["name"]: row for row in rows}
