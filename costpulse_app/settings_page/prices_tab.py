"""What is really paid: price adjustments, listed, and the buttons to change them."""

from collections.abc import Sequence
from datetime import date
from itertools import count

import streamlit as st

from costpulse_app import db, formats, parts
from costpulse_app.parts import Frame
from costpulse_app.settings_page import price_form, reads, words
from costpulse_assets.allocation.price_adjustments import StoredPriceAdjustment

_numbers = count(1)
_ORDER = {"In force": 0, "Future": 1, "Past": 2}


def show(made: Frame) -> None:
    """Draw the tab."""
    stored = reads.price_adjustments()
    today = db.settings().current_date()
    _dialog(made, stored)
    st.markdown(
        "Databricks publishes list prices; what you really pay follows from these adjustments. Where several fit, the "
        "one with the longest literal part of its SKU pattern counts, among equals the older one."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="price_buttons"):
        st.button(
            "New price adjustment",
            icon=":material/add:",
            key="new_price",
            on_click=_open,
            args=["edit", None],
            shortcut="N",
            **parts.only("edit prices"),
        )
        if stored:
            of_id = {each.id: each for each in stored}
            chosen = st.selectbox(
                "Choose a price adjustment",
                list(of_id),
                format_func=lambda number: words.price_name(of_id[number].document),
                key="chosen_price",
                label_visibility="collapsed",
                width=340,
            )
            for label, what in (("Edit", "edit"), ("Delete", "delete")):
                st.button(
                    label, key=f"{what}_price", on_click=_open, args=[what, of_id[chosen]], **parts.only("edit prices")
                )
    waiting = reads.days_waiting()
    if waiting:
        st.caption(
            f":material/hourglass_top: {formats.count(waiting, 'day')} will be priced anew by the next run: it starts "
            "within a minute or so of the change, and the figures of all pages follow when it has ended."
        )
    if not stored:
        st.info("No adjustment yet: every cost is at list price.", icon=":material/sell:")
        return
    listing(made, stored, today)


def listing(made: Frame, stored: Sequence[StoredPriceAdjustment], today: date) -> None:
    """Every adjustment: those in force first, then future ones, then past ones."""
    rows = sorted(
        (
            {
                "State": words.price_state(each.document, today),
                "SKU pattern": each.document.sku_pattern,
                "Price": words.price(each.document, made.currency),
                "From": each.document.valid_from,
                "To": each.document.valid_to,
                "SKUs hit": len(reads.skus_hit(made.version, each.document.sku_pattern)),
                "Note": each.document.note,
            }
            for each in stored
        ),
        key=lambda row: (_ORDER[str(row["State"])], str(row["SKU pattern"]).lower(), str(row["From"])),
    )
    parts.table(
        rows,
        key="s_prices",
        alt="Price adjustments: state, SKU pattern, price, days on which they hold, SKUs that they hit",
        columns={
            "Price": st.column_config.TextColumn(help="A percentage on the list price, or a rate per unit."),
            "From": st.column_config.DateColumn(format="YYYY-MM-DD", help="First UTC day."),
            "To": st.column_config.DateColumn(format="YYYY-MM-DD", help="Last UTC day; - is open."),
            "SKUs hit": st.column_config.NumberColumn(
                format="localized", help="SKUs of the price list and of usage so far that the pattern hits."
            ),
        },
        height="content",
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "costpulse-price-adjustments.csv",
        "text/csv",
        icon=":material/download:",
        key="s_prices_csv",
        on_click="ignore",
    )


def _dialog(made: Frame, stored: Sequence[StoredPriceAdjustment]) -> None:
    editing: price_form.Editing | None = st.session_state.get("price_dialog")
    if editing is None:
        return
    # As it was when the dialog opened: what somebody else changes meanwhile is found when it is saved.
    if editing.what == "delete" and editing.adjustment is not None:
        price_form.deleting(made, editing, editing.adjustment)
    else:
        price_form.dialog(made, editing, stored)


def _open(what: str, adjustment: StoredPriceAdjustment | None) -> None:
    st.session_state["price_dialog"] = price_form.Editing(what, adjustment, next(_numbers))
