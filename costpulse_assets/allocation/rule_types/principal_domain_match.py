"""Cost of everybody of a domain: `{"domains": ["partner.example"]}`."""

from pydantic import Field

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, RuleType, Text, any_of, globs


class PrincipalDomainMatch(Conditions):
    """Domains of e-mail addresses."""

    domains: tuple[Text, ...] = Field(
        min_length=1,
        title="Domains",
        description="One a line, without the @; `*` stands for anything.",
        examples=["partner.example"],
    )

    def atoms(self) -> list[Atom]:
        """The domain of the identity is one of these."""
        return [Atom("user_domain", "", globs(self.domains))]

    def describe(self) -> str:
        """`domain of the user is partner.example`."""
        return f"domain of the user is {any_of(self.domains)}"


RULE_TYPE = RuleType(
    name="principal_domain_match",
    title="Domain of the user",
    documentation="Usage of identities whose address ends in one of these domains, such as an agency's. Service "
    "principals have no domain.",
    conditions=PrincipalDomainMatch,
)
