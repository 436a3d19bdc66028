"""Judging cost by its tags: one evaluation for the tables, the list of violations, the preview of a draft, coverage.

How a verdict and the score are made is in docs/tags.md; the statements are sql/transform/stage_tag_*.sql. They work on
attribution keys, of which there are thousands, and only at the end on days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from costpulse_assets.allocation.tag_policies import TagPolicyDocument, policy_rows, stored_tag_policies
from costpulse_assets.derived_days import DerivedTable
from costpulse_assets.periods import last_final_day
from costpulse_assets.resources.database import Connection, Database, Row, run

#: Final days that violations, the preview and the coverage are about.
WINDOW_DAYS = 30

_STAGES = ("policies", "costs", "keys", "values", "scopes", "verdicts", "judged")


def judge_days(connection: Connection, days: Sequence[date]) -> None:
    """Makes the temporary tables that say what the cost of these days is by the stored policies.

    Nobody changes a policy until the transaction ends: what was judged is never older than its version says.
    """
    connection.execute("lock table costpulse.tag_policies in share mode")
    stage(connection, [each.document for each in stored_tag_policies(connection)], days)


def stage(connection: Connection, policies: Sequence[TagPolicyDocument], days: Sequence[date]) -> None:
    """Makes the temporary tables staged_tag_policies, _costs, _keys, _values, _scopes, _verdicts and _judged."""
    parameters = {"policies": Jsonb(policy_rows(connection, policies)), "days": list(days)}
    # Sorts and hashes of a hundred thousand keys stay in memory.
    connection.execute("set local work_mem = '64MB'")
    for name in _STAGES:
        run(connection, f"transform/stage_tag_{name}", parameters)
        # Without statistics the planner takes a temporary table for a small one, and loops.
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier("pg_temp", f"staged_tag_{name}")))


TAG_COMPLIANCE = DerivedTable(
    name="tag_compliance",
    upstreams=("daily_key_costs",),
    # Inherited tags are optional: without them cost is judged by the tags on the bill.
    also_reads=("resource_tags",),
    tables=("tag_compliance", "tag_key_compliance"),
    check="checks/tag_compliance_adds_up",
    prepare=judge_days,
)


def final_window(connection: Connection, days: int = WINDOW_DAYS) -> list[date]:
    """The last collected days that are final, ascending; empty while none is."""
    provisional = {row["usage_date"]: row["is_provisional"] for row in run(connection, "app/completeness")}
    last = last_final_day(provisional.items())
    if last is None:
        return []
    return [day for day in sorted(provisional) if last - timedelta(days=days - 1) <= day <= last]


def rebuild_resource_tags(database: Database) -> tuple[int, int]:
    """Brings resource_tags up to date, and marks the days of the last 90 that other tags concern.

    Returns:
        How many resources have other tags than before, and how many days are to be judged again.
    """
    with database.writing() as connection:
        (row,) = run(connection, "transform/tag_resources")
    return row["resources_changed"], row["days_marked"]


def rebuild_tag_violations(database: Database) -> None:
    """Makes tag_violations anew from the last 30 final days."""
    with database.writing() as connection:
        connection.execute("delete from costpulse.tag_violations")
        days = final_window(connection)
        if days:
            judge_days(connection, days)
            # Estimated at one resource, every join of it would be a loop over all of them.
            connection.execute("set local enable_nestloop = off")
            run(connection, "transform/tag_violations", {"from_date": days[0], "to_date": days[-1]})


@dataclass(frozen=True)
class TagScore:
    """How much of the cost, and how many resources, carry the required tags.

    Amounts in USD: taggable = compliant + untagged + incomplete + wrong value + exempt. Resources are counted once for
    each day they were used on.
    """

    cost_usd: Decimal
    taggable_cost_usd: Decimal
    compliant_cost_usd: Decimal
    untagged_cost_usd: Decimal
    incomplete_cost_usd: Decimal
    wrong_value_cost_usd: Decimal
    exempt_cost_usd: Decimal
    not_taggable_cost_usd: Decimal
    judged_resources: int
    compliant_resources: int

    @property
    def judged_cost_usd(self) -> Decimal:
        """Taggable cost that something is required of."""
        return self.taggable_cost_usd - self.exempt_cost_usd

    @property
    def by_cost(self) -> Decimal | None:
        """Share of the judged dollars that is compliant, 0 to 1; None where there are none, or corrections outweigh."""
        parts = (self.compliant_cost_usd, self.judged_cost_usd - self.compliant_cost_usd)
        return None if min(parts) < 0 or not any(parts) else self.compliant_cost_usd / self.judged_cost_usd

    @property
    def by_resource(self) -> Decimal | None:
        """Share of the judged resources that is compliant, 0 to 1; None where there are none."""
        return Decimal(self.compliant_resources) / self.judged_resources if self.judged_resources else None


@dataclass(frozen=True)
class Preview:
    """What draft policies would make of the last 30 final days."""

    days: tuple[date, ...]
    before: TagScore
    after: TagScore
    #: Rows of sql/app/tag_key_scores_staged.sql by the draft: key, and USD by verdict.
    keys: tuple[Row, ...]
    #: (tag key, pattern) of the drafts that match none of the values seen in these days.
    never_match: tuple[tuple[str, str], ...]


def preview_tag_policies(connection: Connection, drafts: Sequence[TagPolicyDocument]) -> Preview | None:
    """The score as it is and as it would be, by the same evaluation that the tables are made with; nothing is written.

    Args:
        connection: with an open transaction, that sees all teams (`costpulse.scope` is 'all').
        drafts: all policies there would be, without problems (`tag_policy_problems`).

    Returns:
        None while no day is final.
    """
    days = final_window(connection)
    if not days:
        return None
    stored = [each.document for each in stored_tag_policies(connection)]
    before, _, _ = _scored(connection, stored, days)
    after, keys, never = _scored(connection, drafts, days)
    return Preview(tuple(days), before, after, tuple(keys), tuple((row["tag_key"], row["pattern"]) for row in never))


def tag_coverage(connection: Connection) -> list[Row]:
    """Tag keys found in the last 30 final days and the share of the taggable cost that has a value: what to require.

    Returns:
        Rows of sql/app/tag_keys_found.sql, most covered first; spellings of one key are one row.
    """
    days = final_window(connection)
    if not days:
        return []
    with connection.transaction(force_rollback=True):
        stage(connection, [], days)
        return run(connection, "app/tag_keys_found")


def _scored(
    connection: Connection, policies: Sequence[TagPolicyDocument], days: Sequence[date]
) -> tuple[TagScore, list[Row], list[Row]]:
    # Rolled back, so that the temporary tables are gone for the next evaluation.
    with connection.transaction(force_rollback=True):
        stage(connection, policies, days)
        (score,) = run(connection, "app/tag_score_staged")
        keys = run(connection, "app/tag_key_scores_staged")
        return TagScore(**score), keys, run(connection, "app/tag_patterns_unmatched")


def tag_score(row: Row) -> TagScore:
    """The score of a row of sql/app/tag_scores.sql."""
    amounts: dict[str, Any] = {name: row[name] for name in TagScore.__dataclass_fields__}
    return TagScore(**amounts)
