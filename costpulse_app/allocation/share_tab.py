"""How much of the cost has an owner, by which method, and what each team has."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import charts, formats, parts
from costpulse_app.allocation import reads
from costpulse_app.allocation.draft import Draft
from costpulse_app.allocation.reads import TeamCost
from costpulse_app.charts import Bar
from costpulse_app.parts import Frame
from costpulse_assets.periods import Period, month_to_date, previous_comparable

_METHODS = {"rule": "Rule", "user": "User", "tag": "Tag", "split": "Split", "unallocated": "Unallocated"}
_IDLE_DAYS = 30


def show(made: Frame, draft: Draft) -> None:
    """Draw the tab."""
    if made.last_final is None:
        st.info("No day is final yet: who pays for what follows with the first final day.")
        return
    month = month_to_date(made.last_final)
    before = previous_comparable(month)
    with parts.panel("allocation"):
        if not adds_up(made, month, before):
            return
        which_rules(made, draft)
        costs = reads.by_team(made.version, month, before, made.measure)
        if not costs:
            st.info(f"No cost in {formats.days(month)}.")
            return
        headline(made, draft, costs, month, before)
        by_method(made, costs, month, before)
        by_team(made, costs, month, before)


def adds_up(made: Frame, month: Period, before: Period) -> bool:
    """The sentence that allocated and Unallocated are the cost; what does not add up is not shown."""
    broken = reads.differences(made.version, month, before)
    if not broken:
        st.markdown(
            ":green[:material/check:] "
            + formats.plain(
                "Allocated + unallocated = cost: yes, difference "
                + formats.money_to_the_cent(Decimal(0), made.currency)
            )
        )
        return True
    difference = sum((abs(one.allocated - one.cost) for one in broken), Decimal(0))
    with st.container(border=True, key="does_not_add_up"):
        st.markdown(
            ":red[:material/error:] **"
            + formats.plain(
                f"Allocated + unallocated = cost: no, difference {formats.money_to_the_cent(difference, made.currency)}"
            )
            + "**"
        )
        days = ", ".join(formats.day(one.day) for one in broken[:5])
        more = f" and {formats.count(len(broken) - 5, 'other day')}" if len(broken) > 5 else ""
        st.markdown(
            formats.plain(f"It differs on {days}{more}. The figures are withheld until these days are built again:")
        )
        st.code(f"costpulse materialize --from {broken[0].day} --to {broken[-1].day}", language="bash")
    return False


def which_rules(made: Frame, draft: Draft) -> None:
    """Which version of the rules the days show."""
    shown = reads.rules_shown(made.version, draft.newest_version)
    said = f"Rules as of version {shown.version}."
    if shown.days_waiting:
        days = formats.count(shown.days_waiting, "day")
        said = (
            f"Rules as of version {shown.version}; {days} {'is' if shown.days_waiting == 1 else 'are'} being "
            "re-allocated."
        )
    st.caption(formats.plain(said))


def headline(made: Frame, draft: Draft, costs: Sequence[TeamCost], month: Period, before: Period) -> None:
    """Allocated share, Unallocated, teams with cost, rules without cost."""
    now, then = _total(costs, "now"), _total(costs, "before")
    nobody = [cost for cost in costs if cost.team_id is None]
    rest_now, rest_then = _total(nobody, "now"), _total(nobody, "before")
    share = 1 - rest_now / now if now else None
    share_before = 1 - rest_then / then if then else None
    compared = f"vs {formats.short_days(before)}"
    covered = f"{formats.days(month)}, compared with {formats.days(before)}."
    recent = Period(made.newest - timedelta(days=_IDLE_DAYS - 1), made.newest)
    teams = len({cost.team_id for cost in costs if cost.team_id is not None and cost.now})
    idle = _without_cost(made, draft, recent)
    with parts.cards("cards"):
        parts.card(
            made,
            "allocated_share",
            formats.percent(share),
            days=covered,
            delta=_points(share, share_before),
            against=compared,
            notes=[f"of {formats.money(now, made.currency)}, {formats.days(month)}"],
            good_when_down=False,
        )
        parts.card(
            made,
            "unallocated",
            formats.money(rest_now, made.currency),
            full=formats.money_to_the_cent(rest_now, made.currency),
            days=covered,
            delta=formats.delta(rest_now, rest_then, made.measure, made.currency),
            against=compared,
        )
        parts.card(made, "teams_with_cost", f"{teams}", days=f"{formats.days(month)}.")
        parts.card(
            made,
            "rules_without_cost",
            f"{len(idle)}",
            days=f"{formats.days(recent)}.",
            notes=[", ".join(idle[:3]) + (f" and {len(idle) - 3} more" if len(idle) > 3 else "")] if idle else [],
        )


def by_method(made: Frame, costs: Sequence[TeamCost], month: Period, before: Period) -> None:
    """Bars: what was allocated how."""
    st.subheader("By method", anchor=False)
    st.caption(formats.plain(f"{formats.days(month)}. The tick marks {formats.short_days(before)}."))
    look = charts.palette(st.context.theme.type)
    bars = [
        Bar(method, label, _total(of_method, "now"), _total(of_method, "before"))
        for method, label in _METHODS.items()
        if (of_method := [cost for cost in costs if cost.method == method])
    ]
    with st.container(key="by_method"):
        st.plotly_chart(
            charts.ranked_bars(
                bars,
                colour=dict.fromkeys(_METHODS, look.series[0]) | {"unallocated": look.other},
                measure=made.measure,
                currency=made.currency,
                look=look,
            ),
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key="by_method_chart",
            alt=f"Cost by method of allocation, bars, {formats.days(month)}",
        )


def by_team(made: Frame, costs: Sequence[TeamCost], month: Period, before: Period) -> None:
    """The table by team; directly and through splits."""
    st.subheader("By team", anchor=False)
    total = _total(costs, "now")
    teams = list(dict.fromkeys(cost.team_id for cost in costs))
    labels = made.names.all("team", [(team, None) for team in teams])
    rows: list[dict[str, object]] = []
    for team in teams:
        own = [cost for cost in costs if cost.team_id == team]
        now, then = _total(own, "now"), _total(own, "before")
        shared = _total([cost for cost in own if cost.method == "split"], "now")
        change = formats.change_share(now, then)
        rows.append(
            {
                "Team": labels[team],
                "Month to date": now,
                "Share": float(now / total * 100) if total else None,
                "Direct": now - shared if team is not None else None,
                "From splits": shared if team is not None else None,
                "Before": then,
                "Change": now - then,
                "Change %": None if change is None else float(change * 100),
            }
        )
    rows.sort(key=lambda row: (row["Team"] == labels.get(None), -_amount(row), str(row["Team"])))
    st.caption(
        formats.plain(
            f"{formats.days(month)} against {formats.days(before)}: "
            f"total {formats.money_to_the_cent(total, made.currency)}."
        )
    )
    money = parts.money_column(made.currency)
    columns: Mapping[str, object] = {
        "Team": st.column_config.TextColumn(width="medium"),
        "Share": st.column_config.NumberColumn(format="%.1f%%"),
        **dict.fromkeys(("Month to date", "Direct", "From splits", "Before", "Change"), money),
        "Change %": st.column_config.NumberColumn(format="%.1f%%"),
    }
    parts.table(
        rows,
        key="by_team_table",
        alt="Cost by team: month to date and change against the same days of the month before",
        columns=columns,
        height="content",
    )
    st.download_button(
        "Download CSV",
        formats.csv_text(rows[0], rows),
        f"costpulse-teams-{month.first}-{month.last}.csv",
        "text/csv",
        icon=":material/download:",
        key="by_team_csv",
        on_click="ignore",
    )


def _amount(row: Mapping[str, object]) -> Decimal:
    amount = row["Month to date"]
    assert isinstance(amount, Decimal)
    return amount


def _without_cost(made: Frame, draft: Draft, recent: Period) -> list[str]:
    """Active rules and splits that have claimed nothing in these days, by name; only those that are valid in them."""
    cost = reads.cost_by_rule(made.version, recent, made.measure)
    stored = draft.stored
    return [
        document.name
        for kind, documents, known in (
            ("rule", stored.rule_set.rules, stored.rules),
            ("split", stored.rule_set.splits, stored.splits),
        )
        for document in documents
        if document.is_active
        and (document.valid_from or date.min) <= recent.last
        and (document.valid_to or date.max) >= recent.first
        and (kind, known[document.name][0]) not in cost
    ]


def _total(costs: Sequence[TeamCost], field: str) -> Decimal:
    return sum((getattr(cost, field) or Decimal(0) for cost in costs), Decimal(0))


def _points(now: Decimal | None, before: Decimal | None) -> str:
    """The change of a share in percentage points."""
    if now is None or before is None:
        return ""
    points = round((now - before) * 100, 1)
    return f"{points:+} pp" if points else ""
