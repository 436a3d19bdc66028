"""The rule set that somebody is editing: kept in the session, tried on real cost, saved as a whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import streamlit as st

from costpulse_app import db, people
from costpulse_app.allocation import reads
from costpulse_app.parts import Frame
from costpulse_assets.allocation.plan import Change, change_in_words
from costpulse_assets.allocation.rule_set import (
    BadRuleSet,
    Problem,
    RuleDocument,
    RuleSet,
    SplitDocument,
    TeamDocument,
    changes,
    problems,
    protected,
    replace_rule_set,
)
from costpulse_assets.allocation.simulate import Simulation, simulate
from costpulse_assets.identities import Identities, identities_of

Document = TypeVar("Document", TeamDocument, RuleDocument, SplitDocument)

_KEY, _TRIED = "draft", "draft_tried"


@dataclass(frozen=True)
class Draft:
    """What was read, and what it is to become."""

    stored: reads.Rules
    rule_set: RuleSet
    #: The number of the last change of the rules in the database.
    newest_version: int

    @property
    def changes(self) -> list[Change]:
        """In words, what saving does."""
        return [
            change_in_words(change.kind, change.name, change.before, change.after)
            for change in changes(self.stored.rule_set, self.rule_set)
        ]

    @property
    def is_outdated(self) -> bool:
        """Whether somebody else has saved since it was begun."""
        return self.newest_version != self.stored.version


@dataclass(frozen=True)
class Tried:
    """A draft that was simulated."""

    rule_set: RuleSet
    days: int
    simulation: Simulation


def identities() -> Identities:
    """How this deployment stores identities."""
    return identities_of(db.settings())


def current(made: Frame) -> Draft:
    """The draft of this session; what is stored while nothing is edited."""
    newest = reads.rules_version()
    begun: tuple[reads.Rules, RuleSet] | None = st.session_state.get(_KEY)
    if begun is not None:
        return Draft(*begun, newest)
    stored = reads.rules(made.version, newest)
    return Draft(stored, stored.rule_set, newest)


def put(draft: Draft, rule_set: RuleSet) -> Sequence[Problem]:
    """Make a rule set the draft; what is wrong with it, in which case the draft stays as it was."""
    with people.trying() as connection:
        found = problems(rule_set, connection)
    if found:
        return found
    try:
        rule_set = protected(rule_set, identities())
    except BadRuleSet as refused:
        return refused.problems
    if changes(draft.stored.rule_set, rule_set):
        st.session_state[_KEY] = (draft.stored, rule_set)
    else:
        discard()
    return ()


def discard() -> None:
    """Back to what is stored."""
    st.session_state.pop(_KEY, None)
    st.session_state.pop(_TRIED, None)


def tried(draft: Draft) -> Tried | None:
    """The simulation of this very draft; None where it has changed since, or was never simulated."""
    found: Tried | None = st.session_state.get(_TRIED)
    return found if found is not None and found.rule_set == draft.rule_set else None


def try_out(draft: Draft, days: Sequence[date]) -> None:
    """Simulate the draft on the cost of these days."""
    with people.trying() as connection:
        simulation = simulate(connection, draft.rule_set, days)
    st.session_state[_TRIED] = Tried(draft.rule_set, len(days), simulation)


def save(draft: Draft) -> int:
    """Make the database hold the draft; the number of changes.

    Raises:
        BadRuleSet: something is wrong with it.
        RulesChangedMeanwhile: somebody else has saved since it was begun.
    """
    with people.acting("edit rules") as connection:
        done = replace_rule_set(
            connection,
            draft.rule_set,
            people.current().name,
            identities=identities(),
            based_on=draft.stored.version,
        )
    discard()
    return len(done)


def replaced(documents: Sequence[Document], name: str | None, document: Document | None) -> tuple[Document, ...]:
    """The documents with the one of a name changed, removed (document None), or one added (name None)."""
    found = [document if other.name == name else other for other in documents]
    if name is None:
        found.append(document)
    return tuple(one for one in found if one is not None)
