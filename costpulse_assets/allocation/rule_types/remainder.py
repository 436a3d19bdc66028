"""Cost that nothing else claims: `{}`."""

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, RuleType


class Remainder(Conditions):
    """Nothing to choose."""

    def atoms(self) -> list[Atom]:
        """Everything; the pass asks it last."""
        return []

    def describe(self) -> str:
        """`nothing else claims it`."""
        return "nothing else claims it"


RULE_TYPE = RuleType(
    name="remainder",
    title="The rest",
    documentation="Whatever no rule, no other split, no member and no tag pattern of a team claims. For splits only.",
    conditions=Remainder,
    for_rules=False,
)
