"""Cost of SKUs: `{"skus": ["*SERVERLESS_SQL*"]}`."""

from pydantic import Field

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, RuleType, Text, any_of, globs


class SkuMatch(Conditions):
    """Names of SKUs."""

    skus: tuple[Text, ...] = Field(
        min_length=1,
        title="SKUs",
        description="One pattern a line; `*` stands for anything.",
        examples=["*SERVERLESS_SQL*"],
    )

    def atoms(self) -> list[Atom]:
        """The SKU is one of these."""
        return [Atom("sku_name", "", globs(self.skus))]

    def describe(self) -> str:
        """`SKU is *SERVERLESS_SQL*`."""
        return f"SKU is {any_of(self.skus)}"


RULE_TYPE = RuleType(
    name="sku_match",
    title="SKU",
    documentation="Usage billed under these SKUs, as they are named in the bill.",
    conditions=SkuMatch,
)
