"""What was found about a team: anomalies, budgets, recommendations."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import streamlit as st

from costpulse_app import formats, parts
from costpulse_app.anomalies import reads as anomaly_reads
from costpulse_app.anomalies import words as anomaly_words
from costpulse_app.anomalies.reads import Event
from costpulse_app.charts import StandOut
from costpulse_app.forecast import reads as forecast_reads
from costpulse_app.forecast import scopes
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_app.recommendations import reads as recommendation_reads
from costpulse_app.recommendations import words as recommendation_words
from costpulse_app.team.reads import Team
from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import Period

_LISTED = 10


def events(made: Frame, period: Period) -> list[Event]:
    """The events of the team in a period, largest first."""
    return anomaly_reads.events(period, made.selection)


def marks(made: Frame, found: Sequence[Event], period: Period) -> list[StandOut]:
    """The events as marks on a chart of the period."""
    names = anomaly_words.scope_names(made, [(one.scope_type, one.scope_id) for one in found])
    return [
        StandOut(
            one.id,
            max(one.start_date, period.first),
            one.severity,
            f"{anomaly_words.SEVERITIES[one.severity]}: {names.titled(one)}, {one.kind}, "
            f"{anomaly_words.signed(one.impact_usd, made.currency)}",
        )
        for one in found
    ]


def anomalies(made: Frame, found: Sequence[Event]) -> None:
    """Open events, largest first."""
    st.subheader("Open anomalies", anchor=False)
    opened = [one for one in found if one.is_open][:_LISTED]
    if not opened:
        st.caption("None is open in these 90 days.")
        return
    names = anomaly_words.scope_names(made, [(one.scope_type, one.scope_id) for one in opened])
    parts.table(
        [
            {
                "What": names.titled(one),
                "Difference": one.impact_usd,
                "Severity": anomaly_words.SEVERITIES[one.severity],
                "Kind": anomaly_words.kind(one),
                "When": anomaly_words.when(one),
                "Status": anomaly_words.status(one),
            }
            for one in opened
        ],
        key="team_anomalies",
        alt="Open anomalies of the team, largest first",
        columns={"What": st.column_config.TextColumn(width="medium"), "Difference": parts.money_column(made.currency)},
        on_select=partial(_open, "team_anomalies", "anomalies", [one.id for one in opened]),
        height="content",
    )
    st.caption("Choose a row to open it.")


def budgets(made: Frame, version: Version, team: Team) -> None:
    """Its budgets and those of the teams below it, with how probable it is that they break."""
    st.subheader("Budgets", anchor=False)
    current = forecast_reads.current(forecast_reads.budget_periods(version))
    found = [
        (budget, current.get(budget.id))
        for budget in forecast_reads.budgets(version)
        if budget.document.scope_type == "team" and budget.scope_id in team.family
    ]
    if not found:
        st.caption("There is no budget of this team.")
    else:
        money = parts.money_column(made.currency)
        parts.table(
            [
                {
                    "Name": budget.document.name,
                    "Used %": None if status is None else status.used_share * 100,
                    "Breach probability": scopes.probability(None if status is None else status.probability_exceeded),
                    "Amount": budget.document.amount,
                    "Projected": None if status is None else status.projected_usd,
                    "Breach day": None if status is None else status.breach_date,
                    "Team": scopes.name(made.names, Scope("team", budget.scope_id)),
                    "Period": budget.document.period if status is None else formats.days(status.period),
                }
                for budget, status in found
            ],
            key="team_budgets",
            alt="Budgets of the team with what is used, projected and probable",
            columns={
                "Name": st.column_config.TextColumn(width="medium"),
                "Amount": money,
                "Projected": money,
                "Used %": st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=150.0),
                "Breach day": st.column_config.DateColumn(format="YYYY-MM-DD"),
            },
            height="content",
        )
    st.page_link(
        "views/forecast.py",
        label="All budgets",
        icon=":material/savings:",
        query_params={"tab": "budgets"},
    )


def recommendations(made: Frame, team: Team) -> None:
    """Open recommendations, largest saving first."""
    st.subheader("Open recommendations", anchor=False)
    version = recommendation_reads.version(made.version)
    opened = [
        one
        for one in recommendation_reads.recommendations(version)
        if one.status == "open" and str(one.team_id) in team.family
    ]
    if not opened:
        st.caption("Nothing is open.")
        return
    opened.sort(key=lambda one: (-one.estimated_savings, -one.standalone_savings, one.id))
    saving = sum((one.estimated_savings for one in opened), Decimal(0))
    listed = opened[:_LISTED]
    names = recommendation_words.resource_names(made, listed)
    more = f" The {_LISTED} largest are shown." if len(opened) > _LISTED else ""
    st.caption(
        formats.plain(
            f"{formats.money(saving, made.currency)} per month in {formats.count(len(opened), 'recommendation')}, each "
            f"saving counted once.{more} Choose a row to open it."
        )
    )
    parts.table(
        [
            {
                "Recommendation": one.title,
                "Saving per month": one.estimated_savings,
                "Confidence": recommendation_words.CONFIDENCES[one.confidence],
                "Resource": f"{recommendation_words.RESOURCES[one.resource_type]} "
                f"{names[one.resource_type, one.resource]}",
                "Team": recommendation_words.team(made, one.team_id),
            }
            for one in listed
        ],
        key="team_recommendations",
        alt="Open recommendations of the team, largest saving first",
        columns={
            "Recommendation": st.column_config.TextColumn(width="large"),
            "Saving per month": parts.money_column(made.currency),
        },
        on_select=partial(_open, "team_recommendations", "recommendations", [one.id for one in listed]),
        height="content",
    )


def _open(key: str, page: str, ids: Sequence[int]) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        parts.open_page(page, {"id": [str(ids[rows[0]])]})
