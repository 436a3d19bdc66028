"""Forecast & budgets: where we will land, how sure that is, and which budgets break when."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.forecast import budgets_tab, outlook, outlook_tab, reads, record_tab, scopes
from costpulse_app.forecast.outlook import Outlook
from costpulse_app.forecast.reads import BudgetPeriod, Score
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_assets.analysis.forecast_issues import LEAST_DAYS
from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import first_of_previous_month, month_to_date, run_rate

#: Tabs by the value of the URL's parameter `tab`.
_TABS = {"forecast": "Forecast", "budgets": "Budgets", "record": "Track record"}
_HORIZONS: dict[str | None, int] = {str(days): days for days in outlook_tab.HORIZONS}
_ACCURACY_WEEKS = 8


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    _take_of_url()
    priced = outlook.at_your_price(made)
    parts.title("Forecast & budgets", "Where will we land, how sure is that, and which budgets break when?", priced)
    parts.crumbs(made, None)
    _filters_that_do_not_apply(made)
    said = st.session_state.pop("said", None)
    if said:
        st.success(formats.plain(said), icon=":material/check:")
    with parts.panel("forecast"):
        version = reads.version(made.version)
        scope = scopes.chosen(made.filters)
        found = outlook.read(made, version, scope) if scope is not None else None
        budget = reads.budget_of(version, scope)
        if scope is not None and found is not None:
            _headline(priced, version, scope, found, budget)
        else:
            _no_forecast(priced, version, scope)
        tabs = st.tabs(list(_TABS.values()), key="forecast_tab", on_change="rerun")
        # Only the open tab is made.
        for name, tab in zip(_TABS, tabs, strict=True):
            if not tab.open:
                continue
            with tab, parts.panel(name):
                if name == "budgets":
                    budgets_tab.show(priced, version)
                elif scope is None or found is None:
                    st.caption("There is no forecast to show.")
                elif name == "forecast":
                    outlook_tab.show(priced, version, scope, found, budget)
                else:
                    record_tab.show(priced, version, scope)
            own: filters.Query = {} if name == "forecast" else {"tab": [name]}
            if st.session_state.get("horizon", outlook_tab.HORIZONS[0]) != outlook_tab.HORIZONS[0]:
                own["horizon"] = [str(st.session_state["horizon"])]
            filters.close_session(made.filters, None, own)


def _take_of_url() -> None:
    """Tab and horizon that a link names, once: afterwards the viewer's choice counts."""
    state = st.session_state
    wanted = (st.query_params.get("tab"), st.query_params.get("horizon"))
    if wanted != state.get("forecast_taken"):
        if wanted[0] in _TABS:
            state["forecast_tab"] = _TABS[wanted[0]]
        if wanted[1] in _HORIZONS:
            state["horizon"] = _HORIZONS[wanted[1]]
    state["forecast_taken"] = wanted
    state.setdefault("horizon", outlook_tab.HORIZONS[0])


def _filters_that_do_not_apply(made: Frame) -> None:
    said = ["The period does not apply here: forecasts begin after the last final day."]
    if made.filters.basis == "list":
        said.append("Neither does the list price: forecasts and budgets are at your price.")
    st.caption(" ".join(said))


def _headline(made: Frame, version: Version, scope: Scope, found: Outlook, budget: BudgetPeriod | None) -> None:
    """The sentence, and the five cards."""
    landing = found.landing
    name = "" if scope.type == "everything" else f"{scopes.name(made.names, scope)}: "
    st.subheader(formats.plain(name + outlook.sentence(made, found)), anchor=False)
    if scope.type == "team" and scope.id in reads.teams_with_teams_below(version):
        st.caption("With the teams below it, as everywhere on this page.")
    aged = outlook.made_on(made, landing)
    notes = [aged] if aged else []
    month = f"{landing.month:%B %Y}"
    scores = [
        score
        for score in reads.scores(version, scope, landing.data_until - timedelta(weeks=_ACCURACY_WEEKS))
        if score.horizon_bucket == "1-7"
    ]
    with parts.cards("cards"):
        parts.card(
            made,
            "landing",
            formats.money(landing.predicted_cost, made.currency),
            full=formats.money_to_the_cent(landing.predicted_cost, made.currency),
            days=f"{month}, from what was final on {formats.day(landing.data_until)}. {_sentence(landing.reason)}",
            delta=formats.delta(landing.predicted_cost, found.month_before, "cost", made.currency),
            against=f"vs {first_of_previous_month(landing.month):%B}",
            notes=[outlook.band(made, landing), *notes],
        )
        _budget_cards(made, scope, budget)
        _record_cards(made, scores)


def _budget_cards(made: Frame, scope: Scope, budget: BudgetPeriod | None) -> None:
    if budget is None:
        missing = f"No budget of {'everything' if scope.type == 'everything' else 'this'} runs"
        for metric in ("budget_used", "breach_probability"):
            parts.card(made, metric, formats.UNKNOWN, days="", notes=[missing])
        return
    covered = f"{budget.budget_name}: {formats.days(budget.period)}, final days to {formats.day(budget.data_until)}."
    parts.card(
        made,
        "budget_used",
        formats.percent(Decimal(budget.used_share)),
        full=f"{formats.money_to_the_cent(budget.spent_usd, made.currency)} of "
        f"{formats.money_to_the_cent(budget.amount, made.currency)}",
        days=covered,
        notes=[
            f"of {formats.money(budget.amount, made.currency)}",
            f"Pace: {formats.percent(Decimal(budget.elapsed_share))} of the period is over",
        ],
    )
    when = [f"from {formats.day(budget.breach_date)} on"] if budget.breach_date else []
    if budget.spent_usd > budget.amount:
        when = [f"exceeded since {formats.day(budget.breach_date)}"] if budget.breach_date else ["exceeded"]
    parts.card(
        made,
        "breach_probability",
        scopes.probability(budget.probability_exceeded),
        days=covered,
        notes=[*when, *([budget.note] if budget.note else [])],
    )


def _record_cards(made: Frame, scores: Sequence[Score]) -> None:
    error, naive, coverage, note = _pooled(scores)
    covered = f"Forecasts made in the last {_ACCURACY_WEEKS} weeks, of the seven days after each. {record_tab.BACKTEST}"
    parts.card(
        made,
        "forecast_error",
        formats.UNKNOWN if error is None else f"{error:.1%}",
        days=covered,
        notes=[*([] if naive is None else [f"{naive:.1%} by the same weekday before"]), note],
    )
    parts.card(
        made,
        "forecast_coverage",
        formats.UNKNOWN if coverage is None else f"{coverage:.0%}",
        days=covered,
        notes=["of the days; the aim is 95%", note],
    )


def _pooled(scores: Sequence[Score]) -> tuple[float | None, float | None, float | None, str]:
    """Error, naive error and coverage of forecasts and backtests together, and how many of which they are."""
    issues = sum(score.issues for score in scores)
    if not issues:
        return None, None, None, "No day that was forecast is final yet"
    spent = sum(score.actual_usd for score in scores)
    days = sum(score.days for score in scores)
    backtests = sum(score.issues for score in scores if score.is_backtest)
    note = formats.count(issues, "forecast")
    if backtests == issues:
        note = formats.count(issues, "backtest")
    elif backtests:
        note = f"{note}, {formats.count(backtests, 'backtest')} among them"
    if not spent:
        return None, None, sum(score.coverage * score.days for score in scores) / days, note
    return (
        sum((score.wape or 0) * score.actual_usd for score in scores) / spent,
        sum((score.naive_wape or 0) * score.actual_usd for score in scores) / spent,
        sum(score.coverage * score.days for score in scores) / days,
        note,
    )


def _no_forecast(made: Frame, version: Version, scope: Scope | None) -> None:
    """Why there is none, and an even rate in its place, called so."""
    if scope is None:
        st.info(
            "Forecasts are made for everything, a workspace, a team, a product, an SKU, and tags with a budget. These "
            "filters ask for something else.",
            icon=":material/filter_alt:",
        )
        return
    finals = sum(made.is_final(day) for day in made.days)
    if finals < LEAST_DAYS:
        st.info(f"Forecasts start after {LEAST_DAYS} final days; {finals} so far.", icon=":material/hourglass_top:")
    elif not reads.landings(version, Scope("everything")):
        st.info(
            "No forecast was issued yet: the next run does that, or `costpulse up`.", icon=":material/hourglass_top:"
        )
    elif scope.type == "tag":
        st.info("Forecasts of a tag are made where a budget asks for them.", icon=":material/savings:")
    else:
        st.info(f"There is no forecast of {formats.plain(scopes.name(made.names, scope))}: it had no cost so far.")
    if made.last_final is None:
        return
    month = month_to_date(made.last_final)
    spent = sum(reads.costs(version, scope, month).values(), Decimal(0))
    if spent:
        rate = formats.money(run_rate(spent, made.last_final), made.currency)
        st.markdown(
            formats.plain(
                f"{formats.days(month)} cost {formats.money(spent, made.currency)}. Carried on evenly, "
                f"{month.first:%B} would cost {rate}: that is a run-rate, not a forecast."
            )
        )


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


if __name__ == "__main__":
    show()
