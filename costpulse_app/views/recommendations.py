"""Recommendations: what to change, what it is worth, and whether it worked."""

from dataclasses import replace

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.parts import Frame
from costpulse_app.recommendations import detail, listing, proved_tab, reads, state, units_tab
from costpulse_assets.costs.spend import NONE

#: Filters of the bar that narrow recommendations: what they are about, and whose it is.
_NARROWS = ("workspace", "team", "cluster", "warehouse", "job", "pipeline", "endpoint")


def show() -> None:
    """Draw the page."""
    whole = parts.frame()
    # Savings are what the customer would not pay: at list price they would be others.
    made = replace(whole, filters=replace(whole.filters, basis="price"))
    choice = state.current()
    parts.title("Recommendations", "What should we change, what is it worth, and did it work?", made)
    said = st.session_state.pop("said", None)
    if said:
        st.success(formats.plain(said), icon=":material/check:")
    with parts.panel("recommendations"):
        version = reads.version(made.version)
        if choice.number is not None:
            detail.show(made, version, choice.number)
        else:
            _filters_that_do_not_apply(whole)
            parts.crumbs(made, None)
            found = [one for one in reads.recommendations(version) if in_selection(made, one)]
            outcomes = [one for one in reads.outcomes(version) if in_selection(made, one)]
            listing.headline(made, choice, found, outcomes)
            tabs = st.tabs(list(state.TABS.values()), key="r_tab", on_change="rerun")
            # Only the open tab is made.
            for name, tab in zip(state.TABS, tabs, strict=True):
                if not tab.open:
                    continue
                with tab, parts.panel(name):
                    if name == "list":
                        listing.show(made, choice, found)
                    elif name == "proved":
                        proved_tab.show(made, found, outcomes)
                    else:
                        units_tab.show(made, version, choice.unit)
    filters.close_session(whole.filters, None, state.keep(choice))


def in_selection(made: Frame, one: reads.Recommendation | reads.Outcome) -> bool:
    """Whether the filters of the bar let it through; a cluster lets its jobs through."""
    chosen = {dimension: set(ids) for dimension, ids in made.selection.only if dimension in _NARROWS}
    team = NONE if one.team_id is None else str(one.team_id)
    if "team" in chosen and team not in chosen.pop("team"):
        return False
    if "workspace" in chosen and (one.workspace_id or NONE) not in chosen.pop("workspace"):
        return False
    about = {(one.resource_type, one.resource), (one.bearer_type, one.bearer)}
    return not chosen or any(group in chosen.get(kind, ()) for kind, group in about)


def _filters_that_do_not_apply(whole: Frame) -> None:
    ignored = ["the period"]
    if whole.filters.basis == "list":
        ignored.append("list price")
    if whole.selection.tags:
        ignored.append("tags")
    others = [name for name, _ in whole.selection.only if name not in _NARROWS]
    ignored += [f"the filter by {name}" for name in others]
    st.caption(
        f"{', '.join(ignored).capitalize()} {'does' if len(ignored) == 1 else 'do'} not apply here: savings rest on "
        "the last 30 final days, at your price."
    )


if __name__ == "__main__":
    show()
