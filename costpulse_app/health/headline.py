"""One sentence per source and connection, then the figures."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from costpulse_app import formats, parts, people, queries
from costpulse_app.health import reads, words
from costpulse_app.health.reads import FIGURE_DAYS, Dagster, SourceState
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import Selection
from costpulse_assets.periods import Period


def sentences(made: Frame, sources: Sequence[SourceState], dagster: Dagster, now: datetime) -> None:
    """How far each source is; what is late stands out in words."""
    said = words.sentences(made, sources, dagster.location.next_run if dagster.location else None, now)
    with st.container(border=True, key="health_sentences", gap="small"):
        if not said:
            st.markdown("No source was read yet.")
        for one in said:
            mark = ":red[:material/error: **Late.**]" if one.is_late else ":green[:material/check:]"
            st.markdown(f"{mark} {formats.plain(one.text)}")
        if dagster.problem is not None:
            st.markdown(
                ":orange[:material/cloud_off: **Dagster does not answer.**] "
                + formats.plain(
                    f"{dagster.problem.message} {dagster.problem.next_step} Everything else on this page comes from "
                    "CostPulse's own tables."
                )
            )


def cards(made: Frame, sources: Sequence[SourceState], now: datetime) -> None:
    """Up to where, what is late, what changed, what has no price, whether it adds up, and what all this costs."""
    found = reads.figures(made.version, made.newest)
    everything = people.current().scope == "all"
    lately = Period(made.newest - timedelta(days=FIGURE_DAYS - 1), made.newest)
    late = [one for one in sources if one.is_late(now)]
    open_days = [day for day in made.days if not made.is_final(day)]
    with parts.cards("health_cards"):
        parts.card(
            made,
            "data_final_to",
            formats.short_day(made.last_final) if made.last_final else "None yet",
            days="All collected days.",
            full=formats.day(made.last_final) if made.last_final else None,
            notes=[f"{formats.count(len(open_days), 'newer day')} not final"] if open_days else ["no day after it"],
        )
        parts.card(
            made,
            "late_sources",
            f"{len(late):,}",
            days="Now.",
            notes=[f"of {len(sources):,}", *(words.source(one.source) for one in late[:2])],
        )
        amount = formats.money(found.restated_usd, made.currency) if found.restated_usd is not None else None
        parts.card(
            made,
            "restated_days",
            f"{found.restated_days:,}",
            days=f"Corrections of {formats.days(lately)}.",
            full=formats.money_to_the_cent(found.restated_usd, made.currency) if amount else None,
            notes=[f"{amount} in all" if amount else f"in {FIGURE_DAYS} days"],
        )
        _unpriced(made, lately)
    with parts.cards("health_sums"):
        _adds_up(made, found, everything)
        if everything:
            parts.card(
                made,
                "own_cost",
                formats.money(found.own_cost_usd, made.currency),
                days=f"{formats.days(lately)}.",
                full=formats.money_to_the_cent(found.own_cost_usd, made.currency) if found.own_cost_usd else None,
                notes=[
                    f"{FIGURE_DAYS} days, in to {formats.short_day(found.own_cost_to)}"
                    if found.own_cost_to
                    else "not known: nothing of it is in, or queries cannot be read"
                ],
            )


def _unpriced(made: Frame, lately: Period) -> None:
    skus = queries.without_price(made.version, lately, Selection())
    parts.card(
        made,
        "unpriced_skus",
        formats.count(len({sku.sku_name for sku in skus}), "SKU"),
        days=f"{formats.days(lately)}.",
        notes=[f"their cost is not known: {', '.join(sorted({sku.sku_name for sku in skus})[:2])}"] if skus else [],
    )


def _adds_up(made: Frame, found: reads.Figures, everything: bool) -> None:
    whose = "" if everything else ", your teams"
    bad = found.unconserved_days
    first = f", first {formats.short_day(found.first_unconserved)}" if found.first_unconserved else ""
    parts.card(
        made,
        "conservation",
        # To the last digit: what is rounded to zero is not zero.
        formats.money(found.difference_usd, made.currency),
        days=f"{formats.count(found.conserved_days, 'day')}.",
        full=f"{found.difference_usd:f} {made.currency}",
        notes=[
            f"{formats.count(bad, 'day')} do not add up{first}: see sql/checks/cost_allocations_conserve.sql"
            if bad
            else f"all {formats.count(found.conserved_days, 'day')} add up{whose}"
        ],
    )
    differing = found.differing_days
    notes = [
        f"first {formats.short_day(found.first_differing)}: see sql/checks/control_totals.sql"
        if found.first_differing
        else f"all {formats.count(found.control_days, 'day')} as the source announced"
    ]
    if found.in_flight_days:
        notes.append(f"{formats.count(found.in_flight_days, 'day')} changed while read, read again")
    if found.rejected_rows:
        notes.append(f"{formats.count(found.rejected_rows, 'row')} rejected, kept with the reason")
    parts.card(
        made,
        "control_totals",
        f"{formats.count(differing, 'day')} differ" if differing else "Match",
        days=f"{formats.count(found.control_days, 'day')}.",
        notes=notes if found.control_days else ["no day was compared yet"],
    )
