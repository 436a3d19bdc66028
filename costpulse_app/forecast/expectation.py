"""How the running period of a budget would end: what a run says of stored ones, said of one that is being typed."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import streamlit as st

from costpulse_app import db
from costpulse_app.forecast import reads
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_assets.analysis.budgets import Outlook, outlook
from costpulse_assets.analysis.forecast_issues import DRAWS, LEAST_DAYS, LEVEL, MOST_DAYS_AHEAD, Issue
from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import Period

_DAY = timedelta(days=1)


def expected(made: Frame, version: Version, scope: Scope, period: Period, amount: Decimal) -> Outlook | None:
    """The end of a period that runs, from the final days alone; None where too little is known to say it."""
    last, first_day = made.last_final, min(made.days)
    if last is None or period.first < first_day or period.first > made.newest or period.last <= last:
        return None
    if (period.last - last).days > MOST_DAYS_AHEAD:
        return None
    first = max(first_day, made.newest - _DAY * (db.settings().analysis_days - 1))
    return _expected(version, scope, period, amount, first, last, tuple(made.days))


@st.cache_data(show_spinner=False, max_entries=100)
def _expected(
    version: Version,
    scope: Scope,
    period: Period,
    amount: Decimal,
    first: date,
    last: date,
    collected: tuple[date, ...],
) -> Outlook | None:
    costs = reads.costs(version, scope, Period(min(first, period.first), last))
    known = [day for day in costs if day >= first]
    if not known or (last - first).days + 1 < LEAST_DAYS:
        return None
    days = pd.date_range(min(known), last, freq="D")
    were_collected = set(collected)
    series = pd.Series([float(costs.get(day, 0)) if day in were_collected else np.nan for day in days.date], index=days)
    left = (period.last - last).days
    issued = [float(day.predicted_cost) for day in reads.days(version, scope, last)]
    issue = Issue.of(series, max(left, len(issued)), model="auto", level=LEVEL, draws=DRAWS)
    if issued:
        # The same futures as of the forecast that the page shows.
        issue = issue.moved_onto(np.array(issued))
    skipped = max((period.first - last).days - 1, 0)
    so_far = Period(period.first, last) if period.first <= last else None
    return outlook(
        amount,
        period,
        sum((costs.get(day, Decimal(0)) for day in so_far or ()), Decimal(0)),
        np.array([float(costs.get(day, 0)) for day in so_far or ()]),
        predicted=issue.predicted[skipped:left],
        paths=issue.paths[:, skipped:left],
        level=LEVEL,
    )
