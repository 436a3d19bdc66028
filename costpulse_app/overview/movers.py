"""What changed most between the month to date and the same days of the month before."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

import streamlit as st

from costpulse_app import formats, parts, queries
from costpulse_app.overview.breakdown import open_month
from costpulse_app.overview.cards import SPARK_DAYS
from costpulse_app.overview.sums import key as key_of
from costpulse_app.overview.sums import moved as moved_by
from costpulse_app.overview.sums import percent
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import DIMENSIONS, Windows
from costpulse_assets.periods import Period

MOVERS = 10


def show(made: Frame, final: date, windows: Windows, kinds: Sequence[str]) -> None:
    """What changed most, up or down, in dollars."""
    st.subheader("Biggest movers", anchor=False)
    found = []
    for kind in kinds:
        groups = queries.by_group(made.version, windows, kind, "", made.selection, made.measure)
        labels = made.names.all(kind, [(group.group_id, group.group_name) for group in groups])
        # "No job" and the like are not things that move.
        found += [
            (kind, labels[group.group_id], group, moved_by(group))
            for group in groups
            if group.group_id is not None and moved_by(group)
        ]
    found.sort(key=lambda mover: (-abs(mover[3]), mover[1]))
    found = found[:MOVERS]
    if not found:
        st.caption("Nothing changed between the two periods.")
        return
    recent = Period(final - timedelta(days=SPARK_DAYS - 1), final)
    lines: dict[tuple[str, str], list[float]] = {}
    for kind in kinds:
        ids = tuple(group.group_id or "" for of_kind, _, group, _ in found if of_kind == kind)
        if not ids:
            continue
        amounts = {
            (row.group_id, row.bin): row.amount
            for row in queries.by_bin(made.version, recent, "day", kind, ids, "", made.selection, made.measure)
        }
        for group_id in ids:
            lines[kind, group_id] = [float(amounts.get((group_id, day)) or 0) for day in recent]
    st.caption(
        formats.plain(
            f"{formats.days(windows.period)} against {formats.days(windows.before)}"
            if windows.before
            else formats.days(windows.period)
        )
    )
    rows = [
        {
            "Name": name,
            "Month to date": group.final_amount,
            "Change": moved,
            "Change %": percent(group),
            "Kind": DIMENSIONS[kind].label,
            "Before": group.before_amount,
            "30 days": lines[kind, group.group_id or ""],
        }
        for kind, name, group, moved in found
    ]
    money = parts.money_column(made.currency)
    shown = [(kind, group.group_id or "") for kind, _, group, _ in found]
    table_key = key_of("movers", made)
    parts.table(
        rows,
        key=table_key,
        alt="Biggest movers: month to date against the same days of the month before",
        columns={
            "Name": st.column_config.TextColumn(width="medium"),
            "Kind": st.column_config.TextColumn(width="small"),
            "Month to date": money,
            "Before": money,
            "Change": money,
            "Change %": st.column_config.NumberColumn(format="%.1f%%"),
            "30 days": st.column_config.AreaChartColumn(width="small", help="Cost per day, final days only"),
        },
        on_select=partial(_open_mover, table_key, made, shown),
        height="content",
    )
    opens = "a team on its page, anything else in the cost explorer" if "team" in kinds else "it in the cost explorer"
    st.caption(f"Choose a row to open {opens}.")


def _open_mover(table_key: str, made: Frame, shown: Sequence[tuple[str, str]]) -> None:
    rows = st.session_state[table_key].selection.rows
    if not rows:
        return
    kind, group_id = shown[rows[0]]
    if kind == "team":
        parts.open_page("team", made.filters.to_query() | {"id": [group_id]})
    else:
        open_month(made, kind, group_id)
