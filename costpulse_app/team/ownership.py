"""Whose a team is and what feeds it: members, rules and splits, the teams below it."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from costpulse_app import formats, parts, queries
from costpulse_app.allocation.reads import Rules
from costpulse_app.overview.sums import moved
from costpulse_app.parts import Frame
from costpulse_app.team import reads
from costpulse_app.team.reads import Claim, Team
from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.costs.spend import Windows

_METHODS = {
    "user": ("Its members", "Cost of a user that no rule or split claims"),
    "tag": ("Its tag patterns", "Cost that no rule, split or member claims"),
}


def below(made: Frame, team: Team, windows: Windows) -> None:
    """The teams right below it, each with those below it."""
    if not team.below:
        return
    st.subheader("Teams below it", anchor=False)
    groups = {
        group.group_id: group
        for group in queries.by_group(made.version, windows, "team", "", made.selection, made.measure)
    }
    money = parts.money_column(made.currency)
    rows = []
    for one in (team.id, *team.below):
        group = groups.get(one)
        rows.append(
            {
                "Team": made.names.one("team", one) + (" itself" if one == team.id else ""),
                "Month to date": group and group.final_amount,
                "Change": group and moved(group),
                "Before": group and group.before_amount,
            }
        )
    parts.table(
        rows,
        key="team_below",
        alt="Month to date of the team itself and of the teams below it",
        columns=dict.fromkeys(("Month to date", "Change", "Before"), money),
        on_select=partial(_open_team, (team.id, *team.below)),
        height="content",
    )
    st.caption("Each alone, without the teams below it. Choose a row to open a team.")


def rules(made: Frame, team: Team, stored: Rules, windows: Windows) -> None:
    """What has brought cost to the team, largest first, and rules of it that have brought none."""
    st.subheader("What feeds it", anchor=False)
    assert windows.before is not None
    found = reads.claims(made.version, team.family, windows.period, windows.before, made.measure)
    rows = [_claim(stored, one) for one in found]
    met = {row["Name"] for row in rows}
    names = {team.document.name}
    rows += [
        {"Name": rule.name, "How": _words(rule.rule_type, rule.conditions), "Month to date": None, "Before": None}
        for rule in stored.rule_set.rules
        if rule.team in names and rule.is_active and rule.name not in met
    ]
    if not rows:
        st.caption("Nothing has come to it in these days.")
    else:
        parts.table(
            rows,
            key="team_rules",
            alt="Rules, splits and other ways by which cost came to the team, month to date",
            columns={
                "How": st.column_config.TextColumn(width="large"),
                **dict.fromkeys(("Month to date", "Before"), parts.money_column(made.currency)),
            },
            height="content",
        )
    st.page_link(
        "views/allocation.py", label="All rules and splits", icon=":material/rule:", query_params={"tab": "rules"}
    )


def members(team: Team) -> None:
    """Who belongs to it, and what else does by its tags."""
    st.subheader("Members", anchor=False)
    document = team.document
    if document.tag_patterns:
        patterns = "; ".join(f"{key} = {', '.join(values)}" for key, values in document.tag_patterns.items())
        st.caption(formats.plain(f"Tag patterns: {patterns}"))
    if not document.members:
        st.caption("It has none.")
        return
    parts.table(
        [
            {
                "E-mail or application id": one.email,
                "Role": one.role,
                "Valid from": one.valid_from,
                "Valid to": one.valid_to,
            }
            for one in document.members
        ],
        key="team_members",
        alt="Members of the team",
        columns=dict.fromkeys(("Valid from", "Valid to"), st.column_config.DateColumn(format="YYYY-MM-DD")),
    )


def _claim(stored: Rules, one: Claim) -> dict[str, object]:
    name, how = _METHODS.get(one.method, (one.method, ""))
    if one.rule_id is not None:
        name = next((each for each, (number, _) in stored.rules.items() if number == one.rule_id), "Deleted rule")
        rule = next((each for each in stored.rule_set.rules if each.name == name), None)
        how = _words(rule.rule_type, rule.conditions) if rule else "Rule"
    elif one.split_id is not None:
        name = next((each for each, (number, _) in stored.splits.items() if number == one.split_id), "Deleted split")
        split = next((each for each in stored.rule_set.splits if each.name == name), None)
        how = f"A share of: {_words(split.rule_type, split.conditions)}" if split else "Split"
    return {"Name": name, "How": how, "Month to date": one.now, "Before": one.before}


def _words(rule_type: str, conditions: dict[str, object]) -> str:
    return RULE_TYPES[rule_type].describe(conditions)


def _open_team(ids: Sequence[str]) -> None:
    rows = st.session_state["team_below"].selection.rows
    if rows:
        parts.open_page("team", {"id": [ids[rows[0]]]})
