"""What changes really saved: compared with what the cost would have been without them."""

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from costpulse_app import formats, parts
from costpulse_app.parts import Frame
from costpulse_app.recommendations import detail, words
from costpulse_app.recommendations.reads import Outcome, Recommendation
from costpulse_app.recommendations.state import open_one
from costpulse_assets.analysis.recommendation_run import WINDOW_DAYS
from costpulse_assets.periods import Period


def show(made: Frame, found: Sequence[Recommendation], outcomes: Sequence[Outcome]) -> None:
    """Draw the tab."""
    if not outcomes:
        done = sum(one.status == "done" for one in found)
        said = (
            f"Not measured yet: {formats.count(done, 'recommendation')} done; a saving is measured from the second "
            "day after the change, and is proved or not after seven."
            if done
            else "Nothing to measure yet. Mark a recommendation as done, and its cost is compared with what it would "
            "have been."
        )
        st.info(said, icon=":material/hourglass_top:")
        return
    st.caption(
        "Newest measurement of every change that a recommendation asked for, or that was seen without one. Only what "
        "is proved counts, once for each change of what is billed; work that is not done any more is no saving."
    )
    names = words.resource_names(made, outcomes)
    rows = [
        {
            "Resource": f"{words.RESOURCES[one.resource_type]} {names[one.resource_type, one.resource]}",
            "Verdict": words.VERDICTS[one.verdict],
            "Saving per month": one.saving_per_30_days_usd,
            "At least": one.saving_per_30_days_lower_usd,
            "At most": one.saving_per_30_days_upper_usd,
            "Counts": "yes" if one.counts else "no",
            "Changed on": one.changed_on,
            "Measured to": one.measured_on,
            "Change": change(one),
            "Team": words.team(made, one.team_id),
            "In words": one.sentence,
        }
        for one in outcomes
    ]
    money = parts.money_column(made.currency)
    parts.table(
        rows,
        key="outcomes_rows",
        alt="What changes saved, largest saving first",
        columns={
            "Resource": st.column_config.TextColumn(width="medium"),
            "In words": st.column_config.TextColumn(width="large"),
            **dict.fromkeys(("Saving per month", "At least", "At most"), money),
        },
        on_select=_choose,
        height="content" if len(rows) < 30 else "auto",
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        "savings-proved.csv",
        "text/csv",
        icon=":material/download:",
        key="outcomes_csv",
        on_click="ignore",
    )
    chosen = min(st.session_state.get("outcome_chosen", 0), len(outcomes) - 1)
    before_and_after(made, outcomes[chosen], str(rows[chosen]["Resource"]))


def change(one: Outcome) -> str | None:
    """The change of the setting in words; None where it is none."""
    if one.setting is None:
        return None
    to = "not seen" if one.setting_to is None else one.setting_to
    return f"{one.setting}: {'none' if one.setting_from is None else one.setting_from} → {to}"


def before_and_after(made: Frame, one: Outcome, name: str) -> None:
    """One change in words, and the cost by day before and after it."""
    st.subheader(formats.plain(name), anchor=False)
    st.markdown(formats.plain(one.sentence))
    if one.recommendation_id is not None:
        st.button(
            "Open the recommendation",
            key="open_recommendation",
            icon=":material/manage_search:",
            on_click=open_one,
            args=[one.recommendation_id],
        )
    before = Period(one.changed_on - timedelta(days=WINDOW_DAYS), one.changed_on - timedelta(days=1))
    detail.by_day(made, one.bearer_type, one.bearer, before, one.changed_on, one)


def _choose() -> None:
    rows = st.session_state["outcomes_rows"].selection.rows
    st.session_state["outcome_chosen"] = rows[0] if rows else 0
