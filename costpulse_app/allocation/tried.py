"""Below the conditions of a rule or split: what they match and what that costs, while they are typed."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st
from pydantic import ValidationError

from costpulse_app import formats, parts, people
from costpulse_app.allocation import draft as drafts
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_assets.allocation.problems import BadRuleSet
from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.allocation.tried_conditions import Tried, TriedPattern, try_conditions
from costpulse_assets.costs.spend import Measure

_DAYS = 30
_FEW = 16
_SENTENCES = 10


def show(made: Frame, rule_type: str, conditions: Mapping[str, Any]) -> None:
    """Draw what the conditions match in the last 30 days."""
    if not RULE_TYPES[rule_type].for_rules:
        return  # what it takes depends on all the others
    days = tuple(day for day in made.days if day > made.newest - timedelta(days=_DAYS))
    with parts.panel("tried"), st.container(border=True, key="tried", gap="xsmall"):
        try:
            RULE_TYPES[rule_type].parse(conditions)
        except ValidationError:
            st.caption("What matches is shown here as soon as the condition is complete.")
            return
        try:
            found = _tried(made.version, rule_type, json.dumps(conditions), days, made.measure)
        except BadRuleSet as refused:
            st.markdown("\n".join(f"- {formats.plain(f'{one.field} {one.reason}.')}" for one in refused.problems))
            return
        for sentence in in_words(found, made.currency):
            st.markdown(formats.plain(sentence))
        if found.examples:
            parts.table(
                [{"What": key.name, "Cost": key.cost_usd} for key in found.examples],
                key="tried_keys",
                alt="The dearest usage that matches",
                columns={
                    "What": st.column_config.TextColumn(width="large"),
                    "Cost": parts.money_column(made.currency, help=f"Last {_DAYS} days, at {made.basis}"),
                },
                height="content",
            )


def in_words(found: Tried, currency: str) -> list[str]:
    """How much matches, whoever owns it now, and what each pattern does."""
    said = []
    if found.keys:
        share = f", {formats.percent(found.matched_usd / found.days_usd)} of all" if found.days_usd > 0 else ""
        said.append(
            f"Matches {formats.count(found.keys, 'key')} of the last {_DAYS} days, which cost "
            f"{formats.money_to_the_cent(found.matched_usd, currency)}{share}. What other rules claim first is counted "
            "too: the simulation leaves it out."
        )
    idle = [each for each in found.patterns if not each.matching_values]
    if idle and len(found.patterns) == 1:
        said.append("This pattern matches none of the values seen.")
    else:
        said += [f"“{each.pattern}” matches none of the values seen." for each in idle]
    if not found.keys and not idle:
        said.append(f"No usage of the last {_DAYS} days meets the whole condition.")
    said += [_values(each) for each in found.patterns if each.matching_values]
    more = len(said) - _SENTENCES
    return [*said[:_SENTENCES], f"{formats.count(more, 'more pattern')} not shown."] if more > 0 else said


def _values(pattern: TriedPattern) -> str:
    more = pattern.matching_values - len(pattern.examples)
    listed = ", ".join(f"“{value}”" for value in pattern.examples)
    return f"“{pattern.pattern}” matches {listed}{f' and {more:,} more' if more else ''}."


@st.cache_data(show_spinner=False, max_entries=_FEW)
def _tried(version: Version, rule_type: str, conditions: str, days: Sequence[date], measure: Measure) -> Tried:
    with people.trying() as connection:
        return try_conditions(
            connection,
            rule_type,
            json.loads(conditions),
            days,
            identities=drafts.identities(),
            at_list_price=measure == "list",
        )
