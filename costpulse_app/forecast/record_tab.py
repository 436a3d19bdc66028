"""How good past forecasts and probabilities were: what was said then is never changed, backtests are called so."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import charts, formats, parts
from costpulse_app.forecast import figures, outlook, reads, scopes
from costpulse_app.forecast.reads import Calibration, ProbabilityScore, Score
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import Period, whole_month

_WEEKS = 13
BACKTEST = (
    "A backtest was made later, from the days up to its date alone: it says how good forecasts would have been before "
    "CostPulse was there to make them."
)


def show(made: Frame, version: Version, scope: Scope) -> None:
    """Draw the tab."""
    assert made.last_final is not None
    st.caption(BACKTEST)
    with parts.panel("weeks"):
        weeks(made, version, scope)
    with parts.panel("scores"):
        distances(reads.scores(version, scope, made.last_final - timedelta(weeks=_WEEKS)))
    with parts.panel("months"):
        months(made, version, scope)
    with parts.panel("probabilities"):
        probabilities(reads.probability_scores(version), reads.calibration(version))


def weeks(made: Frame, version: Version, scope: Scope) -> None:
    """What was said about seven days before they came, beside what they cost."""
    assert made.last_final is not None
    st.subheader("A week ahead: said and spent", anchor=False)
    found = reads.weeks(version, scope, made.last_final - timedelta(weeks=_WEEKS))
    if not found:
        st.caption("No forecast is a week old yet.")
        return
    first, last = found[0].data_until, found[-1].data_until
    costs = reads.costs(version, scope, Period(first, last + timedelta(days=7)))
    spent = [
        sum(
            (costs.get(week.data_until + timedelta(days=day), Decimal(0)) for day in range(1, 8)),
            Decimal(0),
        )
        for week in found
    ]
    look = charts.palette(st.context.theme.type)
    st.plotly_chart(
        figures.said_and_cost(found, spent, currency=made.currency, look=look),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="weeks_chart",
        alt=f"Forecast and cost of {formats.count(len(found), 'week')}, pairs of bars",
    )
    with st.expander("Show as table", key="weeks_table"):
        money = parts.money_column(made.currency)
        parts.table(
            [
                {
                    "Made on": week.data_until,
                    "Backtest": "yes" if week.is_backtest else "no",
                    "Said": week.predicted_cost,
                    "Cost": cost,
                    "Difference": week.predicted_cost - cost,
                    "Same weekdays before": week.naive_cost,
                }
                for week, cost in zip(found, spent, strict=True)
            ],
            key="weeks_rows",
            alt="What was said about seven days, and what they cost",
            columns=dict.fromkeys(("Said", "Cost", "Difference", "Same weekdays before"), money),
        )


def distances(scores: Sequence[Score]) -> None:
    """How good forecasts were by how far ahead they looked."""
    st.subheader("By how far ahead", anchor=False)
    if not scores:
        st.caption("No day that was forecast is final yet.")
        return
    st.caption(
        formats.plain(
            "Error: the sum of the differences in dollars, whatever their direction, as a share of the cost. The last "
            "column is the error of the simplest forecast, the same weekday before; a forecast has to beat it."
        )
    )
    percent = st.column_config.NumberColumn(format="%.1f%%")
    parts.table(
        [
            {
                "Days ahead": score.horizon_bucket,
                "Backtests": "yes" if score.is_backtest else "no",
                "Forecasts": score.issues,
                "Days": score.days,
                "Error": _percent(score.wape),
                "Too high": _percent(score.bias),
                "Days in the band": _percent(score.coverage),
                "Same weekday before": _percent(score.naive_wape),
            }
            for score in scores
        ],
        key="scores",
        alt="Error, bias and coverage of forecasts by days ahead",
        columns=dict.fromkeys(("Error", "Days in the band", "Same weekday before"), percent)
        | {"Too high": st.column_config.NumberColumn(format="%.1f%%", help="Below 0: they were too low.")},
        height="content",
    )


def months(made: Frame, version: Version, scope: Scope) -> None:
    """What was said about each month when it was forecast first."""
    assert made.last_final is not None
    st.subheader("Months: what was said first", anchor=False)
    found = reads.first_landings(version, scope)
    rows: list[dict[str, object]] = []
    for each in found:
        month = whole_month(each.month)
        if month.first > made.last_final:
            continue
        is_over = month.last <= made.last_final
        cost = sum(
            outlook.costs(made, version, scope, Period(month.first, min(month.last, made.last_final))).values(),
            Decimal(0),
        )
        rows.append(
            {
                "Month": f"{each.month:%B %Y}",
                "Said on": each.data_until,
                "Said": each.predicted_cost,
                "Lower": each.lower_bound,
                "Upper": each.upper_bound,
                "Cost": cost if is_over else None,
                "In the band": ("yes" if each.lower_bound <= cost <= each.upper_bound else "no")
                if is_over
                else "not over yet",
            }
        )
    if not rows:
        st.caption("There is none yet.")
        return
    parts.table(
        rows,
        key="months",
        alt="What was said about each month first, and what it cost",
        columns=dict.fromkeys(("Said", "Lower", "Upper", "Cost"), parts.money_column(made.currency)),
        height="content",
    )


def probabilities(scores: Sequence[ProbabilityScore], calibration: Sequence[Calibration]) -> None:
    """Whether what was said about budgets happened as often as it was said."""
    st.subheader("Probabilities of budgets", anchor=False)
    if not scores:
        st.caption("No period of a budget is over for which a probability was said.")
        return
    for score in scores:
        st.markdown(formats.plain(brier_in_words(score)))
    parts.table(
        [
            {
                "It was said": f"{20 * each.fifth}-{20 * each.fifth + 20}%",
                "Backtests": "yes" if each.is_backtest else "no",
                "Times": each.probabilities,
                "In periods": each.periods,
                "Said in the mean": scopes.probability(each.said),
                "Exceeded": scopes.probability(each.exceeded) if 0 < each.exceeded < 1 else f"{each.exceeded:.0%}",
            }
            for each in calibration
        ],
        key="calibration",
        alt="How often budgets were exceeded, by the probability that was said",
        height="content",
    )
    st.caption(
        "When probabilities are right, a budget is exceeded as often as was said: of those with 80%, in four of five."
    )


def brier_in_words(score: ProbabilityScore) -> str:
    """What the Brier score says, and how many cases it is made of."""
    always = score.exceeded_share * (1 - score.exceeded_share)
    kind = "Backtests" if score.is_backtest else "Said while the periods ran"
    if score.exceeded_share in (0, 1):
        verdict = "the periods all ended alike, so it says little"
    elif score.brier_score < always:
        verdict = f"better than always saying how often budgets are exceeded, which gets {always:.3f}"
    else:
        verdict = f"no better than always saying how often budgets are exceeded, which gets {always:.3f}"
    said = "1 probability" if score.probabilities == 1 else f"{score.probabilities:,} probabilities"
    return (
        f"{kind}: Brier score {score.brier_score:.3f} over {said}"
        f" in {formats.count(score.periods, 'period')}, {verdict}. "
        "0 is perfect, 0.25 is what always saying 50% gets."
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100
