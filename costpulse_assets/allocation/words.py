"""What explanations are made of: claims, conditions, prices and keys in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.allocation.rule_types.declaration import any_of
from costpulse_assets.resources.database import Row

#: "rule" or "split", its id and its version.
Version = tuple[str, int, int]
#: What rules and splits said: their row as it was.
Versions = Mapping[Version, Mapping[str, Any]]
#: By split, workspace and warehouse (both "" unless queries decide) and team: what it has, and what all have.
Weights = Mapping[tuple[int, str, str, int | None], tuple[Decimal, Decimal]]

_FIELDS = {
    "workspace": "workspace",
    "product": "product",
    "sku_name": "SKU",
    "cluster_name": "cluster name",
    "job": "job",
    "warehouse": "warehouse",
    "user_email": "user",
    "user_domain": "domain of the user",
}
_BASES = {
    "fixed": "by fixed percentages",
    "even": "evenly",
    "direct_spend": "in proportion to what each team was allocated directly on that day",
    "query_share": "in proportion to what the users of each team ran on the warehouse on that day",
    "weights": "by weights",
}
_SHARES: dict[str, Callable[[Decimal, Decimal], str]] = {
    "even": lambda own, total: f"one of {number(total)} teams",
    "direct_spend": lambda own, total: f"{usd(own)} of {usd(total)} of direct cost",
    "query_share": lambda own, total: f"{number(round(own, 2))} of {number(round(total, 2))} of what was used there",
    "weights": lambda own, total: f"weight {number(own)} of {number(total)}",
}
_LEFT_OVER = {
    "direct_spend": "none of the teams was allocated anything directly on that day",
    "query_share": "what nobody's query used, or queries of users who are in no team",
}
_IDENTITIES = {"run_as": "run as", "owned_by": "owned by", "created_by": "made by"}
#: Stages, see staging.py.
_RULES, _MEMBERS = 1, 3
#: Patterns and values that are listed; further ones are counted.
_LISTED = 4


@dataclass(frozen=True)
class Claim:
    """What was asked whether a key is its: a rule, a split, a member or the tag patterns of a team."""

    stage: int
    priority: int
    rule_id: int | None
    split_id: int | None
    team_id: int | None
    team_name: str | None
    #: Key of `Versions`; None for members and tag patterns.
    version: Version | None
    #: Whether it got it.
    is_first: bool
    #: What was compared: rows of app/explained_claims; none where it takes everything.
    atoms: tuple[Row, ...]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Claim":
        """From its rows, one for each atom."""
        row = rows[0]
        version: Version | None = None
        if row["rule_id"] is not None:
            version = ("rule", row["rule_id"], row["rule_version"])
        elif row["split_id"] is not None:
            version = ("split", row["split_id"], row["split_version"])
        return cls(
            stage=row["stage"],
            priority=row["priority"],
            rule_id=row["rule_id"],
            split_id=row["split_id"],
            team_id=row["team_id"],
            team_name=row["team_name"],
            version=version,
            is_first=row["is_first"],
            atoms=tuple(atom for atom in rows if atom["atom"] is not None),
        )


def decided(claim: Claim | None, part: Sequence[Row]) -> bool:
    """Whether the rows of a part are what this claim, or none, makes of it."""
    if claim is None:
        return all(row["method"] == "unallocated" for row in part)
    if claim.stage == _RULES:
        return all(row["rule_id"] == claim.rule_id for row in part)
    if claim.split_id is not None:
        return all(row["split_id"] == claim.split_id or row["method"] == "unallocated" for row in part)
    method = "user" if claim.stage == _MEMBERS else "tag"
    return all(row["method"] == method and row["team_id"] == claim.team_id for row in part)


def version_of(claim: Claim | None, part: Sequence[Row]) -> Version | None:
    """The rule or split that decided a part, in the version that counted; None where none did."""
    for row in part:
        if row["rule_id"] is not None:
            return "rule", row["rule_id"], row["rule_version"]
        if row["split_id"] is not None:
            return "split", row["split_id"], row["split_version"]
    return None if claim is None else claim.version


def called(version: Version | None, versions: Versions) -> str | None:
    """What a rule or split was called in a version."""
    return None if version is None else str(versions[version]["name"])


def reason(part: Sequence[Row], version: Version | None, claim: Claim | None, versions: Versions) -> str:
    """Why a part went where it went, by the claim that decided."""
    key = part[0]
    if claim is None:
        return "No rule, split, member or tag pattern of a team claims it."
    here = " and ".join(map(_holds, claim.atoms))
    if version is not None:
        said = versions[version]
        does = f"gives {key['team_name']}" if claim.stage == _RULES else "shares"
        how = "" if claim.stage == _RULES else f" {_BASES[said['basis']]}"
        return f"{_name(version, versions)} {does} all cost where {_conditions(said)}{how}." + (
            f" Here {here}." if here else ""
        )
    if claim.stage == _MEMBERS:
        return f"It is {_identity(key)}, a member of {key['team_name']} on that day."
    return f"The tag patterns of {key['team_name']} claim it: {here}."


def share_reason(row: Row, version: Version | None, versions: Versions, weights: Weights) -> str:
    """Why a receiver gets this share of what a split claims; empty for everything else."""
    if version is None or version[0] != "split":
        return ""
    basis = versions[version]["basis"]
    if row["method"] == "unallocated":
        return _LEFT_OVER.get(basis, "the split has no team to give it to on that day")
    of_warehouse = (row["workspace_id"] or "", row["warehouse_id"]) if basis == "query_share" else ("", "")
    has = weights.get((version[1], *of_warehouse, row["team_id"]))
    return "" if has is None or basis not in _SHARES else _SHARES[basis](*has)


def earlier(part: Sequence[Row], version: Version | None, versions: Versions) -> str:
    """Why a part went where it went, where the rules of today decide otherwise."""
    key = part[0]
    if version is not None:
        return f"{_name(version, versions)} decided so, as it was then; by the rules of today it is another's."
    if key["method"] == "unallocated":
        return "No rule of that time claimed it; the rules of today do."
    what = "its user was a member" if key["method"] == "user" else "a tag matched a pattern"
    return f"When it was allocated, {what} of {key['team_name']}; by the rules of today it is another's."


def tried(key: Row, claims: Sequence[Claim], versions: Versions) -> Iterator[str]:
    """Who was asked before the one that got it, in order, and why they did not get it."""
    members_asked = False
    for claim in claims:
        if claim.stage > _MEMBERS and not members_asked:
            members_asked = True
            yield _no_member(key)
        if claim.is_first:
            return
        why = next(
            (_fails(atom) for atom in claim.atoms if not _does_hold(atom)), "one of its conditions can match nothing"
        )
        if claim.version is not None:
            for_team = f" for {claim.team_name}" if claim.stage == _RULES else ""
            yield f"{_name(claim.version, versions)}{for_team}: {why}."
        else:
            yield f"Tag patterns of {claim.team_name}: {why}."
    if not members_asked:
        yield _no_member(key)


def name_of_key(key: Row) -> str:
    """What an attribution key is: job churn_train (42) in workspace northwind-ml, run as nina@northwind.example."""
    what = [
        _named(kind, key[f"{kind}_name"], key[f"{kind}_id"])
        for kind in ("job", "cluster", "warehouse", "pipeline")
        if key[f"{kind}_id"] is not None
    ]
    if key["endpoint_name"] is not None:
        what.append(f"endpoint {key['endpoint_name']}")
    if not what and key["resource_id"] is not None:
        what.append(f"{key['resource_type'].replace('_', ' ')} {key['resource_id']}")
    where = (
        "at the level of the account"
        if key["workspace_id"] is None
        else f"in workspace {key['workspace_name'] or key['workspace_id']}"
    )
    name = f"{' on '.join(what) or 'product ' + key['product']} {where}"
    if key["user_email"] is not None:
        name += f", {_identity(key)}"
    tags = [tag if value is None else f"{tag}={value}" for tag, value in key["tags"].items()]
    return f"{name}, tagged {', '.join(tags)}" if tags else name


def price(row: Row) -> str:
    """How an amount was made: quantity, list price and since when, adjustment, what is paid."""
    unit = row["usage_unit"]
    quantity = f"{number(_readable(row['usage_quantity']))} {unit}"
    if row["dbu_rate"] is None:
        listed = f"{row['sku_name']} has no list price"
    else:
        since = "" if row["price_start_time"] is None else f" since {row['price_start_time']:%Y-%m-%d %H:%M} UTC"
        listed = f"list price {_rate(row['dbu_rate'], unit)}{since}"
    if row["effective_rate"] is None:
        return f"{quantity} without a price: {listed}, and no price adjustment gives it one, so it has no cost."
    if row["price_adjustment_id"] is None:
        adjusted = "no price adjustment applies"
    elif row["sku_pattern"] is None:
        adjusted = f"adjusted by price adjustment {row['price_adjustment_id']}, which was deleted since"
    elif row["fixed_rate"] is not None:
        adjusted = f"price adjustment {row['price_adjustment_id']} for {row['sku_pattern']} fixes the price"
    else:
        more = "more" if row["percentage"] > 0 else "less"
        adjusted = (
            f"price adjustment {row['price_adjustment_id']} for {row['sku_pattern']} makes it "
            f"{number(abs(row['percentage']))}% {more}"
        )
    paid = f"{quantity} at {_rate(row['effective_rate'], unit)} is {usd(row['cost_usd'])}"
    return f"{paid}: {listed}, {adjusted}."


def usd(amount: Decimal | None) -> str:
    """$1,234.56; below a cent as many digits as it takes; without a price in words."""
    if amount is None:
        return "no price"
    sign, size = "-" if amount < 0 else "", abs(amount)
    return f"{sign}${size:,.2f}" if size >= Decimal("0.005") or not size else f"{sign}${number(size)}"


def number(amount: Decimal) -> str:
    """All digits, without idle zeros."""
    text = f"{amount:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _readable(quantity: Decimal) -> Decimal:
    """Six decimals are enough for people, unless nothing were left."""
    return round(quantity, 6) or quantity


def _rate(rate: Decimal, unit: str) -> str:
    text = number(rate)
    return f"${text if len(text.partition('.')[2]) >= 2 else f'{rate:,.2f}'} per {unit}"


def _percent(share: Decimal) -> str:
    return f"{number(round(share * 100, 6))}%"


def _named(kind: str, name: str | None, id: str) -> str:
    return f"{kind} {id}" if name is None or name == id else f"{kind} {name} ({id})"


def _identity(key: Row) -> str:
    return f"{_IDENTITIES.get(key['user_source'], 'used by')} {key['user_email']}"


def _name(version: Version, versions: Versions) -> str:
    kind, _, number_of_version = version
    said = versions[version]
    return f"{kind.capitalize()} “{said['name']}” (priority {said['priority']}, version {number_of_version})"


def _conditions(said: Mapping[str, Any]) -> str:
    return RULE_TYPES[said["rule_type"]].describe(said["conditions"])


def _no_member(key: Row) -> str:
    if key["user_email"] is None:
        return "Members of teams: the bill names nobody."
    return f"Members of teams: {key['user_email']} is in no team on that day."


def _does_hold(atom: Row) -> bool:
    return atom["hit_value"] is not None or (atom["may_be_missing"] and atom["values"] is None)


def _field(atom: Row) -> str:
    return f"tag {atom['tag_key']}" if atom["field"] == "tag" else _FIELDS[atom["field"]]


def _holds(atom: Row) -> str:
    field = _field(atom)
    if atom["hit_value"] is None:
        return f"there is no {field}"
    is_same = atom["hit_pattern"].casefold() == atom["hit_value"].casefold()
    return f"{field} is “{atom['hit_value']}”" + ("" if is_same else f", which matches {atom['hit_pattern']}")


def _fails(atom: Row) -> str:
    field = _field(atom)
    if atom["values"] is None:
        return f"there is no {field}"
    has = f"{field} is {_listed([f'“{value}”' for value in atom['values']])}"
    return f"{has}, not {_listed(atom['patterns'])}" if atom["patterns"] else has


def _listed(texts: Sequence[str]) -> str:
    further = len(texts) - _LISTED
    return any_of([*texts[:_LISTED], f"one of {further} others"] if further > 0 else texts)
