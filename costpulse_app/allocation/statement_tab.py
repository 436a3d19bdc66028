"""The statement of a month per team: frozen when it is closed, with later corrections as lines of their own."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from decimal import Context, Decimal, localcontext

import streamlit as st

from costpulse_app import db, formats, parts, people
from costpulse_app.allocation import reads
from costpulse_app.allocation.reads import Closing
from costpulse_app.metrics import METRICS
from costpulse_app.parts import Frame
from costpulse_assets.costs.statements import StatementRow, bill_as_of, close_month, reopen_month
from costpulse_assets.errors import CostPulseError
from costpulse_assets.resources.open_source import current_time

_CAUSES = {"restatement": "Restated usage", "price": "Changed prices", "rule": "Changed rules"}
#: Sums of a whole month to the last digit.
_EXACT = Context(prec=60)


def show(made: Frame) -> None:
    """Draw the tab."""
    closings = reads.closings()
    months = sorted({day.replace(day=1) for day in made.days} | set(closings), reverse=True)
    if st.session_state.get("month") not in months:
        # A link may name any.
        st.session_state.pop("month", None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        month = st.selectbox("Month", months, format_func=lambda month: f"{month:%B %Y}", key="month", width=200)
        known_on = st.date_input(
            "As known on",
            None,
            min_value=month,
            max_value=max(month, db.settings().current_date()),
            help=f"{METRICS['known_on'].definition} Empty: the statement as it is now.",
            key=f"known_on_{month}",
            width=200,
        )
    closing = closings.get(month)
    with parts.panel("statement"):
        if known_on is not None:
            as_known(made, month, known_on)
            return
        lines = reads.lines(month)
        heading(month, closing)
        if lines:
            per_team(made, month, lines)
        else:
            st.info(f"No cost in {month:%B %Y}.")
        closing_and_reopening(made, month, closing, lines)


def as_known(made: Frame, month: date, day: date) -> None:
    """What the usage of the month cost, as it was known at the end of a day."""
    # What was not kept is allocated anew, in temporary tables.
    with people.trying() as connection:
        bill = bill_as_of(connection, month, day)
    st.subheader(f"{month:%B %Y} as known on {formats.day(day)}", anchor=False)
    was_closed = any(line.kind == "statement" for line in bill.lines)
    st.caption(
        "The month was closed then: its statement, and its own corrections up to that day."
        if was_closed
        else "The month was open then: its cost by the corrections, prices and rules that were known, at your price."
    )
    if bill.remark:
        st.warning(formats.plain(bill.remark))
    if bill.lines:
        per_team(made, month, bill.lines, known_on=day)
    else:
        st.info(f"Of {month:%B %Y} no cost was known on {formats.day(day)}.")


def heading(month: date, closing: Closing | None) -> None:
    """What the figures are: frozen, or not final."""
    if closing is None:
        st.subheader(f"{month:%B %Y}: not final", anchor=False)
        st.caption("The month is open: this is what it costs as of now, at your price.")
        return
    st.subheader(f"{month:%B %Y}: closed", anchor=False)
    how = "by the setting close_month_on_day" if closing.is_automatic else f"by {closing.closed_by}"
    note = f" Note: {closing.note}" if closing.note else ""
    st.caption(
        formats.plain(
            f"Closed on {formats.moment(closing.closed_at)} {how}, at your price. What changes later is booked as "
            f"adjustments on the next open month.{note}"
        )
    )


def per_team(made: Frame, month: date, lines: Sequence[StatementRow], *, known_on: date | None = None) -> None:
    """Own cost, adjustments by cause, and the total, per team."""
    own: defaultdict[int | None, Decimal] = defaultdict(Decimal)
    corrections: dict[str, defaultdict[int | None, Decimal]] = {cause: defaultdict(Decimal) for cause in _CAUSES}
    names: dict[int | None, str] = {}
    with localcontext(_EXACT):
        for line in lines:
            names.setdefault(line.team_id, line.team_name or "Unallocated")
            of_cause = own if line.cause is None else corrections[line.cause]
            of_cause[line.team_id] += line.cost_usd or 0
        has_corrections = any(line.cause for line in lines)
        rows: list[dict[str, object]] = [
            {
                "Team": name,
                "Cost": own[team],
                **({label: corrections[cause][team] for cause, label in _CAUSES.items()} if has_corrections else {}),
                "Total": own[team] + sum((of_cause[team] for of_cause in corrections.values()), Decimal(0)),
            }
            for team, name in sorted(names.items(), key=lambda item: (item[0] is None, item[1].casefold()))
        ]
        total = sum((line.cost_usd or Decimal(0) for line in lines), Decimal(0))
    earlier = sorted({line.month for line in lines if line.cause})
    said = f"Total {formats.money_to_the_cent(total, made.currency)}."
    if earlier and known_on is None:
        said += f" With adjustments of closed months: {', '.join(f'{one:%B %Y}' for one in earlier)}."
    st.caption(formats.plain(said))
    money = parts.money_column(made.currency)
    parts.table(
        rows,
        key="statement_table",
        alt=f"Statement of {month:%B %Y} per team",
        columns={name: money for name in rows[0] if name != "Team"},
        height="content",
    )
    records = [asdict(line) for line in lines]
    st.download_button(
        "Download CSV",
        formats.csv_text(records[0], records),
        f"costpulse-statement-{month:%Y-%m}{'' if known_on is None else f'-known-{known_on}'}.csv",
        "text/csv",
        icon=":material/download:",
        key="statement_csv",
        on_click="ignore",
    )


def closing_and_reopening(made: Frame, month: date, closing: Closing | None, lines: Sequence[StatementRow]) -> None:
    """Close or reopen, asked twice."""
    verb = "Close" if closing is None else "Reopen"
    asked = st.session_state.get("asked_month") == (verb, month)
    only = parts.only("close months" if closing is None else "reopen months")
    if not asked:
        st.button(f"{verb} {month:%B %Y}", key="ask_month", on_click=_ask, args=[verb, month], **only)
        return
    with st.container(border=True, key="confirm_month"):
        with localcontext(_EXACT):
            total = sum((line.cost_usd or Decimal(0) for line in lines if line.cause is None), Decimal(0))
        teams = formats.count(len({line.team_id for line in lines if line.team_id is not None}), "team")
        st.markdown(
            formats.plain(
                f"Closing freezes {formats.money_to_the_cent(total, made.currency)} of {teams}. Later changes become "
                "adjustments on the next open month."
                if closing is None
                else "Reopening takes the closed statement back: the month shows what it costs now, and adjustments "
                "that were booked for it are void."
            )
        )
        note = st.text_input("Note (optional)", key="month_note").strip() or None
        with st.container(horizontal=True):
            do = st.button(f"{verb} {month:%B %Y} now", key="confirm", **only)
            st.button("Cancel", type="primary", key="cancel_month", on_click=_ask, args=[None, month])
        if not do:
            return
        try:
            actor, now = people.current().name, current_time(db.settings())
            if closing is None:
                close_month(people.acting_database("close months"), month, actor, note=note, at=now)
            else:
                database = people.acting_database("reopen months")
                reopen_month(database, month, actor, is_admin=True, note=note, at=now)
        except CostPulseError as error:
            st.error(formats.plain(f"{error.message} {error.next_step}"))
            return
        st.session_state["said"] = f"{month:%B %Y} is {'closed' if closing is None else 'open again'}."
        _ask(None, month)
        st.rerun()


def _ask(verb: str | None, month: date) -> None:
    st.session_state["asked_month"] = (verb, month)
