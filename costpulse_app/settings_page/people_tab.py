"""Who may use the app, and as what: the rows that give roles to people and groups."""

from dataclasses import dataclass
from itertools import count
from typing import get_args

import streamlit as st

from costpulse_app import db, formats, parts, people
from costpulse_app.parts import Frame
from costpulse_app.settings_page import reads
from costpulse_app.settings_page.forms import cancel, done, may, refused
from costpulse_app.settings_page.state import close_forms
from costpulse_assets.errors import BadInput
from costpulse_assets.people import (
    ROLES,
    BadViewer,
    Kind,
    Person,
    StoredViewer,
    Viewer,
    has_less,
    person_of,
    remove_viewer,
    save_viewer,
)

_numbers = count(1)
_KINDS = {"email": "Person", "group": "Group"}
_ROLES = {
    "viewer": "viewer: sees costs",
    "team_owner": "team owner: also decides on findings and edits members",
    "finops": "finops: also edits rules, prices, budgets, alerts",
    "admin": "admin: also manages people, tokens and runs",
}


@dataclass(frozen=True)
class Editing:
    """The dialog that is open: "edit" or "remove", and the row as it was read; None: a new one."""

    what: str
    stored: StoredViewer | None
    number: int


def show(made: Frame) -> None:
    """Draw the tab."""
    if not may("manage people"):
        return
    stored = reads.viewers()
    _dialog(made)
    settings = db.settings()
    if not settings.has_sign_in:
        st.info(
            "Nobody signs in yet, and whoever reaches the app is admin. The rows below count as soon as sign-in is set "
            "up (docs/people.md).",
            icon=":material/lock_open:",
        )
    if settings.admins:
        st.caption(formats.plain(f"Admins whatever the rows say (COSTPULSE_ADMINS): {', '.join(settings.admins)}."))
    st.markdown(
        "The row of a person goes before those of their groups; of several groups the highest role counts, and the "
        "teams of all. What somebody may do follows with their next click."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="viewer_buttons"):
        st.button(
            "Add person or group",
            icon=":material/person_add:",
            key="new_viewer",
            on_click=_open,
            args=["edit", None],
            shortcut="N",
        )
        if stored:
            of_id = {each.id: each for each in stored}
            chosen = st.selectbox(
                "Choose a person or group",
                list(of_id),
                format_func=lambda number: _name(of_id[number].viewer),
                key="chosen_viewer",
                label_visibility="collapsed",
                width=340,
            )
            st.button("Change", key="edit_viewer", on_click=_open, args=["edit", of_id[chosen]])
            st.button("Remove", key="remove_viewer", on_click=_open, args=["remove", of_id[chosen]])
    if not stored:
        st.caption("No row yet: with sign-in only the people of COSTPULSE_ADMINS can use the app.")
        return
    rows = [
        {
            "Name": each.viewer.name,
            "Kind": _KINDS[each.viewer.kind],
            "Role": each.viewer.role.replace("_", " "),
            "Sees": ", ".join(made.names.one("team", str(team)) for team in each.viewer.team_ids) or "everything",
            "Changed (UTC)": each.updated_at,
        }
        for each in stored
    ]
    parts.table(
        rows,
        key="s_viewers",
        alt="People and groups with their role and the teams that they see",
        columns={
            "Sees": st.column_config.TextColumn(help="Teams, each with the teams below it."),
            "Changed (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone="UTC"),
        },
        height="content",
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "costpulse-people.csv",
        "text/csv",
        icon=":material/download:",
        key="s_viewers_csv",
        on_click="ignore",
    )


@st.dialog("Person or group", on_dismiss=close_forms)
def dialog(made: Frame, editing: Editing) -> None:
    """New or changed."""
    key, stored = f"viewer_{editing.number}", editing.stored
    given = stored.viewer if stored else Viewer("email", "", "viewer")
    kind = st.segmented_control(
        "Kind",
        get_args(Kind),
        default=given.kind,
        format_func=_KINDS.__getitem__,
        key=f"{key}_kind",
        disabled=stored is not None,
        required=True,
    )
    name = st.text_input(
        "E-mail address" if kind == "email" else "Group",
        given.name,
        key=f"{key}_name",
        placeholder="ada@example.com" if kind == "email" else "as the sign-in names it",
        disabled=stored is not None,
        help="Compared without case." + (" For another one add a row and remove this one." if stored else ""),
    )
    role = st.selectbox("Role", ROLES, ROLES.index(given.role), format_func=_ROLES.__getitem__, key=f"{key}_role")
    known = list(dict.fromkeys([*made.names.ids("team"), *map(str, given.team_ids)]))
    labels = made.names.all("team", [(team, None) for team in known])
    teams = st.multiselect(
        "Teams (empty: everything)",
        known,
        [str(team) for team in given.team_ids],
        format_func=labels.__getitem__,
        key=f"{key}_teams",
        help="Only the costs of these teams and of those below them. Roles from finops up see everything.",
    )
    viewer = Viewer(kind or "email", name, role, tuple(map(int, teams)))
    asked = _own_loss(viewer, stored)
    with st.container(horizontal=True):
        save = st.button(
            "Add" if stored is None else "Save",
            type="primary",
            key=f"{key}_save",
            disabled=bool(asked) and not st.session_state.get(f"{key}_sure", False),
        )
        cancel(f"{key}_cancel")
    if asked:
        st.checkbox(asked, key=f"{key}_sure")
    if save:
        with parts.panel("viewer"):
            _save(viewer, stored)


@st.dialog("Remove person or group", on_dismiss=close_forms)
def removing(editing: Editing, stored: StoredViewer) -> None:
    """Asks before a row goes."""
    what = "Whoever is in the group" if stored.viewer.kind == "group" else stored.viewer.name
    st.markdown(
        formats.plain(
            f"Removes “{stored.viewer.name}”: {what} can use the app by another row only. What they changed stays in "
            "the audit log, and tokens that they made stay in force."
        )
    )
    key = f"viewer_{editing.number}"
    asked = _own_loss(None, stored)
    if asked:
        st.checkbox(asked, key=f"{key}_sure")
    with st.container(horizontal=True):
        cancel("keep_viewer", "Keep", is_primary=True)
        remove = st.button(
            "Remove",
            key="remove_viewer_really",
            disabled=bool(asked) and not st.session_state.get(f"{key}_sure", False),
        )
    if remove:
        with parts.panel("remove_viewer"):
            with people.acting("manage people") as connection:
                remove_viewer(
                    connection,
                    stored.id,
                    people.current().name,
                    updated_at=stored.updated_at,
                    admins=db.settings().admins,
                )
            done(f"Removed “{stored.viewer.name}”.")


def _save(viewer: Viewer, stored: StoredViewer | None) -> None:
    try:
        with people.acting("manage people") as connection:
            save_viewer(
                connection,
                viewer,
                people.current().name,
                viewer_id=stored.id if stored else None,
                updated_at=stored.updated_at if stored else None,
                admins=db.settings().admins,
            )
    except BadViewer as error:
        refused(error.faults)
        return
    except BadInput as error:
        refused([f"{error.message} {error.next_step}"])
        return
    done(f"{'Saved' if stored else 'Added'} “{viewer.name.strip()}” as {viewer.role.replace('_', ' ')}.")


def _own_loss(viewer: Viewer | None, stored: StoredViewer | None) -> str:
    """What the viewer has to agree to, where the change leaves themselves with less; else empty.

    Args:
        viewer: what shall be saved; None: the row shall go.
        stored: the row that is changed.
    """
    me, admins = people.current(), db.settings().admins
    try:
        with people.trying() as connection:
            now = person_of(connection, me.name, _own_groups(), admins=admins)
            number = stored.id if stored else None
            if viewer is not None:
                save_viewer(connection, viewer, me.name, viewer_id=number, admins=admins)
            elif number is not None:
                remove_viewer(connection, number, me.name, admins=admins)
            then = person_of(connection, me.name, _own_groups(), admins=admins)
    except BadInput:
        # What is wrong is said when it is saved.
        return ""
    return "" if now is None or not has_less(now, then) else _in_words(then)


def _in_words(then: Person | None) -> str:
    if then is None:
        return "This is you: you could not use the app any more."
    seen = "" if then.scope == "all" else ", with the costs of some teams only"
    return f"This is you: you would be {then.role.replace('_', ' ')}{seen}."


def _own_groups() -> list[str]:
    """The groups that the viewer's sign-in names."""
    settings = db.settings()
    named: object = st.user.to_dict().get(settings.oidc_groups_claim) if settings.has_sign_in else None
    return [group for group in named if isinstance(group, str)] if isinstance(named, list) else []


def _dialog(made: Frame) -> None:
    editing: Editing | None = st.session_state.get("viewer_dialog")
    if editing is None:
        return
    # As it was when the dialog opened: what somebody else changes meanwhile is found when it is saved.
    if editing.what == "remove" and editing.stored is not None:
        removing(editing, editing.stored)
    else:
        dialog(made, editing)


def _name(viewer: Viewer) -> str:
    return viewer.name if viewer.kind == "email" else f"{viewer.name} (group)"


def _open(what: str, stored: StoredViewer | None) -> None:
    st.session_state["viewer_dialog"] = Editing(what, stored, next(_numbers))
