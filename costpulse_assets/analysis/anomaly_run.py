"""One run of anomaly detection: read the series, judge what is new, find events, store them with their causes.

Belongs here: everything between the database and the pure functions of anomalies.py and anomaly_events.py. Days that
were judged before are not judged again unless the history or a setting changed; what is made of them (events, causes)
is the same either way.
"""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from psycopg import sql

from costpulse_assets.analysis.anomalies import MEMORY, SEVERITIES, Judgements, Method, State, judge
from costpulse_assets.analysis.anomaly_events import EXPLAINED_BY, Event, find_events, roll_up, shown_severity
from costpulse_assets.analysis.series import DailySeries, Scope, ScopeType, read_series
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, Database, copy_batches, expect_no_rows, run
from costpulse_assets.settings import Settings

_NAME = "anomalies"
#: Days that a chart shows before the first and after the last day of an event.
_DAYS_BEFORE, _DAYS_AFTER = 42, 14
_ARRAYS = tuple(field.name for field in fields(Judgements) if field.name not in ("index", "columns"))


@dataclass(frozen=True)
class Detection:
    """What a run did.

    Attributes:
        series: scopes that were looked at.
        judged: of them, those that have enough history to be judged.
        days: final days in the window.
        final_until: the newest of them; None while no day is final.
        days_judged: days that were judged by this run; the others were known.
        events: events of the window, those that are rolled up included.
        shown: of them, those that are shown.
        gone: events that are there no longer.
        reopened: events that were expected until a day that has passed.
    """

    series: int
    judged: int
    days: int
    final_until: date | None
    days_judged: int
    events: int = 0
    shown: int = 0
    gone: int = 0
    reopened: int = 0


def detect_anomalies(database: Database, settings: Settings, *, now: datetime) -> Detection:
    """Judges all scopes, and brings the stored events up to date, in one transaction.

    Args:
        database: with the roll-ups and completeness.
        settings: days of history, method, sensitivity, minimum impacts, minimum spend.
        now: the moment of the run (UTC).

    Raises:
        InvariantBroken: shown events would overlap, or causes would not add up; nothing was written.
    """
    with database.writing() as connection:
        reopened = run(connection, "transform/anomalies_reopened", {"now": now, "today": now.date()})
        connection.execute("delete from costpulse.series_sensitivity")
        run(connection, "transform/series_sensitivity", {"now": now})
        series = read_window(connection, settings)
        sensitivity, minimum_impact = _taught(connection, settings, _scopes(series.frame))
        judged, days_judged = _judge(connection, series, sensitivity, settings.anomaly_method, now)
        summary = Detection(
            series=len(series.frame.columns),
            judged=int((~np.isnan(judged.expected)).any(axis=0).sum()),
            days=len(series.final),
            final_until=series.final_until,
            days_judged=days_judged,
            reopened=len(reopened),
        )
        if not summary.judged:
            return summary
        since = _first_comparable_day(connection, series)
        events = [
            event
            for event in find_events(
                series.frame, judged, final_until=series.final_until, minimum_impact=minimum_impact
            )
            if event.start >= since
        ]
        gone = _store(connection, events, series, judged, sensitivity, settings.anomaly_method, since, now)
        inside = _inside(connection, events)
        parents = roll_up(events, inside, team_depth=_team_depth(connection))
        run(
            connection,
            "transform/anomaly_parents",
            {
                "events": list(range(len(events))),
                "parents": parents,
                "severities": shown_severity(events, parents),
            },
        )
        _store_days(connection, events, series, judged)
        expect_no_rows(connection, "checks/anomalies_overlap", {}, otherwise="Shown events would overlap")
        expect_no_rows(connection, "checks/anomaly_causes_add_up", {}, otherwise="Causes would not be the whole event")
    return Detection(
        **{
            **{field.name: getattr(summary, field.name) for field in fields(summary)},
            "events": len(events),
            "shown": parents.count(None),
            "gone": gone,
        }
    )


def read_window(
    connection: Connection, settings: Settings, *, scope_types: Sequence[ScopeType] = EXPLAINED_BY
) -> DailySeries:
    """The series that are judged: the setting's days, back to the first of that month.

    The window begins anew with each month only, so that what was judged on a day can be kept on the next.
    """
    days = [row["usage_date"] for row in run(connection, "app/completeness")]
    last = max(days, default=date.min)
    first = (last - timedelta(days=settings.analysis_days)).replace(day=1) if days else last
    return read_series(
        connection,
        scope_types=scope_types,
        days=(last - first).days + 1,
        minimum_spend=settings.series_minimum_spend,
    )


def _taught(
    connection: Connection, settings: Settings, scopes: Sequence[Scope]
) -> tuple[dict[Scope, float], dict[Scope, float]]:
    """Sensitivity and minimum impact of every scope, with what people taught."""
    rows = connection.execute(
        "select scope_type, scope_id, factor, minimum_impact_usd from costpulse.series_sensitivity"
    ).fetchall()
    taught = {Scope(row["scope_type"], row["scope_id"]): row for row in rows}
    sensitivity, minimum = {}, {}
    for scope in scopes:
        row = taught.get(scope, {})
        sensitivity[scope] = settings.anomaly_sensitivity * float(row.get("factor") or 1)
        smallest = max(settings.anomaly_minimum_impact[scope.type], row.get("minimum_impact_usd") or 0)
        minimum[scope] = float(smallest)
    return sensitivity, minimum


def _judge(
    connection: Connection,
    series: DailySeries,
    sensitivity: Mapping[Scope, float],
    method: Method,
    now: datetime,
) -> tuple[Judgements, int]:
    """Judgements of all days of the window, from memory where nothing has changed, and how many days were judged."""
    final = series.final
    known = _known(connection, final, sensitivity, method)
    before, state = known or (None, None)
    todo = final if before is None else final.iloc[len(before.index) :]
    judged, state = judge(todo, sensitivity=sensitivity, method=method, state=state) if len(todo) else (None, state)
    parts = [each for each in (before, judged) if each is not None]
    if judged is not None and state is not None:
        _remember(connection, _joined(parts), state, _digest(final, sensitivity, method), now)
    provisional = series.frame.iloc[len(final) :]
    if len(provisional) and state is not None:
        parts.append(judge(provisional, sensitivity=sensitivity, method=method, state=state)[0])
    if not parts:
        return judge(final, sensitivity=sensitivity, method=method)[0], 0
    return _joined(parts), len(todo)


def _known(
    connection: Connection, final: pd.DataFrame, sensitivity: Mapping[Scope, float], method: Method
) -> tuple[Judgements, State] | None:
    """What was judged before, where it was of this very history."""
    row = connection.execute(
        "select first_date, last_date, history_digest, state, judgements from costpulse.detector_states "
        "where name = %s and method = %s",
        [_NAME, method],
    ).fetchone()
    if row is None or not len(final) or row["first_date"] != final.index[0].date():
        return None
    past = final.loc[: pd.Timestamp(row["last_date"])]
    if row["last_date"] > final.index[-1].date() or row["history_digest"] != _digest(past, sensitivity, method):
        return None
    try:
        state = State.from_bytes(bytes(row["state"]))
    except BadInput:
        return None  # of another version of the method
    with np.load(io.BytesIO(bytes(row["judgements"])), allow_pickle=False) as arrays:
        return Judgements(pd.DatetimeIndex(past.index), past.columns, **{name: arrays[name] for name in _ARRAYS}), state


def _remember(connection: Connection, judged: Judgements, state: State, digest: str, now: datetime) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: getattr(judged, name) for name in _ARRAYS})
    connection.execute(
        "insert into costpulse.detector_states "
        "(name, method, first_date, last_date, series, history_digest, state, judgements, updated_at) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (name) do update set method = excluded.method, "
        "first_date = excluded.first_date, last_date = excluded.last_date, series = excluded.series, "
        "history_digest = excluded.history_digest, "
        "state = excluded.state, judgements = excluded.judgements, updated_at = excluded.updated_at",
        [
            *(_NAME, state.method, judged.index[0].date(), judged.index[-1].date()),
            *(len(judged.columns), digest),
            *(state.to_bytes(), buffer.getvalue(), now),
        ],
    )


def _joined(parts: Sequence[Judgements]) -> Judgements:
    """Judgements of days that follow each other, with figures in half the digits: they are kept, drawn and compared."""

    def column(name: str) -> np.ndarray:
        whole = np.concatenate([getattr(part, name) for part in parts])
        return whole.astype(np.float32) if whole.dtype.kind == "f" else whole

    index = pd.DatetimeIndex(np.concatenate([part.index.to_numpy() for part in parts]))
    return Judgements(index, parts[0].columns, **{name: column(name) for name in _ARRAYS})


def _digest(frame: pd.DataFrame, sensitivity: Mapping[Scope, float], method: Method) -> str:
    """Equal for equal history and settings."""
    scopes = _scopes(frame)
    digest = hashlib.sha256(repr((method, scopes, [sensitivity[scope] for scope in scopes])).encode())
    digest.update(frame.index.to_numpy().astype("datetime64[D]").astype(np.int64).tobytes())
    values = frame.to_numpy(dtype=float)
    digest.update(np.where(np.isnan(values), np.nan, values + 0.0).tobytes())
    return digest.hexdigest()


def _scopes(frame: pd.DataFrame) -> list[Scope]:
    return cast(list[Scope], frame.columns.tolist())


def _first_comparable_day(connection: Connection, series: DailySeries) -> date:
    """Events that begin earlier are left as they are: the days by which they were judged have left the window."""
    first: date = series.frame.index[0].date()
    row = connection.execute("select min(usage_date) as first from costpulse.completeness").fetchone()
    return first if row is None or row["first"] >= first else first + timedelta(days=MEMORY)


def _store(
    connection: Connection,
    events: Sequence[Event],
    series: DailySeries,
    judged: Judgements,
    sensitivity: Mapping[Scope, float],
    method: Method,
    since: date,
    now: datetime,
) -> int:
    """Stores the events with amounts and causes; how many are there no longer."""
    run(connection, "transform/stage_anomalies")
    run(connection, "transform/stage_anomaly_event_days")
    _copy(
        connection,
        "staged_anomalies",
        [
            {
                "event_no": number,
                "scope_type": event.scope.type,
                "scope_id": event.scope.id,
                "kind": event.kind,
                "direction": event.direction,
                "start_date": event.start,
                "end_date": None if event.is_ongoing else event.last,
                "last_date": event.last,
                "recognised_on": event.recognised_on,
                "is_provisional": event.is_provisional,
                "severity": event.severity,
                "score": event.score,
                "sensitivity": sensitivity[event.scope],
                "days_digest": _days_digest(event),
            }
            for number, event in enumerate(events)
        ],
    )
    _copy(connection, "staged_anomaly_event_days", _event_days(events))
    run(connection, "transform/match_anomalies")
    scopes = _scopes(series.frame)
    gone = run(
        connection,
        "transform/anomalies_gone",
        {
            "scope_types": [scope.type for scope in scopes],
            "scope_ids": [scope.id for scope in scopes],
            "first": since,
            "now": now,
        },
    )
    run(connection, "transform/anomalies", {"method": method, "now": now})
    connection.execute(
        "delete from costpulse.anomaly_causes as c using staged_anomalies as s "
        "where c.anomaly_id = s.anomaly_id and s.is_due"
    )
    run(connection, "transform/stage_anomaly_costs")
    connection.execute("analyze pg_temp.staged_anomaly_costs")
    run(connection, "transform/anomaly_amounts")
    run(connection, "transform/anomaly_causes")
    run(connection, "transform/anomaly_kinds")
    return len(gone)


def _event_days(events: Sequence[Event]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, event in enumerate(events):
        rows += [
            {"event_no": number, "usage_date": event.start + timedelta(days=day), "is_of_event": True, "weight": "1"}
            for day in range((event.last - event.start).days + 1)
        ]
        rows += [
            {"event_no": number, "usage_date": day, "is_of_event": False, "weight": f"{weight:.15f}"}
            for day, weight in event.compared_with.items()
        ]
    return rows


def _days_digest(event: Event) -> str:
    days = [f"{day} {weight:.15f}" for day, weight in sorted(event.compared_with.items())]
    return hashlib.sha256(" ".join([str(event.start), str(event.last), *days]).encode()).hexdigest()


def _inside(connection: Connection, events: Sequence[Event]) -> list[dict[Scope, float]]:
    inside: list[dict[Scope, float]] = [{} for _ in events]
    for row in run(connection, "transform/anomalies_inside"):
        inside[row["event_no"]][Scope(row["scope_type"], row["scope_id"])] = row["share"]
    return inside


def _team_depth(connection: Connection) -> dict[str, int]:
    """How many teams each team lies below."""
    above = {
        row["id"]: row["parent_team_id"] for row in connection.execute("select id, parent_team_id from costpulse.teams")
    }
    depth = {}
    for team in above:
        steps, at = 0, team
        while (at := above[at]) is not None:
            steps += 1
        depth[str(team)] = steps
    return depth


def _store_days(connection: Connection, events: Iterable[Event], series: DailySeries, judged: Judgements) -> None:
    """Stores the days that charts of the events draw."""
    scopes = _scopes(series.frame)
    columns = {scope: at for at, scope in enumerate(scopes)}
    index = series.frame.index
    values = series.frame.to_numpy(dtype=float)
    shown = np.zeros(values.shape, dtype=bool)
    for event in events:
        first = index.searchsorted(pd.Timestamp(event.start) - pd.Timedelta(days=_DAYS_BEFORE))
        last = index.searchsorted(pd.Timestamp(event.last) + pd.Timedelta(days=_DAYS_AFTER), side="right")
        shown[first:last, columns[event.scope]] = True
    days, series_no = np.nonzero(shown & ~np.isnan(values))
    words = np.array(SEVERITIES, dtype=object)

    def figures(array: np.ndarray) -> pa.Array:
        return pa.array(array[days, series_no].astype(np.float64), from_pandas=True)

    batch = pa.record_batch(
        {
            "scope_type": pa.array([scopes[at].type for at in series_no], pa.string()),
            "scope_id": pa.array([scopes[at].id for at in series_no], pa.string()),
            "usage_date": pa.array(index.to_numpy()[days].astype("datetime64[D]")),
            "actual": figures(values),
            "expected": figures(judged.expected),
            "lower": figures(judged.lower),
            "upper": figures(judged.upper),
            "severity": pa.array(words[judged.severity[days, series_no]], pa.string()),
            "is_provisional": pa.array(days >= len(series.final)),
        }
    )
    run(connection, "transform/stage_anomaly_days")
    copy_batches(connection, sql.Identifier("staged_anomaly_days"), tuple(batch.schema.names), [batch])
    run(connection, "transform/anomaly_days")


def _copy(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    """COPY rows into a temporary table, with statistics: without them the planner takes it for a small one."""
    if rows:
        batch = pa.RecordBatch.from_pylist(rows)
        copy_batches(connection, sql.Identifier(table), tuple(batch.schema.names), [batch])
    connection.execute(sql.SQL("analyze {}").format(sql.Identifier("pg_temp", table)))
