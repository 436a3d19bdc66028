"""Evaluates alerts: every type asks the tables once for all of its alerts; what is new is recorded and told."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Literal

from psycopg.types.json import set_json_loads

from costpulse_assets.alerts.active_alerts import ActiveAlert, UnusableAlert, load_alerts, read_alerts
from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertType, Finding
from costpulse_assets.alerts.recording import ALERTS_LOCK, Failure, Recorded, exact_json, record, run_apart
from costpulse_assets.alerts.scopes import named
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.resources.open_source import current_time
from costpulse_assets.resources.sql_files import load_sql
from costpulse_assets.settings import Settings

__all__ = ["ActiveAlert", "Evaluation", "Recorded", "evaluate", "find", "load_alerts", "record"]

#: Days back that something is told although it came true earlier: longer than pipeline or corrections may take.
_WINDOW_DAYS = 35
#: A type whose statement takes longer fails by name: the next evaluation must not wait for it.
_LONGEST_STATEMENT = "120s"
#: Findings held in memory, of those that are known already.
_BATCH = 500


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation did.

    Attributes:
        alerts: how many were evaluated, or should have been.
        findings: of the last 35 days, told before or now.
        told, covered, muted, shown: of the new ones, how many have this status, see alert_history.
        failed: alerts that were not evaluated in full, by name, with what is wrong.
    """

    alerts: int
    findings: int
    told: int
    covered: int
    muted: int
    shown: int
    failed: tuple[tuple[str, str], ...]


def evaluate(
    database: Database,
    settings: Settings,
    *,
    now: datetime,
    watched_by: Literal["assets", "clock"] | None = None,
    types: Mapping[str, AlertType] = ALERT_TYPES,
) -> Evaluation:
    """Evaluates the alerts that are switched on, in one transaction; one that fails stops no other.

    Args:
        database: as the owner.
        settings: the day that is today, where to when there is no route.
        now: the present moment, by which messages are due; what is asked about is the day that settings say.
        watched_by: alerts of types that are watched this way only; None: all. What has an unknown type counts as
            watched by assets.
        types: by name.

    Raises:
        DatabaseUnavailable: the connection was lost; nothing was recorded.
    """
    today = settings.current_date()
    days = Period(today - timedelta(days=_WINDOW_DAYS), today)
    seen_at = now if now.date() == today else current_time(settings)
    with database.transaction() as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [ALERTS_LOCK])
        connection.execute(f"set local statement_timeout = '{_LONGEST_STATEMENT}'")
        watched = {name: kind for name, kind in types.items() if watched_by in (None, kind.watched_by)}
        usable, unusable = read_alerts(connection, types)
        alerts = [alert for alert in usable if alert.alert_type in watched]
        others = [
            alert
            for alert in unusable
            if alert.alert_type in watched or (alert.outcome == "unknown type" and watched_by != "clock")
        ]
        found: Counter[int] = Counter()
        failures: dict[int, Failure] = {}
        counts: Counter[str] = Counter()
        for kind in watched.values():
            mine = [alert for alert in alerts if alert.alert_type == kind.name]
            if not mine or not kind.has_statement:
                continue
            try:
                # A savepoint: a type that fails in a way of its own leaves the others as they are.
                with connection.transaction():
                    recorded, of_kind = _evaluate_type(
                        connection, settings, kind, mine, days, now=now, seen_at=seen_at, types=types
                    )
            except Exception as error:
                if connection.broken or connection.closed:
                    raise
                failures |= {alert.id: Failure.of_code(error, "evaluate it") for alert in mine}
                continue
            found += of_kind
            failures |= recorded.failures
            counts.update({name: getattr(recorded, name) for name in ("told", "covered", "muted", "shown")})
        _note(connection, alerts, others, found, failures, now)
    return Evaluation(
        alerts=len(alerts) + len(others),
        findings=found.total(),
        told=counts["told"],
        covered=counts["covered"],
        muted=counts["muted"],
        shown=counts["shown"],
        failed=(
            *((alert.name, failures[alert.id].problem) for alert in alerts if alert.id in failures),
            *((alert.name, alert.problem) for alert in others),
        ),
    )


def find(
    connection: Connection, kind: AlertType, alerts: Sequence[ActiveAlert], days: Period, *, now: datetime
) -> Iterator[list[Finding]]:
    """What the statement of a type finds, in batches; the names of scopes are left empty.

    Args:
        connection: with an open transaction.
        kind: the type, with a statement.
        alerts: all of this type.
        days: UTC days on which it came true.
        now: the moment that it is asked at.
    """
    parameters = {
        "alerts": exact_json([_as_parameter(alert) for alert in alerts]),
        "first_day": days.first,
        "last_day": days.last,
        "now": now,
    }
    # Plans of cursors are made for whoever reads the first rows only.
    connection.execute("set local cursor_tuple_fraction = 1")
    with connection.cursor("findings") as cursor:
        # Amounts of the evidence stay what they are: a float would be another number.
        set_json_loads(partial(json.loads, parse_float=Decimal), context=cursor)
        cursor.execute(load_sql(kind.statement).encode(), parameters)
        while rows := cursor.fetchmany(_BATCH):
            yield [Finding(**row, scope_name="") for row in rows]


def _as_parameter(alert: ActiveAlert) -> dict[str, object]:
    return {
        "alert_id": alert.id,
        "scope_type": alert.scope_type,
        "scope_id": alert.scope_id,
        "threshold_value": alert.threshold_value,
        "watches_from": alert.watches_from,
        **alert.options.model_dump(mode="json"),
    }


def _evaluate_type(
    connection: Connection,
    settings: Settings,
    kind: AlertType,
    alerts: Sequence[ActiveAlert],
    days: Period,
    *,
    now: datetime,
    seen_at: datetime,
    types: Mapping[str, AlertType],
) -> tuple[Recorded, Counter[int]]:
    """Finds and records; the counts are findings by alert."""

    def new_of(part: Sequence[ActiveAlert]) -> list[tuple[Counter[int], list[Finding]]]:
        found: Counter[int] = Counter()
        new: list[Finding] = []
        for batch in find(connection, kind, part, days, now=seen_at):
            found.update(finding.alert_id for finding in batch)
            keys = [finding.key for finding in batch]
            known = {row["finding_key"] for row in run(connection, "transform/findings_known", {"finding_keys": keys})}
            new += [finding for finding in batch if finding.key not in known]
        return [(found, named(connection, new))]

    parts, refused = run_apart(connection, alerts, new_of)
    findings = [finding for _, new in parts for finding in new]
    recorded = record(connection, settings, alerts, findings, now=now, types=types)
    failed = {alert.id: Failure.of_database(error, "evaluate it") for alert, error in refused}
    found = sum((counts for counts, _ in parts), Counter[int]())
    return Recorded(
        recorded.told, recorded.covered, recorded.muted, recorded.shown, {**recorded.failures, **failed}
    ), found


def _note(
    connection: Connection,
    alerts: Sequence[ActiveAlert],
    unusable: Sequence[UnusableAlert],
    found: Mapping[int, int],
    failures: Mapping[int, Failure],
    now: datetime,
) -> None:
    evaluations: list[dict[str, object]] = [
        {
            "alert_id": alert.id,
            "outcome": "failed" if alert.id in failures else "evaluated",
            "findings": found.get(alert.id, 0),
            "problem": failures[alert.id].problem if alert.id in failures else None,
            "next_step": failures[alert.id].next_step if alert.id in failures else None,
        }
        for alert in alerts
    ]
    evaluations += [
        {
            "alert_id": alert.id,
            "outcome": alert.outcome,
            "findings": 0,
            "problem": alert.problem,
            "next_step": alert.next_step,
        }
        for alert in unusable
    ]
    run(connection, "transform/evaluations_save", {"evaluations": exact_json(evaluations), "now": now})
