"""Members of one's own teams: edited by who owns teams and may not edit rules, and saved at once."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import streamlit as st
from pydantic import TypeAdapter, ValidationError

from costpulse_app import formats, parts, people
from costpulse_app.allocation import draft as drafts
from costpulse_app.allocation import forms, reads
from costpulse_app.allocation.draft import Draft
from costpulse_assets.allocation.problems import BadRuleSet
from costpulse_assets.allocation.rule_set import (
    MemberDocument,
    RulesChangedMeanwhile,
    TeamDocument,
    current_version,
    replace_rule_set,
    stored_rule_set,
)
from costpulse_assets.errors import CostPulseError, NotAllowed
from costpulse_assets.resources.database import run

_numbers = count(1)
_FORM = "editing_members"


def show(draft: Draft) -> None:
    """Draw the choice of a team, and the form that is open."""
    own = reads.teams_in_scope()
    teams = {team.name: team for team in draft.stored.rule_set.teams if team.name in own}
    st.subheader("Members of your teams", anchor=False)
    if not teams:
        st.caption("No team is yours.")
        return
    st.caption("Saved at once; the days that it concerns are re-allocated by the next run.")
    with st.container(horizontal=True, vertical_alignment="bottom", key="members_buttons"):
        chosen = st.selectbox("Team", list(teams), key="members_team", label_visibility="collapsed", width=320)
        st.button(
            "Edit members", key="edit_members", on_click=_open, args=[teams[chosen]], **parts.only("edit members")
        )
    opened: tuple[TeamDocument, int] | None = st.session_state.get(_FORM)
    if opened is not None:
        _form(*opened)


def save(seen: TeamDocument, members: Sequence[MemberDocument]) -> None:
    """Makes these the members of a team of the viewer's, in the viewer's name.

    Args:
        seen: the team as its editor saw it.
        members: all members there shall be, as typed or as stored.

    Raises:
        NotAllowed: the team is none of theirs, or they may not edit members.
        RulesChangedMeanwhile: somebody else has changed its members since; nothing was changed.
        BadRuleSet: something is wrong with them; nothing was changed.
    """
    with people.acting("edit members") as connection:
        own = {row["name"]: row["id"] for row in run(connection, "app/teams_in_scope")}
        if seen.name not in own:
            raise NotAllowed(
                "There is no such team, or it is not yours to edit.", next_step="Ask an admin for the team."
            )
        version = current_version(connection)
        rule_set = stored_rule_set(connection)
        if next(team.members for team in rule_set.teams if team.name == seen.name) != seen.members:
            raise RulesChangedMeanwhile(
                reads.changed_by(own[seen.name]), next_step="Make your changes to what is there now."
            )
        teams = tuple(
            team.model_copy(update={"members": tuple(members)}) if team.name == seen.name else team
            for team in rule_set.teams
        )
        replace_rule_set(
            connection,
            rule_set.model_copy(update={"teams": teams}),
            people.current().name,
            identities=drafts.identities(),
            based_on=version,
        )


def _form(seen: TeamDocument, number: int) -> None:
    key = f"members_form_{number}"
    with st.container(border=True, key="members_form"):
        st.markdown(f"**{formats.plain(seen.name)}**")
        typed = forms.member_editor(seen.members, key=f"{key}_members")
        with st.container(horizontal=True):
            wanted = st.button("Save members", type="primary", key=f"{key}_save", **parts.only("edit members"))
            st.button("Cancel", key=f"{key}_cancel", on_click=_close)
        if wanted and _is_saved(seen, typed):
            _close()
            st.session_state["said"] = f"Saved the members of {seen.name}."
            st.rerun()


def _is_saved(seen: TeamDocument, typed: list[dict[str, Any]]) -> bool:
    """Saves what was typed; what is wrong with it is said below."""
    try:
        save(seen, TypeAdapter(list[MemberDocument]).validate_python(typed))
    except ValidationError as error:
        forms.show_problems(forms.refused_by_model(f"Team {seen.name!r}", error))
    except BadRuleSet as refused:
        forms.show_problems(refused.problems)
    except CostPulseError as error:
        st.error(formats.plain(f"{error.message} {error.next_step}"), icon=":material/error:")
    else:
        return True
    return False


def _open(team: TeamDocument) -> None:
    st.session_state[_FORM] = (team, next(_numbers))


def _close() -> None:
    st.session_state.pop(_FORM, None)
