"""Cost of people and service principals: `{"users": ["nina@northwind.example", "*@partner.example"]}`."""

from collections.abc import Callable
from typing import Self

from pydantic import Field

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, RuleType, Text, any_of, globs


class UserMatch(Conditions):
    """Identities."""

    users: tuple[Text, ...] = Field(
        min_length=1,
        title="Users",
        description="One a line: an e-mail address, the application id of a service principal, or a pattern with `*`.",
        examples=["nina@northwind.example"],
    )

    def atoms(self) -> list[Atom]:
        """The identity is one of these."""
        return [Atom("user_email", "", globs(self.users))]

    def describe(self) -> str:
        """`user is nina@northwind.example`."""
        return f"user is {any_of(self.users)}"

    def protected(self, protect: Callable[[str], str]) -> Self:
        """Every one of them is an identity."""
        return self.model_copy(update={"users": tuple(map(protect, self.users))})


RULE_TYPE = RuleType(
    name="user_match",
    title="User",
    documentation="Usage of these identities: who a job runs as, else who owns the resource, else who made it. While "
    "identities are hashed, whole addresses and `*@domain` are all that can be matched.",
    conditions=UserMatch,
)
