"""Why a cost of a day went where it went: the sentences of `costpulse explain`."""

import streamlit as st

from costpulse_app import filters, formats, parts, people, queries
from costpulse_app.allocation import draft as drafts
from costpulse_app.parts import Frame
from costpulse_assets.allocation.explain import Explanation, Part, Subject, explain
from costpulse_assets.allocation.words import number, usd
from costpulse_assets.costs.spend import DIMENSIONS, Windows
from costpulse_assets.errors import BadInput
from costpulse_assets.periods import Period

_KINDS = ("job", "cluster", "warehouse", "user", "sku")
#: Offered to choose from, the most expensive ones of the day first.
_OFFERED = 100
_PARTS = 10
#: Most of those asked before that a person reads for each part.
_ASKED = 15


def show(made: Frame) -> None:
    """Draw the tab."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        day = st.date_input(
            "Day (UTC)",
            made.last_final or made.newest,
            min_value=min(made.days),
            max_value=made.newest,
            key="why_day",
            width=150,
        )
        kind = st.selectbox("What", _KINDS, format_func=lambda kind: DIMENSIONS[kind].label, key="why_kind", width=140)
        with parts.panel("why_choices"):
            offered = _offered(made, Period(day, day), kind)
            chosen = st.selectbox(
                DIMENSIONS[kind].label,
                list(offered),
                format_func=offered.__getitem__,
                index=None,
                placeholder="Choose one",
                # Another day or kind has others to choose from.
                key=f"why_{kind}_{day}",
                width=360,
                on_change=_forget_typed,
                args=[kind],
            )
        typed = st.text_input(
            "or type it", placeholder="id or name, * is anything", key=f"why_{kind}_typed", width=220
        ).strip()
    asked = typed or chosen
    if not asked:
        st.caption("Choose what to explain, or type an id, a name or a pattern such as etl-*.")
        return
    with parts.panel("why"):
        try:
            if typed and kind == "user":
                asked = drafts.identities().protect_text(typed)
            with people.trying() as connection:
                explained = explain(connection, day, Subject(**{kind: asked}), limit=_PARTS)
        except BadInput as error:
            st.info(formats.plain(f"{error.message} {error.next_step}"))
            return
        explanation(explained)


def _forget_typed(kind: str) -> None:
    """What is chosen last counts."""
    st.session_state[f"why_{kind}_typed"] = ""


def _offered(made: Frame, day: Period, kind: str) -> dict[str, str]:
    """Ids to names, the most expensive first; of resources without their workspace."""
    groups = queries.by_group(
        made.version, Windows(day, made.last_final), kind, "", filters.Filters().selection, "cost", _OFFERED
    )
    groups = [group for group in groups if group.group_id is not None and not group.further]
    labels = made.names.all(kind, [(group.group_id, group.group_name) for group in groups])
    groups.sort(key=lambda group: (-(group.cost_usd or 0), labels[group.group_id]))
    is_resource = kind in ("job", "cluster", "warehouse")
    return {
        (group.group_id or "").partition("/")[2] if is_resource else group.group_id or "": labels[group.group_id]
        for group in groups
    }


def explanation(explained: Explanation) -> None:
    """All of it, in sentences."""
    heading = f"{explained.subject} on {formats.day(explained.day)} cost {usd(explained.cost_usd)}"
    st.markdown(f"**{formats.plain(heading)}**")
    owners = [f"{usd(cost)} {team or 'Unallocated'}" for team, cost in explained.teams]
    st.markdown("\n".join(f"- {formats.plain(owner)}" for owner in owners))
    for remark in explained.remarks:
        st.caption(formats.plain(remark))
    for position, part in enumerate(explained.parts, 1):
        with st.expander(
            formats.plain(f"{position}. {part.sku_name}, {part.name}: {usd(part.cost_usd)}"),
            expanded=position == 1,
            key=f"why_part_{position}",
        ):
            _part(part)
    if explained.parts_left_out:
        st.caption(
            formats.plain(
                f"Smaller parts left out: {explained.parts_left_out}, {usd(explained.left_out_usd)} in all. "
                "`costpulse explain` shows more of them with --limit."
            )
        )


def _part(part: Part) -> None:
    st.markdown(formats.plain(part.reason))
    gets = []
    for receiver in part.receivers:
        sentence = f"{receiver.team or 'Unallocated'}: {usd(receiver.cost_usd)}"
        if receiver.share != 1:
            sentence += f", {number(round(receiver.share * 100, 6))}%"
        gets.append(f"{sentence}; {receiver.share_reason}" if receiver.share_reason else sentence)
    st.markdown("\n".join(f"- {formats.plain(sentence)}" for sentence in gets))
    for price in part.prices:
        st.markdown(formats.plain(price))
    if part.tried:
        st.markdown("Asked before, in this order:")
        asked = [f"{place}. {formats.plain(sentence)}" for place, sentence in enumerate(part.tried[:_ASKED], 1)]
        st.markdown("\n".join(asked))
        if len(part.tried) > _ASKED:
            st.caption(f"and {len(part.tried) - _ASKED} others")
    st.markdown("The usage in Databricks:")
    st.code(f"{part.statement};", language="sql")
