"""The dialog of one price adjustment: typed, its effect shown as it is typed, then saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st
from pydantic import ValidationError

from costpulse_app import db, formats, parts, people
from costpulse_app.parts import Frame
from costpulse_app.settings_page import words
from costpulse_app.settings_page.forms import cancel, done, refused
from costpulse_app.settings_page.state import close_forms
from costpulse_assets.allocation.price_adjustments import (
    PriceAdjustmentDocument,
    PricePreview,
    StoredPriceAdjustment,
    delete_price_adjustment,
    overlaps_in_words,
    preview_price_adjustment,
    save_price_adjustment,
)
from costpulse_assets.allocation.rule_types.declaration import refusals
from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period

#: Final days that the effect is shown on: a month.
_DAYS = 30
#: SKUs whose names are listed; further ones are counted.
_LISTED = 12
_PERCENT, _RATE = "Percent on the list price", "Rate per unit"
_FIELDS = {"sku_pattern": "SKU pattern", "percentage": "percent", "fixed_rate": "rate", "valid_from": "valid from"}


@dataclass(frozen=True)
class Editing:
    """The dialog that is open: "edit" or "delete", and the adjustment as it was read; None: a new one."""

    what: str
    adjustment: StoredPriceAdjustment | None
    number: int


@st.dialog("Price adjustment", width="large", on_dismiss=close_forms)
def dialog(made: Frame, editing: Editing, stored: Sequence[StoredPriceAdjustment]) -> None:
    """New or changed."""
    key = f"price_{editing.number}"
    adjustment = editing.adjustment
    document, faults = _inputs(made, adjustment.document if adjustment else None, key)
    others = [each.document for each in stored if adjustment is None or each.id != adjustment.id]
    if document is not None:
        faults = overlaps_in_words(document, others)
    with st.container(horizontal=True, key="price_dialog_buttons"):
        save = st.button(
            "Create price adjustment" if adjustment is None else "Save price adjustment",
            type="primary",
            key=f"{key}_save",
        )
        cancel(f"{key}_cancel")
    with parts.panel("price_adjustment"):
        if save and document is not None and not faults:
            faults = _saved(document, adjustment)
        if faults and (save or document is not None):
            refused(faults)
        elif document is None:
            st.caption("What it changes is shown here as soon as pattern and price are complete.")
        else:
            _show_preview(made, document, adjustment)


@st.dialog("Delete price adjustment", width="large", on_dismiss=close_forms)
def deleting(made: Frame, editing: Editing, adjustment: StoredPriceAdjustment) -> None:
    """Asks before an adjustment goes; the cost that follows is shown, and its pattern has to be typed."""
    key = f"price_{editing.number}"
    st.markdown(
        formats.plain(f"Deletes “{words.price_name(adjustment.document)}” as if it had never been: to end it, set its ")
        + "last day instead."
    )
    _show_preview(made, None, adjustment)
    typed = st.text_input("Type its SKU pattern to delete it", key=f"{key}_typed")
    is_meant = typed.strip().lower() == adjustment.document.sku_pattern.lower()
    with st.container(horizontal=True):
        cancel("keep_price", "Keep it", is_primary=True)
        delete = st.button("Delete price adjustment", key="delete_price_really", disabled=not is_meant)
    if delete:
        with parts.panel("delete_price"):
            with people.acting("edit prices") as connection:
                delete_price_adjustment(
                    connection, adjustment.id, people.current().name, updated_at=adjustment.updated_at
                )
            done(f"Deleted the price adjustment “{words.price_name(adjustment.document)}”. {_WHEN}")


_WHEN = (
    "The days it concerns are priced anew in a run that starts within a minute or so; until that has ended the "
    "figures are those of before. Closed months keep their statement: what changes in them is booked as an adjustment."
)


def try_out(
    document: PriceAdjustmentDocument | None, adjustment: StoredPriceAdjustment | None, days: Period
) -> PricePreview:
    """What would follow; nothing is written."""
    with people.trying() as connection:
        return preview_price_adjustment(
            connection, document, adjustment_id=adjustment.id if adjustment else None, days=days
        )


def effect_days(made: Frame) -> Period | None:
    """The newest final days that the effect is shown on; None: there is none."""
    if made.last_final is None:
        return None
    return Period(max(made.last_final - timedelta(days=_DAYS - 1), min(made.days)), made.last_final)


def _inputs(
    made: Frame, given: PriceAdjustmentDocument | None, key: str
) -> tuple[PriceAdjustmentDocument | None, list[str]]:
    """The document, or what is wrong with what was typed."""
    pattern = st.text_input(
        "SKU pattern",
        given.sku_pattern if given else "",
        key=f"{key}_pattern",
        placeholder="PREMIUM_*",
        help="* stands for anything, case does not matter, everything else is literal.",
    )
    left, right = st.columns(2, gap="medium")
    with left:
        kind = st.segmented_control(
            "What is agreed",
            [_PERCENT, _RATE],
            default=_RATE if given and given.fixed_rate is not None else _PERCENT,
            key=f"{key}_kind",
            required=True,
        )
    with right:
        # Text, not a number: a rate has up to 18 decimals, and a number of the browser has not.
        if kind == _RATE:
            value = st.text_input(
                f"Rate per unit, in {made.currency}",
                f"{given.fixed_rate:f}" if given and given.fixed_rate is not None else "",
                key=f"{key}_rate",
                placeholder="0.35",
                help="From 0 up.",
            )
        else:
            value = st.text_input(
                "Percent",
                f"{given.percentage:f}" if given and given.percentage is not None else "",
                key=f"{key}_percent",
                placeholder="-12.5",
                help="From -100 to 100: -12.5 is a discount of 12.5 %.",
            )
    with left:
        valid_from = st.date_input(
            "Valid from (first UTC day)", given.valid_from if given else db.settings().current_date(), key=f"{key}_from"
        )
    with right:
        valid_to = st.date_input(
            "Valid to (last UTC day, optional)",
            given.valid_to if given else None,
            key=f"{key}_to",
            help="Empty: until further notice.",
        )
    note = st.text_input("Note (optional)", (given and given.note) or "", key=f"{key}_note", max_chars=200)
    if not pattern.strip() or not value.strip():
        return None, ["Give a SKU pattern and a percent or a rate."]
    try:
        return PriceAdjustmentDocument.model_validate(
            {
                "sku_pattern": pattern,
                "fixed_rate" if kind == _RATE else "percentage": value.strip(),
                "valid_from": valid_from if isinstance(valid_from, date) else None,
                "valid_to": valid_to if isinstance(valid_to, date) else None,
                "note": note.strip() or None,
            }
        ), []
    except ValidationError as error:
        return None, [_in_words(one.field, one.reason) for one in refusals(error)]


def _in_words(field: str, reason: str) -> str:
    said = f"{_FIELDS[field]} {reason}" if field in _FIELDS else f"It {reason}"
    return f"{said[:1].upper()}{said[1:]}."


def _saved(document: PriceAdjustmentDocument, adjustment: StoredPriceAdjustment | None) -> list[str]:
    """Saves it in the name of the viewer; what is wrong with it, in which case nothing was changed."""
    try:
        with people.acting("edit prices") as connection:
            save_price_adjustment(
                connection,
                document,
                people.current().name,
                adjustment_id=adjustment.id if adjustment else None,
                updated_at=adjustment.updated_at if adjustment else None,
            )
    except BadInput as error:
        return [error.message]
    what = "Created" if adjustment is None else "Saved"
    done(f"{what} the price adjustment “{words.price_name(document)}”. {_WHEN}")
    return []


def _show_preview(
    made: Frame, document: PriceAdjustmentDocument | None, adjustment: StoredPriceAdjustment | None
) -> None:
    days = effect_days(made)
    with st.container(border=True, key="price_preview", gap="xsmall"):
        if days is None:
            st.markdown("What it is worth follows with the first final day.")
            return
        with parts.panel("price_preview"):
            found = _tried(made, document, adjustment, days)
            if document is not None:
                _show_hits(found)
            st.markdown(f"**{formats.plain(effect_in_words(found, days, made.currency))}**")
            changed = [
                sku for sku in found.skus if sku.effect_usd or (sku.before_usd is None) != (sku.after_usd is None)
            ]
            if changed:
                money = parts.money_column(made.currency)
                parts.table(
                    [
                        {
                            "SKU": sku.sku_name,
                            "Now": sku.before_usd,
                            "Then": sku.after_usd,
                            "Change": sku.effect_usd,
                            "Quantity": sku.usage_quantity,
                            "Unit": sku.usage_unit,
                        }
                        for sku in changed
                    ],
                    key="price_effect",
                    alt="What each SKU costs in these days now and then, largest change first",
                    columns={
                        "Now": money,
                        "Then": money,
                        "Change": money,
                        "Quantity": st.column_config.NumberColumn(format="localized"),
                    },
                )
            again = (
                f"{formats.count(found.days_to_reprice, 'collected day')} would be priced anew."
                if found.days_to_reprice
                else "No collected day is concerned: it holds for days to come."
            )
            st.caption(f"{again} Nothing was saved yet.")


def effect_in_words(found: PricePreview, days: Period, currency: str) -> str:
    """The money that follows: $120.00 less a month, -12.0%."""
    shown = formats.money(abs(found.effect_usd), currency)
    share = f" ({formats.signed_percent(found.effect_usd / found.before_usd)})" if found.before_usd > 0 else ""
    if not found.effect_usd:
        what = "No change of cost"
    else:
        what = f"{shown} {'more' if found.effect_usd > 0 else 'less'}{share}"
    length = f"{formats.count(len(days), 'final day')} to {formats.day(days.last)}"
    return f"{what} for what was used in the {length}, at the prices of {formats.day(found.as_of)}."


def _show_hits(found: PricePreview) -> None:
    """Which SKUs the pattern hits, and where a longer pattern goes before it."""
    if not found.hit:
        st.markdown(":orange[:material/warning: Matches no SKU seen so far.]")
        return
    used = {sku.sku_name for sku in found.skus}
    decided = [name for name in found.hit if name in found.decides]
    others = [name for name in found.hit if name in used and name not in found.decides]
    unused = [name for name in found.hit if name not in used]
    st.markdown(f"Hits {formats.count(len(found.hit), 'SKU')}.")
    for said, listed in (
        ("With usage", decided),
        ("Another adjustment goes before it for", others),
        ("Not used in these days", unused),
    ):
        if listed:
            more = f" and {len(listed) - _LISTED:,} more" if len(listed) > _LISTED else ""
            st.caption(f"{said}: {formats.plain(', '.join(listed[:_LISTED]) + more)}.")


def _tried(
    made: Frame, document: PriceAdjustmentDocument | None, adjustment: StoredPriceAdjustment | None, days: Period
) -> PricePreview:
    """The preview of what stands in the form; the same form is not tried twice in a row."""
    asked = (made.version, document, adjustment, days)
    kept = st.session_state.get("price_tried")
    if kept is None or kept[0] != asked:
        kept = (asked, try_out(document, adjustment, days))
        st.session_state["price_tried"] = kept
    found: PricePreview = kept[1]
    return found
