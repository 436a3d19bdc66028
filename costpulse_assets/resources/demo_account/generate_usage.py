"""The raw rows of `system.billing.usage`: originals, late ones, retractions and restatements.

Each calendar day has its own random numbers, drawn from (seed, day): a day looks the same whatever the
length of the history, and a later look at the account only adds what has arrived meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from costpulse_assets.resources.demo_account import planted
from costpulse_assets.resources.demo_account.model import ACCOUNT_ID
from costpulse_assets.resources.demo_account.streams import LATECOMERS, Stream
from costpulse_assets.resources.demo_account.tables import CATALOG, USAGE_METADATA_FIELDS

#: The account is looked at at noon UTC.
LOOK_HOUR = 12

#: A run may have begun before the first day, but never more than a week before.
LEAD_IN_DAYS = 7

#: Stands in for the hour of a day in which a run begins where runs last a calendar week.
_WEEKLY = 24

EPOCH = date(1970, 1, 1)

# Variants of a stream's constant columns: a template is stream * VARIANTS + variant.
BASE, TAGS_REVERSED, TAGS_CORRECTED, SKU_CORRECTED = range(4)
VARIANTS = 4
ORIGINAL, RETRACTION, RESTATEMENT = range(3)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Load of every stream (rows) in every hour (columns), before the noise of the day."""

    weekday: Floats
    weekend: Floats
    month_end: Floats
    growth: Floats
    noise: Floats
    chance: Floats
    hours: Ints  # length of a usage window
    run_hour: Ints  # hour in which the run that a row belongs to began, negative for the day before, or _WEEKLY
    micro_rate: Ints  # millionths of a unit per hour
    latecomers: int  # the streams that draw numbers of their own, at the end


def generate_usage(
    connection: duckdb.DuckDBPyConnection,
    streams: Sequence[Stream],
    *,
    seed: int,
    first_day: date,
    end_date: date,
    as_of: date,
) -> None:
    """Fill `billing.usage` with what has arrived by noon of as_of for the days first_day..as_of.

    Beside it the temporary table `work` is made, with what was done in every hour of these days and of the week
    before whether it is billed yet or not: telemetry is made from it, and knows more than the bill as of today.
    """
    calendar = _calendar(streams)
    days = [
        _day(calendar, streams, seed=seed, day=first_day + timedelta(days=offset), end_date=end_date, as_of=as_of)
        for offset in range(-LEAD_IN_DAYS, max((as_of - first_day).days, -LEAD_IN_DAYS) + 1)
    ]
    connection.register("usage_templates", _templates(streams))
    for number, statement in enumerate((_INSERT, _WORK)):
        parts = [day[number] for day in days]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        connection.register("usage_rows", pa.table({name: pa.array(values) for name, values in columns.items()}))
        connection.execute(statement, {"seed": str(seed)} | ({"first_day": first_day} if statement == _INSERT else {}))
        connection.unregister("usage_rows")
    connection.unregister("usage_templates")


def _calendar(streams: Sequence[Stream]) -> _Calendar:
    shape = (len(streams), 24)
    weekday, weekend = np.zeros(shape), np.zeros(shape)
    hours, run_hour = np.ones(shape, np.int64), np.zeros(shape, np.int64)
    for row, stream in enumerate(streams):
        rhythm = stream.rhythm
        if rhythm.whole_day:
            weekday[row, 0] = rhythm.load * 24
            hours[row, 0] = 24
        else:
            last = rhythm.first_hour + rhythm.hours
            busy = np.arange(rhythm.first_hour, last if rhythm.overnight else min(24, last), rhythm.every)
            swell = np.sin(np.pi * (busy - rhythm.first_hour + 0.5) / rhythm.hours) if rhythm.bell else 1.0
            weekday[row, busy % 24] = rhythm.load * swell
            every_hour = rhythm.hours == 24 and rhythm.load < 1
            run_hour[row] = np.arange(24) if every_hour else _WEEKLY if rhythm.hours == 24 else rhythm.first_hour
            run_hour[row, : max(0, last - 24)] -= 24 if rhythm.overnight else 0
        weekend[row] = weekday[row] * rhythm.weekend

    def column(values: list[float]) -> Floats:
        return np.array(values)[:, None]

    return _Calendar(
        weekday,
        weekend,
        column([stream.rhythm.month_end for stream in streams]),
        column([stream.rhythm.growth for stream in streams]),
        column([stream.rhythm.noise for stream in streams]),
        column([stream.rhythm.chance for stream in streams]),
        hours,
        run_hour,
        np.array([round(stream.units_per_hour * 1_000_000) for stream in streams], np.int64)[:, None],
        sum(stream.name in LATECOMERS for stream in streams),
    )


def _day(
    calendar: _Calendar, streams: Sequence[Stream], *, seed: int, day: date, end_date: date, as_of: date
) -> tuple[dict[str, NDArray[np.generic]], dict[str, NDArray[np.generic]]]:
    """The usage rows of a day that have arrived, and what was worked in each of its hours."""
    offset = (day - end_date).days
    established = len(streams) - calendar.latecomers
    rng = np.random.Generator(np.random.PCG64([seed, day.toordinal()]))
    later_rng = np.random.Generator(np.random.PCG64([seed, day.toordinal(), 1]))

    def normal(width: int = 24) -> Floats:
        return np.concatenate(
            [rng.standard_normal((established, width)), later_rng.standard_normal((calendar.latecomers, width))]
        )

    def uniform(width: int = 24) -> Floats:
        return np.concatenate([rng.random((established, width)), later_rng.random((calendar.latecomers, width))])

    # Always drawn in this order and number: nothing that depends on as_of or days may change it.
    noise, day_noise = normal(), normal(1)
    runs_today = uniform(1) < calendar.chance
    lag_kind, lag = uniform(), uniform()
    order, corrected, correction = uniform(), uniform(), uniform()
    restated = 0.5 + (1.1 - 0.5) * uniform()
    correction_batch, correction_delay = rng.random() < 0.2, int(rng.integers(5, 13))

    load = (calendar.weekend if day.weekday() >= 5 else calendar.weekday).copy()
    if day.day == 1 or (day + timedelta(days=2)).day <= 2:
        load *= calendar.month_end
    load *= np.exp(calendar.growth * offset + calendar.noise * (noise + 0.5 * day_noise)) * runs_today
    _plant(load, streams, offset)

    seconds = np.rint(load * 3600).astype(np.int64)
    idle = _idle_before_ending(seconds, streams, offset)
    seconds += idle
    stream, hour = np.nonzero(seconds >= 36)
    amount = seconds[stream, hour] * calendar.micro_rate[stream, 0]
    length = calendar.hours[stream, hour]

    # Most rows arrive within hours, some within a day, a few two or three days late.
    kind, share = lag_kind[stream, hour], lag[stream, hour]
    hours_late = np.select(
        [kind < 0.86, kind < 0.955, kind < 0.985],
        [0.1 + 0.8 * share, 8 + 24 * share, 24 + 24 * share],
        48 + 23 * share,
    )
    arrival = hour + length + hours_late
    has_two_tags = np.array([len(each.tags or ()) > 1 for each in streams])[stream]
    variant = np.where(has_two_tags & (order[stream, hour] < 0.05), TAGS_REVERSED, BASE)

    # Corrections come in batches; all of one day arrive together, days later. The planted ones win.
    is_corrected = (corrected[stream, hour] < 0.03) & correction_batch
    delay = np.full(stream.shape, correction_delay)
    draw = correction[stream, hour]
    new_amount = np.rint(amount * restated[stream, hour]).astype(np.int64)
    has_sibling = np.array([each.restated_sku is not None for each in streams])[stream]
    new_variant = np.where(draw < 0.25, TAGS_CORRECTED, np.where((draw < 0.45) & has_sibling, SKU_CORRECTED, variant))
    is_restated = draw < 0.9
    names = np.array([each.name for each in streams], dtype=object)[stream]
    for fact in planted.facts("restatement", "retraction"):
        subject = names == fact.subject
        if fact.first_day == offset and fact.arrives is not None:
            is_corrected |= subject
            delay[subject] = fact.arrives - offset
            is_restated[subject] = fact.kind == "restatement"
            new_amount[subject] = np.rint(amount[subject] * (fact.size or 0)).astype(np.int64)
            new_variant[subject] = TAGS_CORRECTED
        else:
            is_corrected &= ~subject

    day_number, look = (day - EPOCH).days, (as_of - day).days * 24 + LOOK_HOUR
    run_hour = calendar.run_hour[stream, hour]
    run = np.where(run_hour == _WEEKLY, day_number // 7 * 7 * 24, day_number * 24 + run_hour)
    is_in = arrival <= look
    is_in_correction = is_corrected & (delay * 24 <= look)

    def rows(
        chosen: NDArray[np.bool_], record: int, sign: int, variants: Ints, amounts: Ints, days_late: Ints
    ) -> dict[str, NDArray[np.generic]]:
        size = int(chosen.sum())
        return {
            "stream": stream[chosen].astype(np.int32),
            "template": (stream * VARIANTS + variants)[chosen].astype(np.int32),
            "day": np.full(size, day_number, np.int32),
            "hour": hour[chosen].astype(np.int32),
            "length": length[chosen].astype(np.int32),
            "run": run[chosen].astype(np.int32),
            "record": np.full(size, record, np.int32),
            "sign": np.full(size, sign, np.int32),
            # A millionth of a unit per hour times seconds, divided by 3.6e9, to 18 digits and without floats.
            "whole": amounts[chosen] // 3_600_000_000,
            "atto": (amounts[chosen] % 3_600_000_000).astype(np.uint64) * np.uint64(5_000_000_000) // np.uint64(18),
            "ingestion": (day_number + days_late)[chosen].astype(np.int32),
        }

    parts = (
        rows(is_in, ORIGINAL, 1, variant, amount, np.floor(arrival / 24).astype(np.int64)),
        rows(is_in_correction, RETRACTION, -1, variant, amount, delay),
        rows(is_in_correction & is_restated, RESTATEMENT, 1, new_variant, new_amount, delay),
    )
    usage = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    work: dict[str, NDArray[np.generic]] = {
        "stream": stream.astype(np.int32),
        "template": (stream * VARIANTS).astype(np.int32),
        "hour": (day_number * 24 + hour).astype(np.int64),
        "seconds": seconds[stream, hour],
        "idle_seconds": idle[stream, hour],
        "run": run.astype(np.int32),
    }
    return usage, work


def _plant(load: Floats, streams: Sequence[Stream], offset: int) -> None:
    """Change the load of the day that lies `offset` days from the end date by what is planted on it."""
    row_of = {stream.name: row for row, stream in enumerate(streams)}
    for fact in planted.facts("spike", "level shift"):
        if fact.covers(offset):
            load[row_of[fact.subject]] *= fact.size or 1
    for fact in planted.facts("leak"):
        if fact.covers(offset):
            # An account that is kept long after its end date would otherwise be nothing but this leak.
            days_leaking = min(offset, 30) - (fact.first_day or 0)
            load[row_of[fact.subject]] *= (1 + (fact.size or 0)) ** days_leaking
    for fact in planted.facts("outage"):
        if fact.covers(offset):
            first_hour = round(24 * (1 - (fact.size or 0)))
            for row, stream in enumerate(streams):
                if stream.workspace is not None and stream.workspace.name == fact.subject:
                    load[row, first_hour:] = 0
    for fact in planted.facts("new workload", "late price", "deleted cluster"):
        if not fact.covers(offset):
            for row, stream in enumerate(streams):
                if fact.subject in (stream.name, stream.sku):
                    load[row] = 0


def _idle_before_ending(seconds: Ints, streams: Sequence[Stream], offset: int) -> Ints:
    """Seconds in which a cluster waits for its end after the last work of the day, while it is told to wait longer."""
    idle = np.zeros_like(seconds)
    for fact in planted.facts("changed auto-termination"):
        if fact.covers(offset):
            continue
        row = next(row for row, stream in enumerate(streams) if stream.name == fact.subject)
        (busy,) = np.nonzero(seconds[row] >= 36)
        left = 60 * (planted.OLD_AUTO_TERMINATION - int(fact.size or 0))
        for hour in range(busy[-1] if busy.size else 24, 24):
            idle[row, hour] = min(left, max(0, 3600 - seconds[row, hour]))
            left -= idle[row, hour]
    return idle


def _templates(streams: Sequence[Stream]) -> pa.Table:
    """One row per stream and variant with the columns that its usage rows share."""
    rows = []
    for row, stream in enumerate(streams):
        tags = stream.tags
        for variant in range(VARIANTS):
            shown = list(tags.items()) if tags is not None else None
            if variant == TAGS_REVERSED and shown is not None:
                shown.reverse()
            if variant == TAGS_CORRECTED:
                shown = list({**(tags or {}), "cost_center": "cc-9090"}.items())
            rows.append(
                {
                    "template": row * VARIANTS + variant,
                    "name": stream.name,
                    "workspace_id": stream.workspace.workspace_id if stream.workspace else None,
                    "sku_name": stream.restated_sku if variant == SKU_CORRECTED else stream.sku,
                    "cloud": stream.cloud,
                    "usage_unit": stream.unit,
                    "product": stream.product,
                    "usage_type": stream.usage_type,
                    "tags": shown,
                    "metadata": stream.metadata,
                    "identity": stream.identity,
                    "features": _photon_toggled(stream) if variant == SKU_CORRECTED else stream.features,
                    "runs": stream.runs,
                }
            )
    return pa.Table.from_pylist(rows, schema=_TEMPLATE_SCHEMA)


def _photon_toggled(stream: Stream) -> dict[str, object]:
    return {**stream.features, "is_photon": not stream.features.get("is_photon")}


def _strings(*names: str) -> pa.DataType:
    return pa.struct([(name, pa.string()) for name in names])


_TEMPLATE_SCHEMA = pa.schema(
    [
        ("template", pa.int32()),
        ("name", pa.string()),
        ("workspace_id", pa.string()),
        ("sku_name", pa.string()),
        ("cloud", pa.string()),
        ("usage_unit", pa.string()),
        ("product", pa.string()),
        ("usage_type", pa.string()),
        ("tags", pa.map_(pa.string(), pa.string())),
        ("metadata", _strings(*USAGE_METADATA_FIELDS)),
        ("identity", _strings("run_as", "owned_by", "created_by")),
        (
            "features",
            pa.struct(
                [
                    ("jobs_tier", pa.string()),
                    ("sql_tier", pa.string()),
                    ("dlt_tier", pa.string()),
                    ("is_serverless", pa.bool_()),
                    ("is_photon", pa.bool_()),
                    ("serving_type", pa.string()),
                    ("offering_type", pa.string()),
                    ("performance_target", pa.string()),
                    ("networking", _strings("connectivity_type")),
                    ("ai_runtime", _strings("compute_type")),
                    ("model_serving", _strings("offering_type")),
                    ("ai_gateway", _strings("feature_type")),
                    ("serverless_gpu", _strings("workload_type")),
                    ("ai_functions", _strings("ai_function")),
                    ("agent_bricks", _strings("problem_type", "workload_type")),
                ]
            ),
        ),
        ("runs", pa.string()),
    ]
)

#: What of usage_metadata differs from run to run; `run_hash` identifies the run, `began` is its start.
_OF_THE_RUN = {
    "cluster_id": "case when t.runs = 'job cluster' then "
    "strftime(x.began, '%m%d-%H%M%S') || '-' || x.run_hash[1:8] else t.metadata.cluster_id end",
    "job_run_id": "case when t.runs in ('job run', 'job cluster') then "
    "cast(100000000000000 + cast('0x' || x.run_hash[9:20] as bigint) as varchar) end",
    "dlt_update_id": "case when t.runs = 'pipeline update' then cast(cast(x.run_hash as uuid) as varchar) end",
}

_METADATA = ", ".join(f"{name} := {_OF_THE_RUN.get(name, f't.metadata.{name}')}" for name in USAGE_METADATA_FIELDS)

# one row per usage row: the numbers drawn in Python joined to the constant columns of their stream
_INSERT = f"""
insert into {CATALOG}.billing.usage
select
    -- A retraction keeps the record_id of what it takes back; a restatement is a new record.
    cast(
        cast(md5(concat_ws('|', $seed, 'record', x.stream, x.day, x.hour, x.record = {RESTATEMENT})) as uuid) as varchar
    ),
    '{ACCOUNT_ID}',
    t.workspace_id,
    t.sku_name,
    t.cloud,
    x.usage_start,
    x.usage_start + to_hours(x.length),
    date '1970-01-01' + x.day,
    t.tags,
    t.usage_unit,
    x.sign * (
        cast(x.whole as decimal(38, 18))
        + cast(x.atto as decimal(18, 0)) * cast('0.000000000000000001' as decimal(18, 18))
    ),
    struct_pack({_METADATA}),
    t.identity,
    case x.record when {ORIGINAL} then 'ORIGINAL' when {RETRACTION} then 'RETRACTION' else 'RESTATEMENT' end,
    date '1970-01-01' + x.ingestion,
    t.product,
    t.features,
    t.usage_type
from (
    select
        *,
        to_timestamp((day * 24 + hour) * 3600) as usage_start,
        to_timestamp(run * 3600) at time zone 'UTC' as began,
        md5(concat_ws('|', $seed, 'run', stream, run)) as run_hash
    from usage_rows
    where date '1970-01-01' + day >= $first_day
) as x
join usage_templates as t using (template)
"""  # noqa: S608 - composed of constants of this module

# one row per stream and hour in which it did something, up to the end of the last day: billed or not yet billed
_WORK = f"""
create or replace temp table work as
select
    x.stream,
    t.name,
    t.workspace_id,
    t.product,
    t.runs,
    x.hour,
    x.seconds,
    x.idle_seconds,
    cast('0x' || x.run_hash[1:7] as bigint) as salt,
    {_OF_THE_RUN["cluster_id"]} as cluster_id,
    {_OF_THE_RUN["job_run_id"]} as run_id,
    {_OF_THE_RUN["dlt_update_id"]} as update_id,
    t.metadata.warehouse_id,
    t.metadata.job_id,
    t.metadata.dlt_pipeline_id as pipeline_id,
    t.metadata.notebook_id,
    t.metadata.node_type,
    t.identity.run_as
from (
    select
        *,
        to_timestamp(run * 3600) at time zone 'UTC' as began,
        md5(concat_ws('|', $seed, 'run', stream, run)) as run_hash
    from usage_rows
) as x
join usage_templates as t using (template)
where t.product in ('ALL_PURPOSE', 'SQL', 'JOBS', 'DLT', 'INTERACTIVE')
order by x.stream, x.hour
"""  # noqa: S608 - composed of constants of this module
