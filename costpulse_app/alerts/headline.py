"""What is wrong first, then five figures."""

from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from costpulse_app import formats, parts
from costpulse_app.alerts import reads, state
from costpulse_app.alerts.reads import FIGURE_DAYS, Alert, Summary


def show(alerts: Sequence[Alert], found: Summary) -> None:
    """Draw both."""
    problems(alerts, found)
    figures(alerts, found)


def problems(alerts: Sequence[Alert], found: Summary) -> None:
    """What did not arrive, may not have arrived, or was not even judged; nothing where all is well."""
    said = sentences(found)
    failed = [one for one in alerts if one.is_failed]
    if not said and not failed:
        return
    with st.container(border=True, key="alert_problems", gap="small"):
        if said:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f":red[:material/error:] **{formats.plain(' '.join(said))}**", width="content")
                if found.problems:
                    st.button(
                        "Show them",
                        key="show_problems",
                        type="tertiary",
                        on_click=state.open_history,
                        args=["problems"],
                    )
        if failed:
            many = f"{formats.count(len(failed), 'alert')} could not be evaluated; the others were."
            st.markdown(f":red[:material/error:] **{formats.plain(many)}**")
            st.markdown(
                "\n".join(
                    f"- **{formats.plain(one.name)}**: {formats.plain(f'{one.problem} {one.next_step}')}"
                    for one in failed
                )
            )


def sentences(found: Summary) -> list[str]:
    """What is wrong with messages, each kind in a sentence."""
    said = []
    if found.refused:
        said.append(f"{_messages(found.refused)} refused and not tried again.")
    if found.failed:
        said.append(f"{_messages(found.failed)} not delivered yet and will be tried again.")
    if found.unknown:
        said.append(f"It is unknown whether {formats.count(found.unknown, 'message')} arrived.")
    if found.overdue:
        said.append(
            f"{formats.count(found.overdue, 'message')} should have left: does the sensor `deliver_alerts` run?"
        )
    return said


def figures(alerts: Sequence[Alert], found: Summary) -> None:
    """Active, sent, delivered, muted, noisiest."""
    now = reads.now()
    active = [one for one in alerts if one.is_active]
    muted = [one for one in active if one.is_muted(now)]
    off = len(alerts) - len(active)
    noisiest = max(alerts, key=lambda one: one.fired, default=None)
    share = formats.percent(Decimal(found.delivered) / found.settled if found.settled else None)
    with parts.cards("cards"):
        _card("active", "Active alerts", f"{len(active):,}", f"{off} switched off" if off else "none switched off")
        _card(
            "sent",
            f"Sent, {FIGURE_DAYS} days",
            f"{found.delivered:,}",
            f"{found.waiting} on their way" if found.waiting else "none on their way",
        )
        _card(
            "delivered",
            "Delivered",
            share,
            f"of {formats.count(found.settled, 'message')} in {FIGURE_DAYS} days"
            if found.settled
            else f"no message in {FIGURE_DAYS} days",
        )
        untold = sum(one.fired_muted for one in alerts)
        _card("muted", "Muted", f"{len(muted):,}", f"{formats.count(untold, 'finding')} told to nobody")
        if noisiest is not None and noisiest.fired:
            found_by = f"{noisiest.name}, in {FIGURE_DAYS} days"
            _card("noisiest", "Noisiest alert", formats.count(noisiest.fired, "finding"), found_by)
        else:
            _card("noisiest", "Noisiest alert", formats.UNKNOWN, f"no finding in {FIGURE_DAYS} days")


def _card(key: str, label: str, value: str, note: str) -> None:
    with st.container(border=True, width="stretch", height="stretch", key=f"card_{key}", gap="xsmall"):
        st.metric(label, value)
        st.caption(formats.plain(note))


def _messages(number: int) -> str:
    return f"{formats.count(number, 'message')} {'was' if number == 1 else 'were'}"
