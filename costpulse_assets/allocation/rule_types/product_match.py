"""Cost of products: `{"products": ["MODEL_SERVING", "*_SERVERLESS"]}`."""

from pydantic import Field

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, RuleType, Text, any_of, globs


class ProductMatch(Conditions):
    """Products."""

    products: tuple[Text, ...] = Field(
        min_length=1,
        title="Products",
        description="One pattern a line; `*` stands for anything.",
        examples=["MODEL_SERVING"],
    )

    def atoms(self) -> list[Atom]:
        """The product is one of these."""
        return [Atom("product", "", globs(self.products))]

    def describe(self) -> str:
        """`product is MODEL_SERVING`."""
        return f"product is {any_of(self.products)}"


RULE_TYPE = RuleType(
    name="product_match",
    title="Product",
    documentation="Usage of a product as the bill names its origin (JOBS, SQL, MODEL_SERVING, ...), with _SERVERLESS "
    "behind it where the usage is serverless.",
    conditions=ProductMatch,
)
