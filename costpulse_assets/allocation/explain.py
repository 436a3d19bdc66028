"""Why a cost went where it went: in sentences, for whoever disputes a number."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

import psycopg

from costpulse_assets.allocation import words
from costpulse_assets.allocation.allocate import match_claims
from costpulse_assets.allocation.staging import stage_claims
from costpulse_assets.allocation.usage_statement import usage_statement
from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, Row, run
from costpulse_assets.resources.sql_files import load_sql


@dataclass(frozen=True)
class Subject:
    """What is asked about; everything that is given must hold.

    Clusters, jobs and warehouses go by their id or by the name they had on the day; `*` stands for anything,
    everywhere. A tag is `key=value`.
    """

    cluster: str | None = None
    job: str | None = None
    warehouse: str | None = None
    user: str | None = None
    sku: str | None = None
    tag: str | None = None

    def __str__(self) -> str:
        """`cluster adhoc-*, tag team=growth`."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ", ".join(f"{'SKU' if name == 'sku' else name} {value}" for name, value in given if value is not None)


@dataclass(frozen=True)
class Receiver:
    """Who gets a part, or a share of it."""

    #: None: nobody, it is Unallocated.
    team: str | None
    #: rule, user, tag, split or unallocated.
    method: str
    #: Share of the part, 0 to 1.
    share: Decimal
    usage_quantity: Decimal
    #: None: it has no price.
    cost_usd: Decimal | None
    #: Where a part is shared, why this share: "$12.50 of $19.50 of direct cost"; empty where the rest says it.
    share_reason: str


@dataclass(frozen=True)
class Part:
    """An attribution key, SKU and unit: what is decided at once."""

    key_id: UUID
    sku_name: str
    usage_unit: str
    #: What it is: "job churn_train (42) in workspace northwind-ml, run as nina@northwind.example".
    name: str
    usage_quantity: Decimal
    #: None: nothing of it has a price.
    cost_usd: Decimal | None
    #: Name and version of the rule or split that decided, where one did.
    rule: str | None
    rule_version: int | None
    #: What decided, and what matched.
    reason: str
    receivers: tuple[Receiver, ...]
    #: A sentence for each price that was in force.
    prices: tuple[str, ...]
    #: Who was asked before, in order, and why they did not get it.
    tried: tuple[str, ...]
    #: Databricks SQL that fetches the records behind it.
    statement: str


@dataclass(frozen=True)
class Explanation:
    """What a subject cost on a day, part by part."""

    day: date
    subject: Subject
    #: What the reader must know first: the day is not final, rules have changed since.
    remarks: tuple[str, ...]
    cost_usd: Decimal
    #: Cost by team, largest first; None is Unallocated.
    teams: tuple[tuple[str | None, Decimal], ...]
    #: The largest ones.
    parts: tuple[Part, ...]
    parts_left_out: int
    left_out_usd: Decimal


def explain(connection: Connection, day: date, subject: Subject, *, limit: int = 20) -> Explanation:
    """Explains what something cost on a day, as it is allocated, and why its teams pay for it.

    Reads what the role of the connection may see: the app's role sees the teams of its `costpulse.scope` only.

    Args:
        connection: with an open transaction that may make temporary tables.
        day: usage day.
        subject: what is asked about.
        limit: how many parts are explained, largest first; all of them are in the sums.

    Raises:
        BadInput: nothing is asked about, the day was not allocated, or nothing of the subject has usage on it.
    """
    (known,) = run(connection, "app/explained_day", {"day": day})
    rows = run(connection, "app/explained_costs", {"day": day, **_patterns(subject)})
    if not rows:
        raise _nothing(day, subject, known)
    parts = [list(group) for _, group in groupby(rows, key=_part)]
    parts.sort(key=lambda part: -abs(_cost(part) or Decimal(0)))
    chosen = parts[:limit]
    keys = list({part[0]["key_id"] for part in chosen})
    stage_claims(connection)
    match_claims(connection, [day], keys)
    claims: dict[tuple[UUID, str], list[words.Claim]] = defaultdict(list)
    for (key_id, sku_name, _), atoms in groupby(
        run(connection, "app/explained_claims", {"day": day}),
        key=lambda row: (row["key_id"], row["sku_name"], row["place"]),
    ):
        claims[key_id, sku_name].append(words.Claim.of(list(atoms)))
    prices: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for price in run(connection, "app/explained_prices", {"day": day, "keys": keys}):
        prices[_part(price)].append(price)
    versions = _versions(connection, chosen, claims.values())
    weights = _weights(connection, day) if known["sees_all_teams"] else {}
    teams: dict[str | None, Decimal] = defaultdict(Decimal)
    for row in rows:
        teams[row["team_name"]] += row["cost_usd"] or 0
    return Explanation(
        day=day,
        subject=subject,
        remarks=tuple(_remarks(known)),
        cost_usd=sum(teams.values(), Decimal(0)),
        teams=tuple(sorted(teams.items(), key=lambda item: (-item[1], item[0] or ""))),
        parts=tuple(
            _explained(
                day,
                part,
                claims[part[0]["key_id"], part[0]["sku_name"]],
                versions,
                weights,
                prices[_part(part[0])],
                identities_are_hashed=known["identities_are_hashed"],
            )
            for part in chosen
        ),
        parts_left_out=len(parts) - len(chosen),
        left_out_usd=sum((_cost(part) or Decimal(0) for part in parts[limit:]), Decimal(0)),
    )


def _patterns(subject: Subject) -> dict[str, str | None]:
    if not str(subject):
        raise BadInput(
            "Nothing was asked about.", next_step="Name a cluster, job, warehouse, user, SKU or tag; * is anything."
        )
    given = {field.name: getattr(subject, field.name) for field in fields(subject)}
    tag = given.pop("tag")
    key, equals, value = (tag or "").partition("=")
    if tag is not None and not (key and equals and value):
        raise BadInput(f"{tag!r} is not a tag.", next_step="Write it as key=value, such as team=growth or team=*.")
    return {**given, "tag_key": key or None, "tag_value": value or None}


def _nothing(day: date, subject: Subject, known: Row) -> BadInput:
    if not known["is_allocated"]:
        return BadInput(
            f"{day} was not allocated yet.", next_step=f"Run `costpulse materialize --from {day} --to {day}`."
        )
    return BadInput(
        f"There is no usage of {subject} on {day}.",
        next_step="Names are those of that day, and * stands for anything; `costpulse query top` lists what there is.",
    )


def _remarks(known: Row) -> Iterable[str]:
    if known["is_provisional"]:
        yield f"The day is not final: about {known['share_in']:.0%} of its usage is in."
    if known["rules_have_changed"]:
        yield "Rules that concern this day were changed after it was allocated; the next run allocates it anew."


def _versions(
    connection: Connection, parts: Sequence[Sequence[Row]], claims: Iterable[Sequence[words.Claim]]
) -> words.Versions:
    """What each rule and split that is mentioned said, in the version that counted."""
    rows = [row for part in parts for row in part]
    wanted = {("rule", row["rule_id"], row["rule_version"]) for row in rows if row["rule_id"] is not None}
    wanted |= {("split", row["split_id"], row["split_version"]) for row in rows if row["split_id"] is not None}
    wanted |= {claim.version for asked in claims for claim in asked if claim.version is not None}
    kinds, ids, versions = zip(*wanted, strict=True) if wanted else ((), (), ())
    found = run(
        connection,
        "app/explained_versions",
        {"kinds": list(kinds), "ids": list(ids), "versions": list(versions)},
    )
    return {(row["kind"], row["object_id"], row["version"]): row["content"] for row in found}


def _weights(connection: Connection, day: date) -> words.Weights:
    """What each team had of what a split goes by, as the pass reads it; by what is allocated directly on the day."""
    # A view keeps no parameters: they are written into it, quoted by the driver.
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(load_sql("app/explained_direct_cost").encode(), {"day": day})
    run(connection, "transform/split_receivers", {"days": [day]})
    rows = connection.execute("select * from split_receivers").fetchall()
    return {
        (row["split_id"], row["workspace_id"], row["warehouse_id"], row["team_id"]): (row["weight"], row["total"])
        for row in rows
    }


def _explained(
    day: date,
    part: Sequence[Row],
    claims: Sequence[words.Claim],
    versions: words.Versions,
    weights: words.Weights,
    prices: Sequence[Row],
    *,
    identities_are_hashed: bool,
) -> Part:
    key = part[0]
    first = next((claim for claim in claims if claim.is_first), None)
    is_current = words.decided(first, part)
    version = words.version_of(first if is_current else None, part)
    return Part(
        key_id=key["key_id"],
        sku_name=key["sku_name"],
        usage_unit=key["usage_unit"],
        name=words.name_of_key(key),
        usage_quantity=sum((row["usage_quantity"] for row in part), Decimal(0)),
        cost_usd=_cost(part),
        rule=words.called(version, versions),
        rule_version=None if version is None else version[2],
        reason=words.reason(part, version, first, versions) if is_current else words.earlier(part, version, versions),
        receivers=tuple(
            Receiver(
                team=row["team_name"],
                method=row["method"],
                share=row["share"],
                usage_quantity=row["usage_quantity"],
                cost_usd=row["cost_usd"],
                share_reason=words.share_reason(row, version, versions, weights) if is_current else "",
            )
            for row in part
        ),
        prices=tuple(words.price(price) for price in prices),
        tried=tuple(words.tried(key, claims, versions)) if is_current else (),
        statement=usage_statement(
            day, key, key["sku_name"], key["usage_unit"], identities_are_hashed=identities_are_hashed
        ),
    )


def _part(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["key_id"], row["sku_name"], row["usage_unit"]


def _cost(part: Sequence[Row]) -> Decimal | None:
    costs = [row["cost_usd"] for row in part if row["cost_usd"] is not None]
    return sum(costs, Decimal(0)) if costs else None
