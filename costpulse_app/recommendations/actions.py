"""What people decide about recommendations, one or several of a kind: accept, done, dismiss, reopen, assign."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

import streamlit as st

from costpulse_app import db, deciding, formats, parts, people
from costpulse_app.recommendations.reads import Recommendation
from costpulse_assets.analysis import recommendation_status
from costpulse_assets.analysis.recommendation_run import RECOMMENDATIONS_LOCK
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.resources.open_source import current_time

_FORM = "recommendation_form"
#: What somebody else may have decided meanwhile.
_DECIDED = ("status", "decided_at", "assigned_to", "due_date")


def buttons(shown: Sequence[Recommendation], *, key: str) -> None:
    """All that can be done about them in their states; several are decided about together, or not at all.

    Args:
        shown: one, or several of a kind.
        key: tells the buttons of the list from those of a detail.
    """
    statuses = {one.status for one in shown}
    is_found = all(one.gone_at is None for one in shown)
    ids = _ids(shown)
    with st.container(horizontal=True, gap="small", key=f"{key}_actions"):
        if statuses <= {"open", "dismissed"} and is_found:
            _form_button(shown, "accept", "Accept", ":material/thumb_up:", key)
        if "done" not in statuses:
            _form_button(shown, "done", "Done", ":material/check:", key)
        if statuses <= {"open", "accepted"}:
            _form_button(shown, "dismiss", "Dismiss", ":material/block:", key)
        may_reopen = statuses <= {"accepted", "dismissed", "done"} and is_found
        if may_reopen and st.button(
            "Reopen", key=f"{key}_reopen", icon=":material/undo:", **parts.only("decide on findings")
        ):
            _save(
                shown,
                lambda database: recommendation_status.reopen(database, ids, actor=people.current().name),
                f"{_what(shown)}: open again.",
            )
        if statuses <= {"open", "accepted"}:
            _form_button(shown, "assign", "Assign", ":material/person:", key)
    # As they were when the form opened: what somebody else decides meanwhile is found when it is saved.
    form, opened = st.session_state.get(_FORM, (None, ()))
    if _ids(opened) == ids:
        _FORMS[form](opened)


def close_form() -> None:
    """No form is open any more; what was typed is dropped."""
    st.session_state.pop(_FORM, None)


def _form_button(shown: Sequence[Recommendation], form: str, label: str, icon: str, key: str) -> None:
    # In the session, not from the button's own run: the form stays open while what was typed is refused.
    st.button(
        label,
        key=f"{key}_{form}",
        icon=icon,
        on_click=_open_form,
        args=[form, shown],
        **parts.only("decide on findings"),
    )


def _open_form(form: str, shown: Sequence[Recommendation]) -> None:
    st.session_state[_FORM] = (form, shown)


@st.dialog("Accept recommendation", on_dismiss=close_form)
def _accept(shown: Sequence[Recommendation]) -> None:
    _say_what(shown)
    st.caption("It stays here as accepted until somebody says that it is done; CostPulse changes nothing by itself.")
    first = shown[0] if len(shown) == 1 else None
    with st.form("accept_form", border=False):
        to = st.text_input(
            "Who makes the change",
            (first and first.assigned_to) or "",
            key="accept_to",
            max_chars=200,
            placeholder=(first and first.person) or "Nobody yet",
        )
        due = st.date_input("Due (UTC day)", first.due_date if first else None, key="accept_due")
        note = st.text_area("Note", key="accept_note", max_chars=1_000)
        send = _send_or_cancel("Accept", key="accept_send")
    if send:
        _save(
            shown,
            lambda database: recommendation_status.accept(
                database,
                _ids(shown),
                actor=people.current().name,
                to=to.strip() or None,
                due_date=_day(due),
                note=note,
            ),
            f"{_what(shown)}: accepted.",
        )


@st.dialog("Mark as done", on_dismiss=close_form)
def _done(shown: Sequence[Recommendation]) -> None:
    _say_what(shown)
    st.caption("From the day after it, the cost is compared with what it would have been: its saving is proved or not.")
    today = _today()
    with st.form("done_form", border=False):
        on = st.date_input("Done on (UTC day)", today, key="done_on")
        note = st.text_area("Note", key="done_note", max_chars=1_000)
        send = _send_or_cancel("Mark as done", key="done_send")
    if send:
        _save(
            shown,
            lambda database: recommendation_status.done(
                database, _ids(shown), actor=people.current().name, on=_day(on) or today, today=today, note=note
            ),
            f"{_what(shown)}: done.",
        )


@st.dialog("Dismiss recommendation", on_dismiss=close_form)
def _dismiss(shown: Sequence[Recommendation]) -> None:
    _say_what(shown)
    st.caption("It stays away until that day has passed, or until its saving is twice what it is now.")
    with st.form("dismiss_form", border=False):
        reason = st.text_area("Why", key="dismiss_reason", max_chars=1_000, help="What makes it wrong here.")
        until = st.date_input("Until (last UTC day)", None, key="dismiss_until", help="Empty: no day brings it back.")
        send = _send_or_cancel("Dismiss", key="dismiss_send")
    if send:
        _save(
            shown,
            lambda database: recommendation_status.dismiss(
                database, _ids(shown), actor=people.current().name, reason=reason, until=_day(until), today=_today()
            ),
            f"{_what(shown)}: dismissed.",
        )


@st.dialog("Assign recommendation", on_dismiss=close_form)
def _assign(shown: Sequence[Recommendation]) -> None:
    _say_what(shown)
    first = shown[0] if len(shown) == 1 else None
    with st.form("assign_form", border=False):
        to = st.text_input(
            "Who makes the change",
            (first and first.assigned_to) or "",
            key="assign_to",
            max_chars=200,
            placeholder="Nobody",
        )
        due = st.date_input("Due (UTC day)", first.due_date if first else None, key="assign_due")
        send = _send_or_cancel("Assign", key="assign_send")
    if send:
        somebody = to.strip() or None
        _save(
            shown,
            lambda database: recommendation_status.assign(
                database, _ids(shown), actor=people.current().name, to=somebody, due_date=_day(due)
            ),
            f"{_what(shown)}: assigned to {somebody or 'nobody'}.",
        )


_FORMS: dict[str | None, Callable[[Sequence[Recommendation]], None]] = {
    "accept": _accept,
    "done": _done,
    "dismiss": _dismiss,
    "assign": _assign,
}


def _send_or_cancel(label: str, *, key: str) -> bool:
    """The two buttons at the end of a form; Cancel closes it."""
    with st.container(horizontal=True, gap="small"):
        send = st.form_submit_button(label, type="primary", key=key)
        if st.form_submit_button("Cancel", key=f"{key}_not"):
            close_form()
            st.rerun()
    return send


def _what(shown: Sequence[Recommendation]) -> str:
    return shown[0].title if len(shown) == 1 else formats.count(len(shown), "recommendation")


def _say_what(shown: Sequence[Recommendation]) -> None:
    together = sum((one.estimated_savings for one in shown), Decimal(0))
    st.markdown(f"**{formats.plain(_what(shown))}**, {formats.plain(formats.money(together))} per month.")


def _save(shown: Sequence[Recommendation], write: Callable[[Database], None], said: str) -> None:
    """Writes unless somebody else has decided since they were shown; what is wrong is said where it was typed."""
    if deciding.decide(lambda connection: _expect_as_shown(connection, shown), write):
        close_form()
        st.session_state["said"] = said
        st.rerun()


def _expect_as_shown(connection: Connection, shown: Sequence[Recommendation]) -> None:
    # Whoever decides, or runs, holds it to the end.
    connection.execute("select pg_advisory_xact_lock(%s)", [RECOMMENDATIONS_LOCK])
    of_id = {one.id: one for one in shown}
    for now in run(connection, "app/recommendation_last_changes", {"ids": list(of_id)}):
        if any(now[name] != getattr(of_id[now["id"]], name) for name in _DECIDED):
            raise deciding.ChangedMeanwhile(now["actor"], now["changed_at"], now["title"])


def _ids(shown: Sequence[Recommendation]) -> list[int]:
    return [one.id for one in shown]


def _day(given: object) -> date | None:
    return given if isinstance(given, date) else None


def _today() -> date:
    return current_time(db.settings()).date()
