"""What alerts found and what became of every message: state, attempts, and what the channel answered."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from costpulse_app import formats
from costpulse_app.alerts import reads, words
from costpulse_app.alerts.reads import HISTORY_DAYS, Alert, Line
from costpulse_app.alerts.state import STATUSES, Choice, open_one
from costpulse_app.parts import Frame

_ROW_BUTTON = "finding_opened"


def show(made: Frame, choice: Choice, alerts: Sequence[Alert]) -> None:
    """Draw the tab."""
    controls(alerts)
    lines = reads.history(choice.status, choice.alert)
    if lines:
        listing(made, lines)
    elif choice.status == "all" and choice.alert is None:
        st.info(f"No alert has found anything in {HISTORY_DAYS} days.", icon=":material/check:")
    elif choice.status == "problems":
        st.info("Every message arrived, or somebody looks after its finding.", icon=":material/check:")
    else:
        st.info(f"Nothing of the last {HISTORY_DAYS} days passes the filters above.", icon=":material/filter_alt:")


def controls(alerts: Sequence[Alert]) -> None:
    """What became of it, and whose it is."""
    names = {one.id: one.name for one in alerts}
    if st.session_state.get("al_alert") not in names:
        # A link may name one that is gone.
        st.session_state["al_alert"] = None
    with st.container(horizontal=True, key="controls", vertical_alignment="bottom", gap="small"):
        st.segmented_control(
            "Messages",
            list(STATUSES),
            format_func=STATUSES.__getitem__,
            key="al_status",
            required=True,
            width="content",
        )
        st.selectbox(
            "Alert",
            list(names),
            index=None,
            format_func=lambda number: names.get(number, str(number)),
            key="al_alert",
            placeholder="All",
            width=280,
        )


def listing(made: Frame, lines: Sequence[Line]) -> None:
    """The newest lines; a button opens the finding."""
    rows = table_rows(made, lines)
    st.session_state["findings_listed"] = [one.id for one in lines]
    st.caption(
        f"One row per finding and message, newest first, of the last {HISTORY_DAYS} days."
        + (f" The newest {len(lines):,} of {lines[0].found:,}." if lines[0].found > len(lines) else "")
    )
    st.dataframe(
        pd.DataFrame([{"": ":material/manage_search: Details"} | row for row in rows], dtype=object),
        column_config={
            "": st.column_config.ButtonColumn(
                "", type="tertiary", key=_ROW_BUTTON, on_click=_open_row, width=100, alignment="left"
            ),
            "Found": words.moment_column("Found (UTC)"),
            "Finding": st.column_config.TextColumn(width="large"),
            "Answer": st.column_config.TextColumn(width="large"),
            "Sent": words.moment_column("Delivered (UTC)"),
        },
        hide_index=True,
        width="stretch",
        height="auto",
        placeholder=formats.UNKNOWN,
        key="findings",
        alt="What alerts found, with the state of every message, newest first",
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "alert-history.csv",
        "text/csv",
        icon=":material/download:",
        key="history_csv",
        on_click="ignore",
    )


def table_rows(made: Frame, lines: Sequence[Line]) -> list[dict[str, object]]:
    """The rows of the table and of the file."""
    return [
        {
            "Found": one.triggered_at,
            "Finding": f"{one.message} ({words.phase(one)})" if words.phase(one) else one.message,
            "State": words.state(one),
            "Channel": one.channel,
            "Answer": one.answer,
            "Attempts": one.attempts,
            "Sent": one.delivered_at,
            "Alert": one.alert_name,
            "Severity": words.SEVERITIES[one.severity],
            "Value": words.value(one, made.currency),
            "Threshold": words.threshold(one, made.currency),
            "About": one.scope_name,
            "Acknowledged by": one.acknowledged_by,
        }
        for one in lines
    ]


def _open_row() -> None:
    click = st.session_state[_ROW_BUTTON]
    listed: Sequence[int] = st.session_state["findings_listed"]
    if click is not None and click["row"] < len(listed):
        open_one(listed[click["row"]])
