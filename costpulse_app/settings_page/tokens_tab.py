"""Tokens of the JSON API: made and shown once, listed, revoked."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count

import streamlit as st

from costpulse_app import formats, parts, people
from costpulse_app.parts import Frame
from costpulse_app.settings_page import reads
from costpulse_app.settings_page.forms import cancel, done, may, refused
from costpulse_app.settings_page.state import close_forms
from costpulse_assets.api_tokens import LONGEST_DAYS, create_token, revoke_token
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Row

_numbers = count(1)
_FEW_DAYS = 90


@dataclass(frozen=True)
class Editing:
    """The dialog that is open: "make" or "revoke", and the token that was made: it is shown this once."""

    what: str
    number: int
    name: str = ""
    token: str = ""


def show(made: Frame) -> None:
    """Draw the tab."""
    if not may("manage tokens"):
        return
    stored = reads.tokens()
    _dialog(made)
    st.markdown(
        "A token reads the JSON API below /api/v1 and never writes. It is shown when it is made, and only then: of it "
        "a hash is kept."
    )
    in_force = [row for row in stored if row["status"] != "revoked"]
    with st.container(horizontal=True, vertical_alignment="bottom", key="token_buttons"):
        st.button("New token", icon=":material/add:", key="new_token", on_click=_open, args=["make"], shortcut="N")
        if in_force:
            chosen = st.selectbox(
                "Choose a token",
                [row["name"] for row in in_force],
                key="chosen_token",
                label_visibility="collapsed",
                width=260,
            )
            st.button("Revoke", key="revoke_token", on_click=_open, args=["revoke", chosen])
    if not stored:
        st.caption("No token yet.")
        return
    rows = [_row(row) for row in stored]
    times = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC")
    parts.table(
        rows,
        key="s_tokens",
        alt="API tokens: state, what they read, who made them, when they expire and were used last",
        columns={
            "Prefix": st.column_config.TextColumn(help="The part of the token that is no secret: costpulse_PREFIX_..."),
            "Last used (UTC)": times,
            "Expires (UTC)": times,
            "Made (UTC)": times,
            "Revoked (UTC)": times,
        },
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "costpulse-api-tokens.csv",
        "text/csv",
        icon=":material/download:",
        key="s_tokens_csv",
        on_click="ignore",
    )


@st.dialog("API token", on_dismiss=close_forms)
def making(made: Frame, editing: Editing) -> None:
    """A form; once the token is made, the token."""
    if editing.token:
        st.markdown(f"**{formats.plain(editing.name)}**. Copy it now: it is not shown again.")
        st.code(editing.token, language=None, wrap_lines=True)
        st.caption("Send it as `Authorization: Bearer TOKEN`.")
        cancel("token_copied", "I have copied it", is_primary=True)
        return
    key, today = f"token_{editing.number}", datetime.now(UTC).date()
    labels = made.names.all("team", [(team, None) for team in made.names.ids("team")])
    with st.form(f"{key}_form", border=False):
        name = st.text_input("Name", key=f"{key}_name", max_chars=80, placeholder="BI refresh")
        teams = st.multiselect(
            "Reads the costs of (empty: everything)",
            made.names.ids("team"),
            format_func=labels.__getitem__,
            key=f"{key}_teams",
            help="These teams and those below them. It never reads more than you may see.",
        )
        last_day = st.date_input(
            "Last day (UTC)",
            today + timedelta(days=_FEW_DAYS),
            min_value=today,
            max_value=today + timedelta(days=LONGEST_DAYS),
            key=f"{key}_last",
            help="At most a year ahead.",
        )
        with st.container(horizontal=True):
            make = st.form_submit_button("Make token", type="primary", key=f"{key}_make")
            if st.form_submit_button("Cancel", key=f"{key}_cancel"):
                close_forms()
                st.rerun()
    if make:
        with parts.panel("token"):
            refused(_make(editing, name, [made.names.one("team", team) for team in teams], last_day, today))


@st.dialog("Revoke API token", on_dismiss=close_forms)
def revoking(editing: Editing) -> None:
    """Asks before a token goes."""
    st.markdown(
        formats.plain(
            f"Revokes “{editing.name}”: from the next request on it is refused. That cannot be taken back; whatever "
            "uses it needs another one."
        )
    )
    with st.container(horizontal=True):
        cancel("keep_token", "Keep it", is_primary=True)
        revoke = st.button("Revoke token", key="revoke_token_really")
    if revoke:
        with parts.panel("revoke_token"):
            with people.acting("manage tokens") as connection:
                revoke_token(connection, editing.name, actor=people.current().name)
            done(f"Revoked the token “{editing.name}”.")


def _make(editing: Editing, name: str, teams: list[str], last_day: object, today: date) -> list[str]:
    """Makes it in the name of the viewer and shows it; what is wrong, in which case there is none."""
    # The browser keeps to the days that are offered; nobody else has to.
    if not isinstance(last_day, date) or not today <= last_day <= today + timedelta(days=LONGEST_DAYS):
        return [f"A token is good for {LONGEST_DAYS} days at most: choose a day up to then."]
    person = people.current()
    try:
        with people.acting("manage tokens") as connection:
            token = create_token(
                connection, name, teams=teams, last_day=last_day, actor=person.name, maker_scope=person.scope
            )
    except BadInput as error:
        return [f"{error.message} {error.next_step}"]
    st.session_state["token_dialog"] = Editing("make", editing.number, name.strip(), token)
    st.rerun()
    return []


def _row(row: Row) -> dict[str, object]:
    return {
        "Name": row["name"],
        "State": row["status"],
        "Reads": ", ".join(row["teams"] or ["everything"]),
        "Last used (UTC)": row["last_used_at"],
        "Expires (UTC)": row["expires_at"],
        "Made by": row["created_by"],
        "Made (UTC)": row["created_at"],
        "Revoked (UTC)": row["revoked_at"],
        "Prefix": row["prefix"],
    }


def _dialog(made: Frame) -> None:
    editing: Editing | None = st.session_state.get("token_dialog")
    if editing is None:
        return
    if editing.what == "revoke":
        revoking(editing)
    else:
        making(made, editing)


def _open(what: str, name: str = "") -> None:
    st.session_state["token_dialog"] = Editing(what, next(_numbers), name)
