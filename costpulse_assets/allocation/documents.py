"""Teams, rules and splits as documents that name each other: what YAML and forms hold.

Days of documents are inclusive at both ends, None is open. Documents are equal when they mean the same: texts are
trimmed, blank ones are None, conditions are canonical, weights have no idle zeros. A document may be nonsense all the
same; `problems` tells.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo

from costpulse_assets.allocation.rule_types import RULE_TYPES
from costpulse_assets.allocation.rule_types.declaration import Text

#: How the cost of a split is shared.
Basis = Literal["fixed", "even", "direct_spend", "query_share", "weights"]
BASES: tuple[Basis, ...] = get_args(Basis)

_MOST_DIGITS = 60


def _day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError as error:
            raise ValueError(f"must be a day of the calendar: {error}") from None
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise ValueError("must be a day such as 2026-01-31")


def _without_idle_zeros(value: Decimal | None) -> Decimal | None:
    if value is None or not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
        return value
    text = f"{value:f}"
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def _canonical(conditions: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    try:
        return RULE_TYPES[info.data["rule_type"]].canonical(conditions)
    except (KeyError, ValidationError):
        return conditions


_OptionalText = Annotated[Text | None, AfterValidator(lambda text: text or None)]
#: A day as it is typed: a date of YAML or text such as 2026-01-31, nothing else.
Day = Annotated[date | None, BeforeValidator(_day)]
_Conditions = Annotated[dict[str, Any], AfterValidator(_canonical)]
_Weight = Annotated[Decimal | None, AfterValidator(_without_idle_zeros)]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @property
    def in_order(self) -> Self:
        """The same with its members or shares in one order: that of a list means nothing."""
        return self


class MemberDocument(_Document):
    """Somebody whose usage belongs to the team, where no rule or split claims it."""

    email: Text
    role: Literal["owner", "member"] = "member"
    valid_from: Day = None
    valid_to: Day = None


class TeamDocument(_Document):
    """A team; `tag_patterns` claim what no rule, split or member does: any key that matches one of its patterns."""

    name: Text
    parent: _OptionalText = None
    department: _OptionalText = None
    cost_center: _OptionalText = None
    manager_email: _OptionalText = None
    tag_patterns: dict[Text, tuple[Text, ...]] = {}
    members: tuple[MemberDocument, ...] = ()

    @property
    def in_order(self) -> Self:
        """The team with its members by address and time."""
        members = sorted(self.members, key=lambda member: (member.email.casefold(), member.valid_from or date.min))
        return self.model_copy(update={"members": tuple(members)})


class RuleDocument(_Document):
    """What a team owns directly: the lowest priority is asked first, among equals the older rule."""

    name: Text
    team: Text
    rule_type: Text
    conditions: _Conditions
    priority: int = 100
    is_active: bool = True
    valid_from: Day = None
    valid_to: Day = None
    note: _OptionalText = None


class ShareDocument(_Document):
    """A team of a split: percent of a fixed split, any weight of basis weights, no weight for the others."""

    team: Text
    weight: _Weight = None
    valid_from: Day = None
    valid_to: Day = None


class SplitDocument(_Document):
    """A selection of cost that several teams share.

    - fixed: by the weights of the shares, in percent
    - even: evenly among the teams of the shares
    - direct_spend: by what these teams (without shares: all teams) own directly that day
    - query_share: cost of warehouses by what the queries of each team cost there; `idle` says whether the rest of the
      warehouse's cost is shared likewise or left Unallocated
    - weights: by uploaded weights
    """

    name: Text
    rule_type: Text
    conditions: _Conditions
    basis: Basis
    idle: Literal["share", "leave"] = "share"
    shares: tuple[ShareDocument, ...] = ()
    priority: int = 100
    is_active: bool = True
    valid_from: Day = None
    valid_to: Day = None
    note: _OptionalText = None

    @property
    def in_order(self) -> Self:
        """The split with its shares by team and time."""
        shares = sorted(self.shares, key=lambda share: (share.team.casefold(), share.valid_from or date.min))
        return self.model_copy(update={"shares": tuple(shares)})


class RuleSet(_Document):
    """Everything that decides who owns what."""

    teams: tuple[TeamDocument, ...] = ()
    rules: tuple[RuleDocument, ...] = ()
    splits: tuple[SplitDocument, ...] = ()
