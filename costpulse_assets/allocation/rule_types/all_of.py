"""Several conditions that must all hold: `{"parts": [{"rule_type": "sku_match", "conditions": {...}}, ...]}`."""

from collections.abc import Callable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from costpulse_assets.allocation import rule_types
from costpulse_assets.allocation.rule_types.declaration import (
    Atom,
    Conditions,
    RuleType,
    Text,
    any_of,
    refusals,
    stored_form,
)


class Part(BaseModel):
    """One of the conditions, of any other rule type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule_type: Text
    conditions: dict[str, Any]

    @property
    def parsed(self) -> Conditions:
        """Its conditions as their model."""
        return rule_types.RULE_TYPES[self.rule_type].parse(self.conditions)

    @model_validator(mode="before")
    @classmethod
    def _is_of_a_type(cls, part: Any) -> Any:
        if not isinstance(part, dict) or not isinstance(part.get("conditions"), dict):
            return part  # the model says what is wrong
        known = [name for name, kind in rule_types.RULE_TYPES.items() if kind.for_rules and name != RULE_TYPE.name]
        if part.get("rule_type") not in known:
            raise ValueError(f"rule_type of a part must be {any_of(known)}")
        try:
            return {**part, "conditions": rule_types.RULE_TYPES[part["rule_type"]].canonical(part["conditions"])}
        except ValidationError as error:
            raise ValueError("; ".join(f"{one.field} {one.reason}".strip() for one in refusals(error))) from None


class AllOf(Conditions):
    """Conditions of other types."""

    parts: tuple[Part, ...] = Field(
        min_length=1,
        title="Conditions",
        description="All of them must hold.",
        examples=['[{"rule_type": "workspace_match", "conditions": {"workspaces": ["northwind-prod"]}}]'],
    )

    def atoms(self) -> list[Atom]:
        """Those of all parts."""
        return [atom for part in self.parts for atom in part.parsed.atoms()]

    def describe(self) -> str:
        """`workspace is northwind-prod and tag team is missing`."""
        return " and ".join(part.parsed.describe() for part in self.parts)

    def protected(self, protect: Callable[[str], str]) -> Self:
        """Every part protects its own."""
        parts = tuple(
            part.model_copy(update={"conditions": stored_form(part.parsed.protected(protect))}) for part in self.parts
        )
        return self.model_copy(update={"parts": parts})


RULE_TYPE = RuleType(
    name="all_of",
    title="Several conditions",
    documentation="Usage for which each of these conditions holds, such as jobs of one workspace with one tag.",
    conditions=AllOf,
)
