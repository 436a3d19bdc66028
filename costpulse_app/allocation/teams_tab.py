"""Teams with their members and tag patterns, edited in the draft like rules."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import streamlit as st
from pydantic import ValidationError

from costpulse_app import formats, parts, people
from costpulse_app.allocation import draft as drafts
from costpulse_app.allocation import draft_bar, forms
from costpulse_app.allocation import members as members_of_own
from costpulse_app.allocation.draft import Draft
from costpulse_app.parts import Frame
from costpulse_assets.allocation.documents import RuleSet, TeamDocument
from costpulse_assets.allocation.members_csv import member_changes, members_text, read_members, with_members
from costpulse_assets.allocation.problems import BadRuleSet, Problem
from costpulse_assets.errors import BadInput

_numbers = count(1)


def show(made: Frame, draft: Draft) -> None:
    """Draw the tab."""
    draft_bar.show(made, draft)
    edits_rules = people.current().may("edit rules")
    if not edits_rules:
        members_of_own.show(draft)
    editing: tuple[str | None, int] | None = st.session_state.get("editing_team")
    if editing is not None:
        form(draft, *editing)
    listing(draft)
    if edits_rules and draft.rule_set.teams:
        with st.expander("Members as a CSV file", key="members_csv"):
            members(draft)


def listing(draft: Draft) -> None:
    """All teams, and the buttons to change them."""
    teams = draft.rule_set.teams
    edits = parts.only("edit rules")
    st.subheader("Teams", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", key="team_buttons"):
        st.button("Add team", icon=":material/add:", key="add_team", on_click=_open, args=[None], **edits)
        if teams:
            names = [team.name for team in teams]
            chosen = st.selectbox("Choose a team", names, key="chosen_team", label_visibility="collapsed", width=320)
            saved = _ids().get(chosen)
            st.button(
                "Open its page",
                key="open_team",
                on_click=parts.open_page,
                args=["team", {"id": [saved]}],
                disabled=saved is None,
                help=None if saved else "It has a page once it is saved.",
            )
            st.button("Edit", key="edit_team", on_click=_open, args=[chosen], **edits)
            if st.button("Delete", key="delete_team", **edits):
                found = drafts.put(draft, _with(draft, chosen, None))
                if not found:
                    _close()
                    st.rerun()
                forms.show_problems(found)
    if not teams:
        st.caption(
            "There is none yet. Add one here, take a suggestion of the tab Rules, or run `costpulse apply FILE`."
        )
        return
    parts.table(
        [
            {
                "Name": team.name,
                "Parent": team.parent,
                "Department": team.department,
                "Cost centre": team.cost_center,
                "Manager": team.manager_email,
                "Tag patterns": _patterns_text(team, "; "),
                "Members": len(team.members),
            }
            for team in teams
        ],
        key="teams_table",
        alt="All teams",
        height="content",
    )


def _ids() -> dict[str, str]:
    """Ids of the saved teams that the viewer may see, by name."""
    names = parts.frame().names
    return {names.one("team", each): each for each in names.ids("team")}


def members(draft: Draft) -> None:
    """All members as a file, and a file that becomes the members of the draft, as a whole or not at all."""
    key = f"members_{st.session_state.get('members_upload', 0)}"
    file = forms.upload(
        "members",
        members_text(draft.rule_set),
        key=key,
        help="Columns: team, email, and where you like role (member or owner), valid_from, valid_to (UTC days, both "
        "included, empty is open). A row with team, email and valid_from of a membership changes it.",
    )
    if file is None:
        return
    try:
        found = read_members(file.content, file.name)
        rule_set = with_members(
            draft.rule_set, found, identities=drafts.identities(), removes_others=file.removes_others
        )
    except BadRuleSet as refused:
        forms.show_problems(refused.problems)
        return
    except BadInput as refused:
        st.error(formats.plain(f"{refused.message} {refused.next_step}"))
        return
    changed = [(each.team, each.change) for each in member_changes(draft.rule_set, rule_set)]
    touched = sum(change.action != "delete" for _, change in changed)
    forms.show_changes(changed, len(found.rows) - touched, key=f"{key}_changes", alt="What the file changes", of="Team")
    take = st.button("Put members into the draft", type="primary", key=f"{key}_take", disabled=not changed)
    if take:
        with parts.panel("take_members"):
            faults = drafts.put(draft, rule_set)
            if not faults:
                # Another uploader, which is empty. What a form shows may be of another time.
                st.session_state["members_upload"] = next(_numbers)
                _close()
                st.rerun()
            forms.show_problems(faults)


def form(draft: Draft, name: str | None, number: int) -> None:
    """The form of a team; taken over into the draft when nothing is wrong with it."""
    given = next((team for team in draft.rule_set.teams if team.name == name), None)
    if name is not None and given is None:
        _close()
        return
    key = f"team_form_{number}"
    others = [team.name for team in draft.rule_set.teams if team.name != name]
    with st.container(border=True, key="team_form"):
        st.subheader("New team" if given is None else formats.plain(f"Team “{name}”"), anchor=False)
        typed: dict[str, Any] = {"name": name}
        if given is None:
            typed["name"] = st.text_input("Name", key=f"{key}_name")
        typed["department"] = st.text_input("Department", (given and given.department) or "", key=f"{key}_department")
        typed["cost_center"] = st.text_input("Cost centre", (given and given.cost_center) or "", key=f"{key}_cost")
        typed["manager_email"] = st.text_input("Manager", (given and given.manager_email) or "", key=f"{key}_manager")
        typed["parent"] = st.selectbox(
            "Parent",
            others,
            index=others.index(given.parent) if given and given.parent in others else None,
            placeholder="None",
            key=f"{key}_parent",
        )
        patterns = st.text_area(
            "Tag patterns (optional)",
            _patterns_text(given, "\n") if given else "",
            help="One tag key a line, then = and its patterns, separated by commas; `*` stands for anything.",
            placeholder="team = etl, etl-*",
            key=f"{key}_patterns",
        )
        st.markdown("Members")
        typed["members"] = forms.member_editor(given.members if given else (), key=f"{key}_members")
        with st.container(horizontal=True):
            take = st.button("Put team into the draft", type="primary", key=f"{key}_take")
            st.button("Cancel", key=f"{key}_cancel", on_click=_close)
        if take:
            with parts.panel("take_team"):
                faults = _taken(draft, name, typed, patterns)
                if not faults:
                    _close()
                    st.rerun()
                forms.show_problems(faults)


def _taken(draft: Draft, name: str | None, typed: dict[str, Any], patterns: str) -> Sequence[Problem]:
    """Puts what was typed into the draft; what is wrong with it."""
    where = f"Team {typed.get('name') or ''!r}"
    try:
        typed = {field: value for field, value in typed.items() if value not in (None, "")}
        team = TeamDocument.model_validate({"name": "", **typed, "tag_patterns": _patterns_of(patterns)})
    except ValidationError as error:
        return forms.refused_by_model(where, error)
    except BadInput as error:
        return [Problem(where, "tag_patterns", "", error.message)]
    return drafts.put(draft, _with(draft, name, team))


def _patterns_of(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in forms.lines_of(text):
        key, equals, values = line.partition("=")
        if not equals or key.strip() in found:
            raise BadInput(
                f"must have a line for each tag key, as in team = etl, etl-*; this is not one: {line}",
                next_step="Write the key, then = and its patterns.",
            )
        found[key.strip()] = [value.strip() for value in values.split(",") if value.strip()]
    return found


def _patterns_text(team: TeamDocument, between: str) -> str:
    return between.join(f"{key} = {', '.join(values)}" for key, values in team.tag_patterns.items())


def _with(draft: Draft, name: str | None, team: TeamDocument | None) -> RuleSet:
    return draft.rule_set.model_copy(update={"teams": drafts.replaced(draft.rule_set.teams, name, team)})


def _open(name: str | None) -> None:
    st.session_state["editing_team"] = (name, next(_numbers))


def _close() -> None:
    st.session_state.pop("editing_team", None)
