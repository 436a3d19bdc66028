"""The lower part of the page: how days arrive, the calendar, corrections, and the tables behind it all."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import streamlit as st

from costpulse_app import charts, formats, parts
from costpulse_app.alerts.words import moment_column
from costpulse_app.dagster_client import COST_CYCLE, AssetState, CheckState
from costpulse_app.health import figures, reads, words
from costpulse_app.health.reads import Dagster, SourceState
from costpulse_app.parts import Frame
from costpulse_assets.collectors.system_tables import SYSTEM_TABLES, SystemTable
from costpulse_assets.resources.sql_files import SQL_DIR

#: Checks whose statement has not the name of the asset.
_STATEMENTS = {
    "control_totals_match": "control_totals",
    "unpriced_share": "unpriced_skus",
    "usage_is_fresh": "collection_summary",
}


def arrivals(made: Frame) -> None:
    """How much of a day is in, by hours after it."""
    settled, open_days = reads.arrivals(made.version, made.newest)
    st.subheader("How days arrive", anchor=False)
    if not settled and not open_days:
        st.caption("Nothing to show yet: the curve needs days that were seen to arrive.")
        return
    rests_on = (
        f"Days older than a week, by {figures.basis(settled)}."
        if settled
        else "The usual curve needs a week of days that were seen to arrive."
    )
    st.caption(formats.plain(f"Share of a day that is in, by hours after it ended. {rests_on}"))
    st.plotly_chart(
        figures.arrival_curve(settled, open_days, charts.palette(st.context.theme.type)),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="arrival_curve",
        alt="Share of a usage day that is in, by hours after the day: usual curve with its band, and days not final",
    )
    rows: list[dict[str, object]] = [
        {
            "Day": "settled days",
            "Hours after the day": point.hours,
            "Share in": f"{point.middle * 100:.1f}%",
            "Four of five": f"{point.low * 100:.1f}% to {point.high * 100:.1f}%",
            "Days": point.days,
        }
        for point in settled
    ]
    rows += [
        {
            "Day": point.usage_date.isoformat(),
            "Hours after the day": round(point.hours, 1),
            "Share in": f"{point.share * 100:.1f}%",
            "Four of five": None,
            "Days": None,
        }
        for point in open_days
    ]
    _as_table(rows, "arrivals", "Share of a usage day that is in, by hours after the day")


def calendar(made: Frame) -> None:
    """Which days are missing, not final, final, restated, and why."""
    days = reads.days(made.version, made.newest)
    counts = {kind: len([day for day in days if words.kind(day) == kind]) for kind in words.DAY_KINDS}
    st.subheader("Days", anchor=False)
    said = ", ".join(f"{number:,} {kind}" for kind, number in counts.items() if number)
    st.caption(formats.plain(f"The last {formats.count(len(days), 'day')}: {said}. Hover for the reason."))
    st.plotly_chart(
        figures.calendar(days, made.currency, charts.palette(st.context.theme.type)),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="day_calendar",
        alt=f"Calendar of usage days: {said}",
    )
    rows: list[dict[str, object]] = [
        {
            "Day": day.usage_date,
            "State": words.kind(day).capitalize(),
            "Reason": words.reason(day, made.currency),
            "Collected": day.collected_at,
        }
        for day in reversed(days)
    ]
    _as_table(
        rows, "days", "Usage days with state and reason, newest first", Collected=moment_column("Collected (UTC)")
    )


def restatements(made: Frame) -> None:
    """What Databricks corrected, by month of usage."""
    months = reads.restatements(made.version, made.newest)
    st.subheader("Corrections", anchor=False)
    if not months:
        st.caption("Databricks corrected no day two days after the usage, or later.")
        return
    st.caption("What Databricks corrected two days after the usage or later, by month of usage, at present prices.")
    st.plotly_chart(
        figures.restated_bars(months, made.currency, charts.palette(st.context.theme.type)),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="restated_bars",
        alt="Corrections by month of usage: what was added and what was taken off",
    )
    rows: list[dict[str, object]] = [
        {
            "Month": f"{month.usage_month:%Y-%m}",
            "Days corrected": month.days,
            "Lines": month.record_count,
            "Added": month.raised_usd,
            "Taken off": month.lowered_usd,
            "Net": month.cost_usd,
        }
        for month in months
    ]
    money = {name: parts.money_column(made.currency) for name in ("Added", "Taken off", "Net")}
    _as_table(rows, "corrections", "Corrections by month of usage", **money)


def sources(found: Sequence[SourceState], chosen: str, now: datetime) -> None:
    """Every source and connection with what to do about it; what is late comes first."""
    st.subheader("Sources", anchor=False)
    st.text_input("Source or connection", key="h_source", placeholder="All", width=280)
    shown = [
        one for one in found if chosen.lower() in f"{one.source} {words.source(one.source)} {one.connection}".lower()
    ]
    shown.sort(key=lambda one: (not one.is_late(now), one.source, one.connection))
    rows: list[dict[str, object]] = [
        {
            "Source": words.source(one.source),
            "Connection": one.connection,
            "State": words.STATES[one.state] if one.state != "ok" or not one.is_late(now) else "Late",
            "Last read": one.succeeded_at,
            "Newest day": one.newest_day,
            "Last tried": one.attempted_at,
            "What happened": one.message,
            "Next step": one.next_step,
            "Table": one.source,
        }
        for one in shown
    ]
    _table(
        rows,
        "sources",
        "Sources by connection with state, last reading, newest day and next step; late ones first",
        **{"Last read": moment_column("Last read (UTC)"), "Last tried": moment_column("Last tried (UTC)")},
    )


def permissions(found: Sequence[SourceState]) -> None:
    """Each system table: whether it can be read, and what breaks without."""
    rows = permission_rows(found)
    missing = [row for row in rows if row["Granted"] == "no"]
    label = f"Permissions: {len(missing)} missing" if missing else "Permissions: none missing"
    with st.expander(label, icon=":material/key:", key="health_permissions", expanded=bool(missing)):
        st.caption(
            "As the last readings found it; `costpulse doctor` asks anew and names the exact fix for each connection."
        )
        _table(rows, "permissions", "System tables of Databricks, whether each can be read, and what breaks without")


def permission_rows(found: Sequence[SourceState]) -> list[dict[str, object]]:
    """The rows of the table, what is missing first."""
    rows: list[dict[str, object]] = []
    for table in SYSTEM_TABLES:
        granted, over = _granted(table, found)
        rows.append(
            {
                "Table": table.full_name,
                "Granted": granted,
                "Over": ", ".join(over) or None,
                "Without it": table.without,
                "Grant": "; ".join(table.grants()) if granted == "no" else None,
            }
        )
    order = ("no", "not known", "not read yet", "yes")
    return sorted(rows, key=lambda row: order.index(str(row["Granted"])))


def _granted(table: SystemTable, found: Sequence[SourceState]) -> tuple[str, list[str]]:
    """Whether it can be read, and over which connections that is said."""
    about = [one for one in found if one.source in table.needed_by]
    for state, said in (("not available", "no"), ("failed", "not known")):
        of_state = [one for one in about if one.state == state]
        # One table feeds several of ours, and each of ours may read several: a named refusal decides where it says so.
        if state == "not available":
            of_state = [one for one in of_state if table.name in (one.message or "") + (one.next_step or "")] or (
                of_state if len(_tables_of(of_state)) == 1 else []
            )
        if of_state:
            return said, sorted({one.connection for one in of_state})
    read = [one for one in about if one.succeeded_at is not None]
    return ("yes" if read else "not read yet"), sorted({one.connection for one in read})


def _tables_of(states: Sequence[SourceState]) -> set[str]:
    return {table.name for table in SYSTEM_TABLES for one in states if one.source in table.needed_by}


def checks(dagster: Dagster) -> None:
    """Every check of every asset: those that failed first, with the statement to look at."""
    st.subheader("Checks", anchor=False)
    if dagster.problem is not None:
        st.caption(
            "How the checks went is with Dagster, which does not answer. Whether the figures add up is above, from "
            "CostPulse's own tables."
        )
        return
    every = [check for asset in dagster.assets.values() for check in asset.checks]
    every.sort(key=lambda one: (_rank(one), one.asset, one.name))
    failed = [one for one in every if one.passed is False]
    ran = len([one for one in every if one.passed is not None])
    st.caption(
        formats.plain(
            f"{len(failed)} of {formats.count(ran, 'check')} failed."
            if failed
            else f"{formats.count(ran, 'check')} passed; {len(every) - ran} did not run since their table was made."
        )
    )
    rows: list[dict[str, object]] = [
        {
            "Result": _result(one),
            "Asset": one.asset,
            "Check": one.name.replace("_", " "),
            "States": one.description,
            "Look at": statement(one),
            "Stops what follows": "yes" if one.is_blocking else "no",
            "Checked": one.checked_at,
        }
        for one in every
    ]
    _table(
        rows, "checks", "Checks of all assets, failed ones first, with the statement to look at",
        Checked=moment_column("Checked (UTC)"),
    )  # fmt: skip


def statement(check: CheckState) -> str | None:
    """The statement of sql/checks/ that finds what a check is about; None: it has none of its own."""
    for name in (_STATEMENTS.get(check.name), check.name, f"{check.asset}_conserve"):
        if name is not None and (SQL_DIR / "checks" / f"{name}.sql").exists():
            return f"sql/checks/{name}.sql"
    return None


def _rank(check: CheckState) -> int:
    if check.passed is None:
        return 2
    return 3 if check.passed else int(check.is_warning)


def _result(check: CheckState) -> str:
    if check.passed is None:
        return "Not run"
    if check.passed:
        return "Passed"
    return "Warns" if check.is_warning else "Failed"


def assets(dagster: Dagster, chosen: str, now: datetime) -> None:
    """Every table that CostPulse makes: when that last went through, how long it took, and how fresh it is."""
    st.subheader("Assets", anchor=False)
    st.text_input("Asset", key="h_asset", placeholder="All", width=280)
    tables = reads.tables()
    rows = asset_rows(tables, dagster, now)
    shown = [row for row in rows if chosen.lower() in f"{row['Asset']} {row['Group'] or ''}".lower()]
    if dagster.problem is not None:
        st.caption("From CostPulse's own tables; durations, checks and the next run are with Dagster.")
    _table(
        shown, "assets", "Assets with last success, rows, duration, freshness, checks and next run",
        **{
            "Last success": moment_column("Last success (UTC)"),
            "Next": moment_column("Next (UTC)"),
            "Rows": st.column_config.NumberColumn(format="localized"),
        },
    )  # fmt: skip


def asset_rows(tables: Mapping[str, reads.TableState], dagster: Dagster, now: datetime) -> list[dict[str, object]]:
    """The rows of the table; stale ones first."""
    next_run = dagster.location.next_run if dagster.location else None
    rows: list[dict[str, object]] = []
    for name in sorted(tables.keys() | dagster.assets.keys()):
        table, asset = tables.get(name), dagster.assets.get(name)
        rows.append(
            {
                "Asset": name,
                "Group": asset.layer if asset else None,
                "Last success": words.last_success(table, asset),
                "Rows": _rows_of(table, asset),
                "Duration": words.duration(asset.seconds) if asset else None,
                "Freshness": words.freshness(table, asset, now),
                "Checks passed": _passed(asset),
                "Days": f"{table.first_day} to {table.last_day}" if table and table.first_day else None,
                "Next": next_run if asset and COST_CYCLE in asset.job_names else None,
            }
        )
    order = ("stale", "never made", "getting old", "fresh")
    return sorted(rows, key=lambda row: order.index(str(row["Freshness"])))


def _rows_of(table: reads.TableState | None, asset: AssetState | None) -> int | None:
    """All rows where our books count them; else what the last run said."""
    if table is not None and table.row_count is not None:
        return table.row_count
    return asset.rows if asset else None


def _passed(asset: AssetState | None) -> str | None:
    ran = [check for check in asset.checks if check.passed is not None] if asset else []
    return f"{len([check for check in ran if check.passed])} of {len(ran)}" if ran else None


def _as_table(rows: Sequence[Mapping[str, object]], key: str, alt: str, **columns: object) -> None:
    with st.expander("Show as table", icon=":material/table:", key=f"health_{key}_open"):
        _table(rows, key, alt, **columns)


def _table(rows: Sequence[Mapping[str, object]], key: str, alt: str, **columns: object) -> None:
    if not rows:
        st.caption("Nothing to list.")
        return
    parts.table(rows, key=f"health_{key}", alt=alt, columns=columns)
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        f"data-health-{key}.csv",
        "text/csv",
        icon=":material/download:",
        key=f"health_{key}_csv",
        on_click="ignore",
    )
