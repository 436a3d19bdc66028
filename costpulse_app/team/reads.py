"""What the page of a team reads: cached like `queries`, and anew when rules were changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st
from psycopg.rows import dict_row

from costpulse_app import people
from costpulse_app.allocation import reads as allocation
from costpulse_app.allocation.reads import Rules
from costpulse_app.names import Names
from costpulse_app.queries import Version
from costpulse_assets.allocation.documents import TeamDocument
from costpulse_assets.costs.spend import Measure
from costpulse_assets.periods import Period
from costpulse_assets.resources.sql_files import load_sql


@dataclass(frozen=True)
class Team:
    """One team: what is stored of it, and where it stands among the others, by id.

    Attributes:
        family: itself and every team below it: whose cost is its cost on this page.
        below: the teams right below it, by name.
    """

    id: str
    document: TeamDocument
    parent: str | None
    below: tuple[str, ...]
    family: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """What has come to a team by one rule or split, or by a method that needs none."""

    method: str
    rule_id: int | None
    split_id: int | None
    now: Decimal | None
    before: Decimal | None


def is_in_scope(team: str) -> bool:
    """Whether the viewer sees the cost of a team."""
    scope = people.current().scope
    return scope == "all" or team in scope.split(",")


def rules(version: Version) -> Rules:
    """Teams, rules and splits as they are stored now."""
    return allocation.rules(version, allocation.rules_version())


def team(names: Names, stored: Rules, number: str) -> Team | None:
    """The team with this id; None where there is none that the viewer may see."""
    if number not in names.ids("team") or not is_in_scope(number):
        return None
    ids = {names.one("team", each): each for each in names.ids("team")}
    documents = {ids[each.name]: each for each in stored.rule_set.teams if each.name in ids}
    if number not in documents:
        return None
    below: dict[str, list[str]] = {}
    for each in sorted(documents, key=lambda each: documents[each].name.casefold()):
        parent = ids.get(documents[each].parent or "")
        if parent is not None:
            below.setdefault(parent, []).append(each)
    family = [number]
    for each in family:
        family += [one for one in below.get(each, ()) if one not in family]
    document = documents[number]
    return Team(number, document, ids.get(document.parent or ""), tuple(below.get(number, ())), tuple(family))


@st.cache_data(show_spinner=False, max_entries=50)
def claims(version: Version, teams: tuple[str, ...], period: Period, before: Period, measure: Measure) -> list[Claim]:
    """By which rules, splits and methods cost has come to these teams, largest first."""
    name = "list_cost" if measure == "list" else "cost"
    parameters: Mapping[str, object] = {
        "teams": [int(each) for each in teams],
        "first": period.first,
        "last": period.last,
        "before_first": before.first,
        "before_last": before.last,
    }
    with people.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(load_sql("app/team_cost_by_claim").encode(), parameters).fetchall()
    found = [
        Claim(row["method"], row["rule_id"], row["split_id"], row[f"{name}_usd"], row[f"{name}_before_usd"])
        for row in rows
    ]
    return sorted(found, key=lambda one: (-(one.now or 0), one.method, one.rule_id or 0, one.split_id or 0))
