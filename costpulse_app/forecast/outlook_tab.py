"""The month with its band, the days to come, and where every part will be and why."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import charts, formats, parts
from costpulse_app.forecast import figures, outlook, reads, scopes
from costpulse_app.forecast.outlook import Outlook
from costpulse_app.forecast.reads import BudgetPeriod, Day, Landing
from costpulse_app.parts import Frame
from costpulse_app.queries import Version
from costpulse_assets.analysis.series import Scope
from costpulse_assets.periods import Period, first_of_previous_month, whole_month

HORIZONS = (30, 60, 90)
_DAYS_BEFORE = 45
_PARTS = {"workspace": "Workspace", "team": "Team", "product": "Product", "sku": "SKU"}


def show(made: Frame, version: Version, scope: Scope, found: Outlook, budget: BudgetPeriod | None) -> None:
    """Draw the tab."""
    month(made, version, scope, found, budget)
    days_to_come(made, version, scope, found)
    with parts.panel("landings"):
        every_part(made, version)


def month(made: Frame, version: Version, scope: Scope, found: Outlook, budget: BudgetPeriod | None) -> None:
    """The running total of the month."""
    landing = found.landing
    before = whole_month(first_of_previous_month(landing.month))
    st.subheader(f"{landing.month:%B} so far and to come", anchor=False)
    st.caption(
        "The band is calculated for the end of the month; on the days before it is drawn in proportion to the bands "
        "of the days."
    )
    known = Period(landing.month, landing.data_until) if landing.data_until >= landing.month else None
    now = outlook.costs(made, version, scope, known) if known else {}
    then = outlook.costs(made, version, scope, before) if found.month_before is not None else {}
    amount = budget.amount if budget is not None and budget.period == whole_month(landing.month) else None
    look = charts.palette(st.context.theme.type)
    st.plotly_chart(
        figures.cumulative_month(
            landing, now, then, found.days_of_month, budget=amount, currency=made.currency, look=look
        ),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="month_chart",
        alt=f"Running total of {landing.month:%B %Y}: final days, forecast with band, and the month before",
    )
    with st.expander("Show as table", key="month_table"):
        parts.table(
            _cumulative_rows(now, found),
            key="month_rows",
            alt=f"Running total of {landing.month:%B %Y} by day",
            columns=dict.fromkeys(("Cost or forecast", "Running total"), parts.money_column(made.currency)),
        )


def _cumulative_rows(now: dict[date, Decimal], found: Outlook) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    total = Decimal(0)
    for day, amount, kind in [
        *((day, now[day], "final") for day in sorted(now)),
        *((day.forecast_date, day.predicted_cost, "forecast") for day in found.days_of_month),
    ]:
        total += amount
        rows.append({"Day": day, "Is": kind, "Cost or forecast": amount, "Running total": total})
    return rows


def days_to_come(made: Frame, version: Version, scope: Scope, found: Outlook) -> None:
    """Cost by day and the forecast, as far as the viewer wants."""
    st.subheader("Day by day", anchor=False)
    horizon = st.segmented_control(
        "Days ahead",
        HORIZONS,
        format_func=lambda days: f"{days} days",
        required=True,
        key="horizon",
        label_visibility="collapsed",
    )
    assert horizon is not None
    landing = found.landing
    shown = [day for day in found.days if day.forecast_date <= landing.data_until + timedelta(days=horizon)]
    said = f"Forecast of {formats.count(len(shown), 'day')} from what was final on {formats.day(landing.data_until)}"
    if len(shown) < horizon:
        said += (
            f": it reaches to {formats.day(found.days[-1].forecast_date)}, the end of next month, and further only "
            "where a budget runs longer"
        )
    st.caption(formats.plain(f"{said}."))
    recent = Period(max(landing.data_until - timedelta(days=_DAYS_BEFORE - 1), min(made.days)), made.newest)
    costs = outlook.costs(made, version, scope, recent)
    look = charts.palette(st.context.theme.type)
    st.plotly_chart(
        figures.daily(
            costs,
            shown,
            not_final={day: f"not final, {made.share_in(day)}" for day in made.not_final(recent)},
            level=landing.level,
            currency=made.currency,
            look=look,
        ),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="daily_chart",
        alt=f"Cost by day and its forecast for {formats.count(len(shown), 'day')}, bars and dashed line with band",
    )
    with st.expander("Show as table", key="daily_table"):
        rows = daily_rows(shown)
        money = parts.money_column(made.currency)
        parts.table(
            rows,
            key="daily_rows",
            alt="Forecast by day with its band",
            columns=dict.fromkeys(("Forecast", "Lower", "Upper"), money),
        )
        st.download_button(
            "Download CSV",
            formats.csv_text(rows[0], rows),
            "forecast.csv",
            "text/csv",
            icon=":material/download:",
            key="daily_csv",
            on_click="ignore",
        )


def daily_rows(days: Sequence[Day]) -> list[dict[str, object]]:
    """The forecast as rows of a table."""
    return [
        {
            "Day": day.forecast_date,
            "Forecast": day.predicted_cost,
            "Lower": day.lower_bound,
            "Upper": day.upper_bound,
        }
        for day in days
    ]


def every_part(made: Frame, version: Version) -> None:
    """Where every workspace, team, product or SKU will be, by which model and why."""
    st.subheader("Where the parts land", anchor=False)
    by = st.segmented_control(
        "Where the parts land, by",
        list(_PARTS),
        format_func=_PARTS.__getitem__,
        default="workspace",
        required=True,
        key="landings_by",
        label_visibility="collapsed",
    )
    found = reads.landings_of_type(version, by)
    first = min((each.month for each in found if whole_month(each.month).last > each.data_until), default=None)
    landings = sorted(
        (each for each in found if each.month == first), key=lambda each: (-each.predicted_cost, each.scope_id)
    )
    if not landings:
        st.caption("There is none.")
        return
    adds_up = "" if by == "team" else " They add up to everything."
    below = " A team is shown with the teams below it." if by == "team" else ""
    st.caption(formats.plain(f"{landings[0].month:%B %Y}.{adds_up}{below}"))
    money = parts.money_column(made.currency)
    parts.table(
        [_part(made, by, each) for each in landings],
        key=f"landings_{by}",
        alt=f"Where every {_PARTS[by].lower()} lands, with the model and why it was chosen",
        columns={
            _PARTS[by]: st.column_config.TextColumn(width="medium"),
            **dict.fromkeys(("So far", "Lands at", "Lower", "Upper"), money),
            "Why": st.column_config.TextColumn(width="large"),
        },
    )


def _part(made: Frame, by: str, landing: Landing) -> dict[str, object]:
    scope = Scope(by, landing.scope_id)  # type: ignore[arg-type]
    return {
        _PARTS[by]: scopes.name(made.names, scope),
        "Lands at": landing.predicted_cost,
        "Lower": landing.lower_bound,
        "Upper": landing.upper_bound,
        "So far": landing.spent_usd,
        "Model": landing.model_type.replace("_", " "),
        "Why": landing.reason,
    }
