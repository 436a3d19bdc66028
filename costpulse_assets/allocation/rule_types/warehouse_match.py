"""Cost of SQL warehouses: `{"warehouses": ["bi-*", "9c12ab34de56f789"]}`."""

from pydantic import Field

from costpulse_assets.allocation.rule_types.declaration import Atom, Conditions, RuleType, Text, any_of, globs


class WarehouseMatch(Conditions):
    """Warehouses by id or name."""

    warehouses: tuple[Text, ...] = Field(
        min_length=1,
        title="SQL warehouses",
        description="One a line: an id, or a name, in which `*` stands for anything.",
        examples=["bi-*"],
    )

    def atoms(self) -> list[Atom]:
        """Id or name of the warehouse is one of these."""
        return [Atom("warehouse", "", globs(self.warehouses))]

    def describe(self) -> str:
        """`warehouse is bi-*`."""
        return f"warehouse is {any_of(self.warehouses)}"


RULE_TYPE = RuleType(
    name="warehouse_match",
    title="SQL warehouse",
    documentation="Usage of these SQL warehouses, by id or by the name on the usage day.",
    conditions=WarehouseMatch,
)
