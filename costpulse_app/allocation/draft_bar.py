"""What stands between an edit and the database: the draft in words, what it would do to real cost, and Save."""

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from costpulse_app import formats, parts
from costpulse_app.allocation import draft as drafts
from costpulse_app.allocation import forms, reads
from costpulse_app.allocation.draft import Draft
from costpulse_app.parts import Frame
from costpulse_assets.allocation.plan import Change
from costpulse_assets.allocation.rule_set import BadRuleSet, RulesChangedMeanwhile
from costpulse_assets.allocation.simulate import AT_MOST, Simulation
from costpulse_assets.errors import CostPulseError

_SIMULATE_FIRST = "Simulate first: what a change does is seen before it is saved."
_PERIODS = {30: "Last 30 days", 90: "Last 90 days"}


def show(made: Frame, draft: Draft) -> None:
    """The draft, Simulate, Save and Discard, and the result of the simulation."""
    changes = draft.changes
    tried = drafts.tried(draft)
    with st.container(border=True, key="draft"):
        st.markdown(f"**{formats.count(len(changes), 'unsaved change')}**" if changes else "No unsaved changes.")
        if changes:
            st.markdown("\n".join(f"- {_in_words(change)}" for change in changes))
        if draft.is_outdated and changes:
            st.warning(
                formats.plain(
                    f"{reads.changed_by()} Somebody else has saved rules since you began: discard this draft and make "
                    "your changes anew."
                )
            )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            days = st.selectbox(
                "Simulate on", list(_PERIODS), format_func=_PERIODS.__getitem__, key="try_days", width=160
            )
            edits = parts.only("edit rules")
            simulate = st.button("Simulate", icon=":material/science:", key="simulate", **edits)
            save = st.button(
                "Save and re-allocate",
                icon=":material/save:",
                type="primary",
                key="save",
                **(
                    edits
                    or {
                        "disabled": not changes or tried is None,
                        "help": None if tried or not changes else _SIMULATE_FIRST,
                    }
                ),
            )
            if changes:
                st.button("Discard", key="discard", on_click=drafts.discard)
        if simulate:
            chosen = [day for day in made.days if day > made.newest - timedelta(days=days)]
            with parts.panel("simulate"), st.spinner("Allocating the days by the draft"):
                drafts.try_out(draft, chosen)
                st.rerun()
        if save:
            _save(draft)
        if tried is not None:
            simulation(made, tried.simulation)


def _save(draft: Draft) -> None:
    try:
        number = drafts.save(draft)
    except BadRuleSet as refused:
        forms.show_problems(refused.problems)
        return
    except RulesChangedMeanwhile as error:
        st.error(formats.plain(f"{reads.changed_by()} {error.message} {error.next_step}"))
        return
    except CostPulseError as error:
        st.error(formats.plain(f"{error.message} {error.next_step}"))
        return
    st.session_state["said"] = (
        f"Saved {formats.count(number, 'change')}. The days concerned are re-allocated by the next run; closed months "
        "stay as they are and get adjustments."
    )
    st.rerun()


def _in_words(change: Change) -> str:
    details = f" ({'; '.join(change.details)})" if change.details else ""
    return formats.plain(f"{change.action} {change.kind} “{change.name}”{details}")


def simulation(made: Frame, found: Simulation) -> None:
    """Per team before, after, delta; what changes hands; rules that do nothing."""
    money = parts.money_column(made.currency)
    st.markdown(
        formats.plain(
            f"Simulated on {formats.day(found.first_day)} to {formats.day(found.last_day)}, "
            f"{formats.money_to_the_cent(found.cost_usd, made.currency)} at your price. Unallocated: "
            f"{formats.percent(found.unallocated_before)} now, "
            f"{formats.percent(found.unallocated_after)} with the draft."
        )
    )
    parts.table(
        [
            {"Team": team.team or "Unallocated", "Before": team.before, "After": team.after, "Change": team.delta}
            for team in found.teams
        ],
        key="simulated_teams",
        alt="Cost per team as it is, and with the draft",
        columns={"Team": st.column_config.TextColumn(width="medium"), "Before": money, "After": money, "Change": money},
        height="content",
    )
    if found.keys:
        largest = "the largest " if len(found.keys) == AT_MOST else ""
        with st.expander(f"What changes hands: {largest}{len(found.keys)}", key="simulated_keys_box"):
            parts.table(
                [
                    {
                        "What": key.name,
                        "SKU": key.sku_name,
                        "From": _teams(key.before),
                        "To": _teams(key.after),
                        "Moves": key.moved_usd,
                    }
                    for key in found.keys
                ],
                key="simulated_keys",
                alt="Usage that changes hands, largest first",
                columns={"What": st.column_config.TextColumn(width="large"), "Moves": money},
            )
    else:
        st.caption("Nothing changes hands.")
    said = [f"“{name}” matches nothing in these days." for name in found.never_match]
    said += [
        f"“{use.name}” claims nothing: the {formats.count(use.keys, 'key')} that it matches "
        f"{'goes' if use.keys == 1 else 'go'} to {', '.join(f'“{name}”' for name in use.shadowed_by)} first."
        for use in found.shadowed
    ]
    if said:
        with st.expander(f"Rules and splits that do nothing: {len(said)}", key="simulated_idle"):
            st.markdown("\n".join(f"- {formats.plain(sentence)}" for sentence in said))
    if found.overlaps:
        with st.expander(f"Overlaps: {len(found.overlaps)}", key="simulated_overlaps_box"):
            parts.table(
                [
                    {"Asked first": one.first, "Also matches": one.second, "Keys": one.keys, "Cost": one.cost_usd}
                    for one in found.overlaps
                ],
                key="simulated_overlaps",
                alt="Rules and splits that match the same cost",
                columns={"Cost": money},
            )


def _teams(teams: Sequence[str | None]) -> str:
    return ", ".join(team or "Unallocated" for team in teams)
