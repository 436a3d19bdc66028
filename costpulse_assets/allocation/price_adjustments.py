"""Negotiated prices as documents: what a discount or a rate of one's own applies to, and when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period
from costpulse_assets.resources.database import Connection, Row, run


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


@dataclass(frozen=True)
class StoredPriceAdjustment:
    """A row of the database: the document, and what the form needs to save it again."""

    id: int
    #: Given back when it is saved: another one means that somebody changed it meanwhile.
    updated_at: datetime
    document: PriceAdjustmentDocument


@dataclass(frozen=True)
class SkuEffect:
    """What a change of prices makes of the usage of some days of one SKU and unit; cost None: it has no price.

    Attributes:
        adjustment_ids: the adjustments that make the price after the change, in the order of their numbers.
    """

    sku_name: str
    usage_unit: str
    usage_quantity: Decimal
    before_usd: Decimal | None
    after_usd: Decimal | None
    adjustment_ids: tuple[int, ...]

    @property
    def effect_usd(self) -> Decimal:
        """What is paid more, or with a minus less; what has no price is not paid."""
        return (self.after_usd or Decimal(0)) - (self.before_usd or Decimal(0))


@dataclass(frozen=True)
class PricePreview:
    """What would follow from saving or deleting a price adjustment.

    Attributes:
        as_of: the day whose adjustments make both prices.
        skus: every SKU with usage in the days, dearest effect first.
        hit: the SKUs seen so far that the pattern hits, with or without usage; empty for a deletion.
        decides: those of `hit` with usage whose price it makes; a longer pattern may be before it.
        days_to_reprice: collected days on which it holds, or held before: they would be priced anew.
    """

    as_of: date
    skus: tuple[SkuEffect, ...]
    hit: tuple[str, ...]
    decides: frozenset[str]
    days_to_reprice: int

    @property
    def effect_usd(self) -> Decimal:
        """What the usage of the days would cost more, or with a minus less."""
        return sum((sku.effect_usd for sku in self.skus), Decimal(0))

    @property
    def before_usd(self) -> Decimal:
        """What it costs without the change."""
        return sum((sku.before_usd or Decimal(0) for sku in self.skus), Decimal(0))


class PriceAdjustmentChangedMeanwhile(BadInput):
    """Somebody else changed or deleted the price adjustment after it was read."""


def stored_price_adjustments(connection: Connection) -> tuple[PriceAdjustmentDocument, ...]:
    """What the database holds, the older ones first."""
    return tuple(each.document for each in price_adjustment_rows(connection))


def price_adjustment_rows(connection: Connection) -> list[StoredPriceAdjustment]:
    """What the database holds, the older ones first, with what it takes to save one again."""
    return [
        StoredPriceAdjustment(row.pop("id"), row.pop("updated_at"), PriceAdjustmentDocument.model_validate(row))
        for row in run(connection, "app/price_adjustments")
    ]


def overlaps_in_words(document: PriceAdjustmentDocument, others: Iterable[PriceAdjustmentDocument]) -> list[str]:
    """What a document overlaps with, one sentence each: for one pattern and day there is one adjustment."""
    return [
        f"Overlaps with {other.note or other.sku_pattern} from {_day(max(document.valid_from, other.valid_from))}."
        for other in others
        if document.overlaps(other)
    ]


def save_price_adjustment(
    connection: Connection,
    document: PriceAdjustmentDocument,
    actor: str,
    *,
    adjustment_id: int | None = None,
    updated_at: datetime | None = None,
) -> None:
    """Saves one adjustment, new or changed, in the caller's transaction; the days it touches are priced anew.

    Args:
        connection: with an open transaction.
        document: what it shall be.
        actor: who does it, for the audit log.
        adjustment_id: the adjustment that is changed; None: a new one.
        updated_at: of the row that was edited; None: whatever is there.

    Raises:
        BadInput: it overlaps with another; nothing was changed.
        PriceAdjustmentChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    stored = _locked(connection, actor, adjustment_id, updated_at)
    wrong = overlaps_in_words(document, (each.document for each in stored if each.id != adjustment_id))
    if wrong:
        raise BadInput(" ".join(wrong), next_step="End the other one first, or choose other days.")
    _replace(connection, _with(stored, document, adjustment_id))


def delete_price_adjustment(
    connection: Connection, adjustment_id: int, actor: str, *, updated_at: datetime | None = None
) -> None:
    """Deletes an adjustment, in the caller's transaction; the days it touched are priced anew without it.

    Raises:
        PriceAdjustmentChangedMeanwhile: somebody else changed or deleted it; nothing was changed.
    """
    stored = _locked(connection, actor, adjustment_id, updated_at)
    _replace(connection, _with(stored, None, adjustment_id))


def preview_price_adjustment(
    connection: Connection, document: PriceAdjustmentDocument | None, *, adjustment_id: int | None, days: Period
) -> PricePreview:
    """What the usage of some days would cost with a document, in a transaction that the caller rolls back.

    Prices before and after are those of one day on which the document holds, the newest of the days if it does then:
    what it will be worth in a month, whenever it begins.

    Args:
        connection: with `costpulse.actor` set, to be rolled back: the change is made to ask the database for prices.
        document: what shall be saved; None: the adjustment shall go.
        adjustment_id: the adjustment that it replaces; None: it is a new one.
        days: whose usage it is shown on.

    Raises:
        PriceAdjustmentChangedMeanwhile: the adjustment is not there any more.
    """
    stored = price_adjustment_rows(connection)
    held = document or _one(connection, stored, adjustment_id, None).document
    as_of = max(held.valid_from, min(days.last, held.valid_to or days.last))
    points = run(connection, "app/setting_price_points", {"first": days.first, "last": days.last})
    before = {_sku(row): row for row in _costs(connection, points, as_of)}
    # It marks collected days: who waits for a run that holds them would keep the viewer waiting.
    connection.execute("set local lock_timeout = '3s'")
    _replace(connection, _with(stored, document, adjustment_id))
    new = {each.id for each in price_adjustment_rows(connection)} - {each.id for each in stored}
    ours = new if adjustment_id is None else {adjustment_id}
    skus = [
        SkuEffect(
            row["sku_name"],
            row["usage_unit"],
            row["usage_quantity"],
            before[_sku(row)]["cost_usd"],
            row["cost_usd"],
            tuple(sorted(row["adjustment_ids"] or ())),
        )
        for row in _costs(connection, points, as_of)
    ]
    hit = run(connection, "app/setting_price_skus", {"pattern": document.sku_pattern}) if document else []
    touched = [each for each in (document, *(one.document for one in stored if one.id == adjustment_id)) if each]
    (again,) = run(
        connection,
        "app/setting_price_days",
        {"first": [each.valid_from for each in touched], "last": [each.valid_to for each in touched]},
    )
    return PricePreview(
        as_of,
        tuple(sorted(skus, key=lambda sku: (-abs(sku.effect_usd), sku.sku_name, sku.usage_unit))),
        tuple(row["sku_name"] for row in hit),
        frozenset(sku.sku_name for sku in skus if document and ours & set(sku.adjustment_ids)),
        again["days"],
    )


def replace_price_adjustments(connection: Connection, documents: Sequence[PriceAdjustmentDocument]) -> None:
    """Makes the database hold these and nothing else; what is the same keeps its row and its id.

    Needs `costpulse.actor` in the transaction. Days that a change touches are priced anew by the next run.
    """
    ids = {each.document.key: each.id for each in price_adjustment_rows(connection)}
    _replace(connection, [(ids.get(each.key), each) for each in documents])


def _replace(connection: Connection, wanted: Sequence[tuple[int | None, PriceAdjustmentDocument]]) -> None:
    documents = [document for _, document in wanted]
    run(
        connection,
        "app/save_price_adjustments",
        {
            "ids": [number for number, _ in wanted],
            "sku_patterns": [each.sku_pattern for each in documents],
            "percentages": [each.percentage for each in documents],
            "fixed_rates": [each.fixed_rate for each in documents],
            "valid_from": [each.valid_from for each in documents],
            "valid_to": [each.valid_to for each in documents],
            "notes": [each.note for each in documents],
        },
    )


def _with(
    stored: Sequence[StoredPriceAdjustment], document: PriceAdjustmentDocument | None, adjustment_id: int | None
) -> list[tuple[int | None, PriceAdjustmentDocument]]:
    """All that there is with one put in its place, added, or left out."""
    wanted: list[tuple[int | None, PriceAdjustmentDocument]] = [
        (each.id, each.document) for each in stored if each.id != adjustment_id
    ]
    return wanted if document is None else [*wanted, (adjustment_id, document)]


def _locked(
    connection: Connection, actor: str, adjustment_id: int | None, updated_at: datetime | None
) -> list[StoredPriceAdjustment]:
    """All adjustments, with nobody else changing them, and the one that is edited as its editor saw it."""
    if not actor.strip():
        raise BadInput("Nobody is named who changes the price.", next_step="Give the name that the audit log shows.")
    connection.execute("lock table costpulse.price_adjustments in share row exclusive mode")
    stored = price_adjustment_rows(connection)
    if adjustment_id is not None:
        _one(connection, stored, adjustment_id, updated_at)
    connection.execute("select set_config('costpulse.actor', %s, true)", [actor.strip()])
    return stored


def _one(
    connection: Connection,
    stored: Sequence[StoredPriceAdjustment],
    adjustment_id: int | None,
    updated_at: datetime | None,
) -> StoredPriceAdjustment:
    current = next((each for each in stored if each.id == adjustment_id), None)
    if current is None or updated_at not in (None, current.updated_at):
        changes = run(connection, "app/audit_last_change", {"table": "price_adjustments", "id": adjustment_id})
        by = f" by {changes[0]['actor']} at {changes[0]['changed_at']:%d %b %Y, %H:%M} UTC" if changes else ""
        raise PriceAdjustmentChangedMeanwhile(
            f"{'Deleted' if current is None else 'Changed'}{by}; reload to see it.",
            next_step="Reload, make your change there, and save.",
        )
    return current


def _costs(connection: Connection, points: Sequence[Row], as_of: date) -> list[Row]:
    parameters: dict[str, Any] = {
        "sku_names": [row["sku_name"] for row in points],
        "usage_units": [row["usage_unit"] for row in points],
        "dbu_rates": [row["dbu_rate"] for row in points],
        "quantities": [row["usage_quantity"] for row in points],
        "as_of": as_of,
    }
    return run(connection, "app/setting_price_costs", parameters)


def _sku(row: Row) -> tuple[str, str]:
    return row["sku_name"], row["usage_unit"]


def _day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"
