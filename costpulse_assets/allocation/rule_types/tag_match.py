"""Cost with a tag: `{"key": "team", "values": ["etl", "etl-*"]}`, or without it: `{"key": "team", "missing": true}`."""

from collections.abc import Callable, Iterable
from typing import Self

from pydantic import Field, model_validator

from costpulse_assets.allocation.rule_types.declaration import (
    Atom,
    Conditions,
    Pattern,
    RuleType,
    Text,
    any_of,
    globs,
)
from costpulse_assets.identities import ADDRESS


class TagMatch(Conditions):
    """Key and values of a tag."""

    key: Text = Field(
        min_length=1, title="Tag key", description="Upper and lower case count, as in Databricks.", examples=["team"]
    )
    values: tuple[Text, ...] = Field(
        default=(), title="Values", description="One pattern a line; `*` stands for anything.", examples=["etl-*"]
    )
    missing: bool = Field(default=False, title="Usage without this tag")

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.values and not self.missing:
            raise ValueError("needs values, or missing: true for usage without the tag")
        return self

    def atoms(self) -> list[Atom]:
        """The tag has one of the values, or is not there."""
        missing = (Pattern("missing"),) if self.missing else ()
        return [Atom("tag", self.key, globs(self.values) + missing)]

    def describe(self) -> str:
        """`tag team is etl, etl-* or missing`."""
        return f"tag {self.key} is {any_of([*self.values, *(['missing'] if self.missing else [])])}"

    def protected(self, protect: Callable[[str], str]) -> Self:
        """Values that are addresses are stored like the people they name."""
        return self.model_copy(update={"values": protected_values(self.values, protect)})


def protected_values(values: Iterable[str], protect: Callable[[str], str]) -> tuple[str, ...]:
    """Patterns for the values of a tag, with those that are addresses as the database stores them."""
    return tuple(protect(value) if ADDRESS.fullmatch(value) else value for value in values)


RULE_TYPE = RuleType(
    name="tag_match",
    title="Tag",
    documentation="Usage with a tag of this key and one of these values. The key is compared exactly, values without "
    "regard to case. `missing` is for usage that does not have the tag at all.",
    conditions=TagMatch,
)
