"""Whether what was recommended and done really saved money: changes that are seen, and what they are measured to save.

Every run measures the changes of the last 90 days over the last 30 final days after each, against what the resource
would have cost without it (realised_savings.py), and says of each what is proved.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from costpulse_assets.analysis.realised_savings import (
    LEVEL_DAYS,
    MINIMUM_BEFORE,
    PROFILE_DAYS,
    Costs,
    Counterfactual,
    counterfactual,
    expected_sum,
)
from costpulse_assets.analysis.recommendation_run import RECOMMENDATIONS_LOCK
from costpulse_assets.periods import last_final_day
from costpulse_assets.resources.database import Connection, Database, Row, run
from costpulse_assets.resources.sql_files import load_sql

Verdict = Literal["measuring", "proved", "not proved", "evaporated", "workload shrank"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

#: A change is measured for so long, each time over its newest days, but not before it has so many.
MEASURED_FOR, MEASURED_DAYS, FEWEST_DAYS = 90, 30, 7
#: Work below this share of what was to be expected is work that was not done.
_LESS_WORK = 0.9
#: A resource that works less of its time than this is not paid for its work.
_WORKED = 0.1
_WORK_UNITS = {"cluster": "busy hours", "warehouse": "query hours", "job": "runs"}
_METHOD = (
    "Profile of the week from up to 56 days before, days that are not typical cut off; scaled by the median of "
    "comparable resources without a change; interval from what the same method errs where nothing was changed."
)
_CENT = Decimal("0.000001")

_Key = tuple[str | None, str, str]
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OutcomeRun:
    """What a run did.

    Attributes:
        last_day: last final day; None: no day is final, nothing was done.
        seen: recommendations that a change of their setting made done.
        verdicts: changes measured, by what is said of them.
    """

    last_day: date | None
    seen: int
    verdicts: Mapping[Verdict, int]


def update_recommendation_outcomes(database: Database, *, now: datetime) -> OutcomeRun:
    """Finds recommendations that were followed, and measures what every change of the last 90 days saved.

    Args:
        database: with recommendations, resource_settings, and use and cost of resources.
        now: the moment of the run (UTC).
    """
    with database.writing() as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [RECOMMENDATIONS_LOCK])
        seen = run(connection, "transform/changes_seen", {"now": now, "today": now.date()})
        if seen:
            # What they were to save goes to the others on the same resource.
            connection.execute("select costpulse.combine_recommendations()")
        known = {row["usage_date"]: row["is_provisional"] for row in run(connection, "app/completeness")}
        last = last_final_day(known.items())
        if last is None:
            return OutcomeRun(None, len(seen), {})
        changes = run(
            connection,
            "transform/changes_to_measure",
            {
                # What changed before the first day that is known can be compared with nothing.
                "first_changed_on": max(last - timedelta(days=MEASURED_FOR), min(known) + timedelta(days=1)),
                "last_date": last,
            },
        )
        outcomes = _measured(connection, changes, first_known=min(known), last=last, now=now)
        if outcomes:
            connection.cursor().executemany(load_sql("transform/recommendation_outcomes").encode(), outcomes)
            run(connection, "transform/outcomes_replaced")
    verdicts = {verdict: sum(row["verdict"] == verdict for row in outcomes) for verdict in VERDICTS}
    return OutcomeRun(last, len(seen), verdicts)


@dataclass(frozen=True)
class _Books:
    """What is known of the days: cost and work of resources, and on which days they were changed."""

    first: date
    costs: dict[str, Costs]
    places: dict[_Key, int]
    actual: dict[_Key, dict[date, Decimal]]
    work: dict[_Key, tuple[_Floats, _Floats]]

    def day(self, day: date) -> int:
        return (day - self.first).days


def _measured(
    connection: Connection, changes: list[Row], *, first_known: date, last: date, now: datetime
) -> list[dict[str, Any]]:
    if not changes:
        return []
    oldest = min(change["changed_on"] for change in changes)
    first = max(first_known, oldest - timedelta(days=PROFILE_DAYS + 4 * (MEASURED_DAYS + 1)))
    books = _read(connection, changes, first, last)
    return [_outcome(change, books, last, now) for change in changes]


def _read(connection: Connection, changes: list[Row], first: date, last: date) -> _Books:
    kinds = {change["bearer_type"] for change in changes} | {change["resource_type"] for change in changes}
    table = _copied(connection, {"first_date": first, "last_date": last, "resource_types": sorted(kinds)})
    size = (last - first).days + 1
    touched: dict[_Key, list[int]] = {}
    for row in connection.execute(
        "select workspace_id, resource_type, resource_id, (valid_from at time zone 'UTC')::date as changed_on "
        "from costpulse.resource_settings where valid_from >= %s",
        [first],
    ):
        key = (row["workspace_id"], row["resource_type"], row["resource_id"])
        touched.setdefault(key, []).append((row["changed_on"] - first).days)
    for change in changes:
        touched.setdefault(_bearer(change), []).append((change["changed_on"] - first).days)
    weekdays = np.array([(first + timedelta(days=number)).weekday() for number in range(size)], dtype=np.int64)
    costs: dict[str, Costs] = {}
    places: dict[_Key, int] = {}
    for kind in sorted(kinds):
        rows = table.filter(pc.equal(table["resource_type"], kind))
        values, keys = _matrix(rows, kind, first, size)
        costs[kind] = Costs(
            values,
            weekdays,
            np.array([key[0] for key in keys], dtype=object),
            tuple(np.array(touched.get(key, []), dtype=np.int64) for key in keys),
        )
        places |= {key: place for place, key in enumerate(keys)}
    return _Books(first, costs, places, _exact(table, changes), _work(connection, changes, first, last))


def _copied(connection: Connection, parameters: dict[str, Any]) -> pa.Table:
    # As CSV into Arrow: every resource of a kind is compared with, and these are many rows.
    statement = f"copy ({load_sql('transform/costs_at_newest_prices')}) to stdout (format csv, header)"
    buffer = io.BytesIO()
    with psycopg.ClientCursor(connection).copy(statement.encode(), parameters) as copy:
        for chunk in copy:
            buffer.write(chunk)
    text = {name: pa.string() for name in ("workspace_id", "resource_type", "resource_id")}
    return csv.read_csv(
        pa.BufferReader(buffer.getvalue()),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=text
            | {"usage_date": pa.date32(), "cost_usd": pa.decimal128(38, 18), "cost_at_newest_prices": pa.float64()},
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _matrix(rows: pa.Table, kind: str, first: date, size: int) -> tuple[_Floats, list[_Key]]:
    """Days x resources: NaN before the first cost of a resource, 0 on later days without any."""
    # The id of a workspace has no space, so the first one ends it; what has none is the empty text.
    named = pc.binary_join_element_wise(pc.fill_null(rows["workspace_id"], ""), rows["resource_id"], " ")
    encoded = named.combine_chunks().dictionary_encode()
    parts = [name.partition(" ") for name in encoded.dictionary.to_pylist()]
    keys: list[_Key] = [(workspace or None, kind, resource) for workspace, _, resource in parts]
    values = np.full((size, len(keys)), np.nan)
    days = (rows["usage_date"].combine_chunks().to_numpy(zero_copy_only=False) - np.datetime64(first)).astype(int)
    values[days, encoded.indices.to_numpy()] = rows["cost_at_newest_prices"].to_numpy()
    begun = np.maximum.accumulate(~np.isnan(values), axis=0)
    values[begun & np.isnan(values)] = 0.0
    return values, keys


def _exact(table: pa.Table, changes: Iterable[Row]) -> dict[_Key, dict[date, Decimal]]:
    wanted = {key for change in changes for key in (_bearer(change), _resource(change))}
    rows = table.filter(pc.is_in(table["resource_id"], pa.array(sorted({key[2] for key in wanted}), pa.string())))
    found: dict[_Key, dict[date, Decimal]] = {}
    for row in rows.to_pylist():
        key = (row["workspace_id"], row["resource_type"], row["resource_id"])
        if key in wanted:
            found.setdefault(key, {})[row["usage_date"]] = row["cost_usd"]
    return found


def _work(
    connection: Connection, changes: Iterable[Row], first: date, last: date
) -> dict[_Key, tuple[_Floats, _Floats]]:
    wanted = sorted({_resource(change) for change in changes}, key=str)
    rows = run(
        connection,
        "transform/work_of_resources",
        {
            "workspace_ids": [key[0] for key in wanted],
            "resource_types": [key[1] for key in wanted],
            "resource_ids": [key[2] for key in wanted],
            "first_date": first,
            "last_date": last,
        },
    )
    size = (last - first).days + 1
    found: dict[_Key, tuple[_Floats, _Floats]] = {}
    for row in rows:
        key = (row["workspace_id"], row["resource_type"], row["resource_id"])
        work, up = found.setdefault(key, (np.zeros(size), np.zeros(size)))
        at = (row["usage_date"] - first).days
        work[at], up[at] = float(row["work"]), float(row["up"] or 0)
    return found


def _bearer(change: Row) -> _Key:
    return (change["workspace_id"], change["bearer_type"], change["bearer_id"])


def _resource(change: Row) -> _Key:
    return (change["workspace_id"], change["resource_type"], change["resource_id"])


@dataclass(frozen=True)
class Work:
    """How much a resource worked.

    Attributes:
        unit: what it is counted in.
        before: a day, in the four weeks before the change.
        after: a day, in the days measured.
        share: of what was to be expected after the change, at most 1; 1 where its cost is not for its work.
    """

    unit: str
    before: float
    after: float
    share: float


@dataclass(frozen=True)
class Saving:
    """USD of the days measured, with its 95 % interval."""

    usd: Decimal
    lower: Decimal
    upper: Decimal


def judge(
    cost: Decimal, without: tuple[Decimal, Decimal, Decimal], work: Work | None, *, was_proved: bool, for_work: bool
) -> tuple[Saving, Verdict]:
    """What was saved, and whether that is proved.

    Args:
        cost: what was paid in the days measured.
        without: what would have been paid, lower and upper end of that.
        work: None: not known.
        was_proved: an earlier measurement proved it.
        for_work: whether the resource is there to work; False where the change was to remove it.

    Returns:
        The saving, less what comes from work that was not done, and the verdict.
    """
    usual, lower, upper = without
    share = Decimal(str(work.share)) if work is not None and for_work and work.share < _LESS_WORK else Decimal(1)
    saving = Saving(usual * share - cost, lower * share - cost, upper - cost)
    if saving.lower > 0 and (work is not None or not for_work):
        return saving, "proved"
    if lower - cost > 0 and share < 1:
        return saving, "workload shrank"
    return saving, "evaporated" if was_proved else "not proved"


def _outcome(change: Row, books: _Books, last: date, now: datetime) -> dict[str, Any]:
    changed: date = change["changed_on"]
    # The next change of another kind has a saving of its own.
    end = min(last, change["changed_after"] - timedelta(days=1)) if change["changed_after"] else last
    begin = max(changed + timedelta(days=1), end - timedelta(days=MEASURED_DAYS - 1))
    days = max(0, (end - begin).days + 1)
    since = max(books.first, change["changed_before"] + timedelta(days=1)) if change["changed_before"] else books.first
    row: dict[str, Any] = {
        "recommendation_id": change["recommendation_id"],
        **{name: change[name] for name in ("workspace_id", "resource_type", "resource_id", "resource_name")},
        **{name: change[name] for name in ("bearer_type", "bearer_id", "team_id", "setting")},
        **{name: change[name] for name in ("setting_from", "setting_to")},
        "changed_on": changed,
        "measured_on": max(end, changed),
        "measured_from": begin if days else None,
        "days_before": min(PROFILE_DAYS, (changed - since).days),
        "days_after": days,
        "comparable_resources": 0,
        "placebos": 0,
        "method": _METHOD,
        "measured_at": now,
        **dict.fromkeys(_FIGURES),
    }
    if not days:
        return row | {"verdict": "measuring", "sentence": _sentence(change, row, "measuring")}
    keys = list(dict.fromkeys((_bearer(change), _resource(change))))
    row["actual_cost_usd"] = cost = _exact_sum(books, keys, begin, end)
    work = _work_of(books, _resource(change), changed, begin, end)
    if work is not None:
        row |= {
            "work_unit": work.unit,
            "work_before_per_day": Decimal(work.before).quantize(_CENT),
            "work_after_per_day": Decimal(work.after).quantize(_CENT),
        }
    if days < FEWEST_DAYS:
        return row | {"verdict": "measuring", "sentence": _sentence(change, row, "measuring")}
    found = _without(books, keys, change=books.day(changed), first=books.day(begin), last=books.day(end), since=since)
    if found is None:
        return row | {"verdict": "not proved", "sentence": _sentence(change, row, "not proved")}
    without = _at_prices_paid(books, keys, found, begin, end, cost)
    saving, verdict = judge(
        cost, without, work, was_proved=change["was_proved"], for_work=change["acts_on"] != "existence"
    )
    row |= dict(zip(_FIGURES[1:4], without, strict=True))
    row |= {"saving_usd": saving.usd, "saving_lower_usd": saving.lower, "saving_upper_usd": saving.upper}
    for name in ("saving", "saving_lower", "saving_upper"):
        per_30_days = name.replace("saving", "saving_per_30_days")
        row[f"{per_30_days}_usd"] = (row[f"{name}_usd"] * 30 / days).quantize(_CENT)
    row |= {
        "days_before": found.days_before,
        "comparable_resources": found.comparable,
        "placebos": found.placebos,
        "verdict": verdict,
    }
    return row | {"sentence": _sentence(change, row, verdict)}


_FIGURES = (
    "actual_cost_usd",
    "counterfactual_usd",
    "counterfactual_lower_usd",
    "counterfactual_upper_usd",
    "saving_usd",
    "saving_lower_usd",
    "saving_upper_usd",
    "saving_per_30_days_usd",
    "saving_per_30_days_lower_usd",
    "saving_per_30_days_upper_usd",
    "work_unit",
    "work_before_per_day",
    "work_after_per_day",
)


def _exact_sum(books: _Books, keys: Iterable[_Key], begin: date, end: date) -> Decimal:
    return sum(
        (cost for key in keys for day, cost in books.actual.get(key, {}).items() if begin <= day <= end), Decimal(0)
    )


def _without(
    books: _Books, keys: list[_Key], *, change: int, first: int, last: int, since: date
) -> Counterfactual | None:
    """Of what is billed for the resource: of a job that ran on a cluster, the cluster and what the job cost itself."""
    bearer, *own = keys
    if bearer not in books.places:
        return None
    costs, column = books.costs[bearer[1]], books.places[bearer]
    for key in own:
        if key in books.places:
            more = books.costs[key[1]].values[:, books.places[key]]
            values = costs.values.copy()
            values[:, column] += np.nan_to_num(more)
            costs = Costs(values, costs.weekdays, costs.workspaces, costs.changes)
    return counterfactual(costs, column, change=change, first=first, last=last, since=books.day(since))


def _at_prices_paid(
    books: _Books, keys: Iterable[_Key], found: Counterfactual, begin: date, end: date, cost: Decimal
) -> tuple[Decimal, Decimal, Decimal]:
    """The counterfactual at the prices of the days measured, where these differ from the newest ones."""
    window = slice(books.day(begin), books.day(end) + 1)
    newest = sum(
        float(np.nansum(books.costs[key[1]].values[window, books.places[key]])) for key in keys if key in books.places
    )
    prices = float(cost) / newest if newest > 0 and cost > 0 else 1.0
    usual, lower, upper = (Decimal(value * prices).quantize(_CENT) for value in (found.cost, found.lower, found.upper))
    return usual, lower, upper


def _work_of(books: _Books, key: _Key, changed: date, begin: date, end: date) -> Work | None:
    """None where it is not counted, or there is none of it before."""
    if key not in books.work or key[1] not in _WORK_UNITS:
        return None
    work, up = books.work[key]
    change, first, last = books.day(changed), books.day(begin), books.day(end)
    before = slice(max(0, change - LEVEL_DAYS), change)
    after = slice(first, last + 1)
    if not work[before].size or not (work[before].any() or up[before].any()):
        return None
    # Without telemetry after it nothing is known of its work, however much it cost.
    if not up[after].any() and key[1] != "job" and books.actual.get(key) and _exact_sum(books, [key], begin, end) > 0:
        return None
    weekdays = np.array([(books.first + timedelta(days=day)).weekday() for day in range(len(work))], dtype=np.int64)
    expected = float(expected_sum(work[:, None], weekdays, change, first, last, since=change - LEVEL_DAYS)[0])
    done = float(work[after].sum())
    is_for_work = key[1] == "job" or work[before].sum() >= _WORKED * up[before].sum()
    share = min(1.0, done / expected) if is_for_work and expected > 0 else 1.0
    return Work(_WORK_UNITS[key[1]], float(work[before].mean()), float(work[after].mean()), share)


def _sentence(change: Row, row: dict[str, Any], verdict: Verdict) -> str:
    days = row["days_after"]
    if verdict == "measuring":
        return (
            f"Changed on {change['changed_on']}: {days} final {'day' if days == 1 else 'days'} since, measured from "
            f"{FEWEST_DAYS} on."
        )
    back = f" {change['setting']} was changed back." if change["is_changed_back"] else ""
    if row["saving_usd"] is None:
        return (
            f"Not proved: its cost before {change['changed_on']} is known for fewer than {MINIMUM_BEFORE} days, or was "
            f"nothing.{back}"
        )
    spent = (
        f"{days} days cost {_usd(row['actual_cost_usd'])}; without the change of {change['changed_on']} they would "
        f"have cost {_usd(row['counterfactual_usd'])}"
    )
    between = f"{_usd(row['saving_per_30_days_lower_usd'])} to {_usd(row['saving_per_30_days_upper_usd'])} per 30 days"
    work = (
        f"{row['work_unit']} a day went from {row['work_before_per_day']:.1f} to {row['work_after_per_day']:.1f}"
        if row["work_unit"]
        else "how much it worked is not known"
    )
    said = {
        "proved": f"Proved: saves {between}. {spent}, and {work}.",
        "not proved": f"Not proved: the saving lies between {between}. {spent}, and {work}.",
        "evaporated": f"The saving is gone: it was proved before, and lies between {between} now. {spent}, and {work}.",
        "workload shrank": f"It costs less because it does less: {work}. {spent}; what is left lies between {between}.",
    }[verdict]
    return said + back


def _usd(amount: Decimal) -> str:
    return f"{amount:,.2f} USD"
