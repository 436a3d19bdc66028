"""Negotiated prices as documents: what a discount or a rate of one's own applies to, and when."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from costpulse_assets.resources.database import Connection, run


class PriceAdjustmentDocument(BaseModel):
    """A percentage on the list price (-12.5 is a discount), or a rate in USD per unit; both days are inclusive.

    Of all that match an SKU the one with the longest literal part counts, among equals the older one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    sku_pattern: Annotated[str, Field(min_length=1)]
    percentage: Annotated[Decimal, Field(ge=-100, le=100, max_digits=9, decimal_places=6)] | None = None
    fixed_rate: Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=38, decimal_places=18)] | None = None
    valid_from: date
    valid_to: Annotated[date, Field(lt=date.max)] | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.percentage is None) == (self.fixed_rate is None):
            raise ValueError("needs either percentage or fixed_rate")
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError(f"ends on {self.valid_to}, before it begins on {self.valid_from}")
        return self

    @property
    def key(self) -> tuple[str, date]:
        """What tells one from another; the rest of it can change."""
        return self.sku_pattern.lower(), self.valid_from

    def overlaps(self, other: Self) -> bool:
        """Whether both are for one pattern and share a day."""
        return (
            self.key[0] == other.key[0]
            and (self.valid_to is None or other.valid_from <= self.valid_to)
            and (other.valid_to is None or self.valid_from <= other.valid_to)
        )


def stored_price_adjustments(connection: Connection) -> tuple[PriceAdjustmentDocument, ...]:
    """What the database holds, the older ones first."""
    return tuple(document for _, document in _stored(connection))


def replace_price_adjustments(connection: Connection, documents: Sequence[PriceAdjustmentDocument]) -> None:
    """Makes the database hold these and nothing else; what is the same keeps its row and its id.

    Needs `costpulse.actor` in the transaction. Days that a change touches are priced anew by the next run.
    """
    ids = {document.key: number for number, document in _stored(connection)}
    run(
        connection,
        "app/save_price_adjustments",
        {
            "ids": [ids.get(each.key) for each in documents],
            "sku_patterns": [each.sku_pattern for each in documents],
            "percentages": [each.percentage for each in documents],
            "fixed_rates": [each.fixed_rate for each in documents],
            "valid_from": [each.valid_from for each in documents],
            "valid_to": [each.valid_to for each in documents],
            "notes": [each.note for each in documents],
        },
    )


def _stored(connection: Connection) -> list[tuple[int, PriceAdjustmentDocument]]:
    rows = run(connection, "app/price_adjustments")
    return [(row.pop("id"), PriceAdjustmentDocument.model_validate(row)) for row in rows]
