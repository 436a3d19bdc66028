"""The four figures, the bars per key and per team, and the score by day."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import charts, filters, formats, parts
from costpulse_app.filters import Filters, View
from costpulse_app.parts import Frame
from costpulse_app.queries import Version, tag_pairs
from costpulse_app.tags import figures, reads
from costpulse_app.tags.figures import Parts
from costpulse_app.tags.reads import KeyScore, Where
from costpulse_assets.allocation.tag_policies import StoredTagPolicy
from costpulse_assets.analysis.tag_compliance import WINDOW_DAYS, TagScore
from costpulse_assets.costs.spend import NONE
from costpulse_assets.periods import Period

#: Days up to the newest that a changed policy is applied to.
_LINE_DAYS = 90
_MOST_BARS = 12


def window(made: Frame) -> Period | None:
    """The last 30 final days; None while no day is final."""
    if made.last_final is None:
        return None
    return Period(made.last_final - timedelta(days=WINDOW_DAYS - 1), made.last_final)


def show(made: Frame, version: Version, now: Period, where: Where, policies: list[StoredTagPolicy]) -> None:
    """Cards and charts."""
    # Days before these keep the measure of the policies they were judged by.
    line = Period(made.newest - timedelta(days=_LINE_DAYS - 1), now.last)
    by_day = {date.fromisoformat(day or ""): score for day, score in reads.scores(version, "day", line, where).items()}
    before = Period(now.first - timedelta(days=WINDOW_DAYS), now.first - timedelta(days=1))
    score = reads.added(one for day, one in by_day.items() if day in now)
    # Fewer days, or days by another measure, are nothing to compare with.
    compares = max(min(made.days), line.first) <= before.first
    then = reads.added(one for day, one in by_day.items() if day in before) if compares else None
    cards(made, now, score, before, then)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("By key", anchor=False)
        key_bars(made, reads.keys(version, now, where), policies)
    with right:
        st.subheader("Day by day", anchor=False)
        day_line(by_day)
    st.subheader("By team", anchor=False)
    team_bars(made, reads.scores(version, "team", now, where))


def cards(made: Frame, now: Period, score: TagScore, before: Period, then: TagScore | None) -> None:
    """Compliant, untagged, wrong values, and apart from them what nobody can tag."""
    covered, against = f"{formats.days(now)}.", f"vs {formats.short_days(before)}" if then else ""
    judged = score.judged_cost_usd

    def amount(metric: str, name: str, notes: list[str], *, good_when_down: bool = True) -> None:
        usd: Decimal = getattr(score, name)
        parts.card(
            made,
            metric,
            formats.money(usd, made.currency),
            full=formats.money_to_the_cent(usd, made.currency),
            days=covered,
            delta=formats.delta(usd, getattr(then, name), "cost", made.currency) if then else "",
            against=against,
            notes=notes,
            good_when_down=good_when_down,
        )

    def of_judged(usd: Decimal) -> list[str]:
        return [f"{formats.percent(usd / judged)} of what is judged"] if judged > 0 and usd >= 0 else []

    with parts.cards("cards"):
        resources = (
            f"{formats.percent(score.by_resource)} of the resources"
            if score.by_resource is not None
            else "Nothing is required of any resource"
        )
        parts.card(
            made,
            "tag_compliant",
            formats.percent(score.by_cost),
            full=f"{formats.money_to_the_cent(score.compliant_cost_usd, made.currency)} of "
            f"{formats.money_to_the_cent(judged, made.currency)}",
            days=covered,
            delta=points(score.by_cost, then.by_cost) if then else "",
            against=against,
            notes=[resources, f"of {formats.money(judged, made.currency)} that tags are required of"],
            good_when_down=False,
        )
        some = score.incomplete_cost_usd
        amount(
            "tag_untagged",
            "untagged_cost_usd",
            [
                *of_judged(score.untagged_cost_usd),
                *([f"and {formats.money(some, made.currency)} with some of the keys"] if some else []),
            ],
        )
        amount("tag_wrong_values", "wrong_value_cost_usd", of_judged(score.wrong_value_cost_usd))
        exempt = score.exempt_cost_usd
        amount(
            "tag_not_taggable",
            "not_taggable_cost_usd",
            [
                "Never counted against anyone",
                *([f"and {formats.money(exempt, made.currency)} that nothing is required of"] if exempt else []),
            ],
            good_when_down=False,
        )


def key_bars(made: Frame, found: list[KeyScore], policies: list[StoredTagPolicy]) -> None:
    """Of what a key is required of: valid, wrong value, missing."""
    drawn = [key for key in found if key.share is not None]
    if not drawn:
        st.caption("No key is required of this cost.")
        return
    drawn.sort(key=lambda key: key.share or Decimal(0))
    state = st.session_state
    state["t_spellings"] = {
        policy.document.key: [policy.document.key, *policy.document.aliases] for policy in policies
    }  # fmt: skip
    with st.container(key="key_bars"):
        st.plotly_chart(
            figures.whole_bars(
                [
                    Parts(
                        key.tag_key,
                        key.tag_key,
                        {
                            "Valid": key.valid_cost_usd,
                            "Wrong value": key.wrong_cost_usd,
                            "Missing": key.missing_cost_usd,
                        },
                    )
                    for key in drawn
                ],
                currency=made.currency,
                look=charts.palette(st.context.theme.type),
            ),
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key="t_keys_chart",
            alt="Cost per required tag key: valid, wrong value and missing, bars of 100 percent, worst first",
            on_select=lambda: _open_key(made),
        )
    st.caption(
        "Worst first. Choose a part to see it in the cost explorer, which counts tags as they are on the bill: "
        "inherited ones and other spellings are not in it."
    )
    with st.expander("Show as table", key="keys_table"):
        money = parts.money_column(made.currency)
        parts.table(
            [
                {
                    "Key": key.tag_key,
                    "Valid %": None if key.share is None else key.share * 100,
                    "Valid": key.valid_cost_usd,
                    "of it inherited": key.inherited_cost_usd,
                    "Wrong value": key.wrong_cost_usd,
                    "Missing": key.missing_cost_usd,
                    "Not required": key.not_required_cost_usd,
                }
                for key in found
            ],
            key="t_keys",
            alt="Cost per tag key: valid, inherited, wrong value, missing, not required",
            columns={
                "Valid %": st.column_config.NumberColumn(format="%.1f%%"),
                **dict.fromkeys(("Valid", "of it inherited", "Wrong value", "Missing", "Not required"), money),
            },
        )


def day_line(by_day: Mapping[date, TagScore]) -> None:
    """Ninety days of the score."""
    days = [day for day in by_day if by_day[day].judged_resources or by_day[day].by_cost is not None]
    if not days:
        st.caption("No day has a score.")
        return
    every = [min(days) + timedelta(days=n) for n in range((max(days) - min(days)).days + 1)]
    with st.container(key="score_line"):
        st.plotly_chart(
            figures.score_line(
                every,
                [by_day[day].by_cost if day in by_day else None for day in every],
                [by_day[day].by_resource if day in by_day else None for day in every],
                look=charts.palette(st.context.theme.type),
            ),
            width="stretch",
            config=charts.CONFIG,
            theme=None,
            key="t_line",
            alt=f"Compliant share by dollars and by resources per day, lines, {formats.day(min(days))} to "
            f"{formats.day(max(days))}",
        )
    st.caption("Final days only. A changed policy is applied to the last 90 days, so that they have one measure.")
    with st.expander("Show as table", key="days_table"):
        parts.table(
            [
                {
                    "Day": day,
                    "By dollars %": _hundredfold(by_day[day].by_cost),
                    "By resources %": _hundredfold(by_day[day].by_resource),
                }
                for day in reversed(days)
            ],
            key="t_days",
            alt="Compliant share per day, newest first",
            columns={
                "Day": st.column_config.DateColumn(format="YYYY-MM-DD"),
                **dict.fromkeys(("By dollars %", "By resources %"), st.column_config.NumberColumn(format="%.1f%%")),
            },
        )


def team_bars(made: Frame, by_team: Mapping[str | None, TagScore]) -> None:
    """The teams with most to judge; a click narrows the page to one."""
    found = sorted(by_team.items(), key=lambda each: (-each[1].judged_cost_usd, each[0] or ""))
    names = made.names.all("team", [(team, None) for team, _ in found])
    drawn = [(team, score) for team, score in found if score.by_cost is not None and _parts(score)]
    if drawn:
        with st.container(key="team_bars"):
            st.plotly_chart(
                figures.whole_bars(
                    [Parts(team or NONE, names[team], _parts(score) or {}) for team, score in drawn[:_MOST_BARS]],
                    currency=made.currency,
                    look=charts.palette(st.context.theme.type),
                ),
                width="stretch",
                config=charts.CONFIG,
                theme=None,
                key="t_teams_chart",
                alt="Cost per team: compliant, wrong value, some keys missing and untagged, bars of 100 percent",
                on_select=lambda: _narrow_to_team(made.filters),
            )
        more = f" {len(drawn) - _MOST_BARS} more are in the table." if len(drawn) > _MOST_BARS else ""
        st.caption(f"Most judged cost first; choose a bar to see the team alone.{more}")
    else:
        st.caption("No team has cost that tags are required of.")
    with st.expander("Show as table", key="teams_table"):
        money = parts.money_column(made.currency)
        names_of = {
            "Compliant": "compliant_cost_usd",
            "Wrong value": "wrong_value_cost_usd",
            "Some keys missing": "incomplete_cost_usd",
            "Untagged": "untagged_cost_usd",
            "Nothing required": "exempt_cost_usd",
            "Not taggable": "not_taggable_cost_usd",
            "Cost": "cost_usd",
        }
        parts.table(
            [
                {
                    "Team": names[team],
                    "By dollars %": _hundredfold(score.by_cost),
                    "By resources %": _hundredfold(score.by_resource),
                    **{label: getattr(score, name) for label, name in names_of.items()},
                }
                for team, score in found
            ],
            key="t_teams",
            alt="Cost per team by what its tags are",
            columns={
                **dict.fromkeys(("By dollars %", "By resources %"), st.column_config.NumberColumn(format="%.1f%%")),
                **dict.fromkeys(names_of, money),
            },
        )


def points(now: Decimal | None, then: Decimal | None) -> str:
    """A change of a share: +1.5 pp."""
    if now is None or then is None:
        return ""
    change = round((now - then) * 100, 1)
    return f"{change:+} pp" if change else ""


def _parts(score: TagScore) -> dict[str, Decimal] | None:
    """What a bar is made of; None where corrections leave a part below 0."""
    found = {
        "Compliant": score.compliant_cost_usd,
        "Wrong value": score.wrong_value_cost_usd,
        "Some keys missing": score.incomplete_cost_usd,
        "Untagged": score.untagged_cost_usd,
    }
    return found if min(found.values()) >= 0 else None


def _hundredfold(share: Decimal | None) -> Decimal | None:
    return None if share is None else share * 100


def _open_key(made: Frame) -> None:
    """In a callback: the cost without a key, or its values, in the cost explorer."""
    chosen = parts.clicked("t_keys_chart")
    now = window(made)
    if not chosen or now is None:
        return
    key, part = chosen[0], chosen[1]
    on_the_bill = {name for name, _ in tag_pairs(made.version)}
    spelled = next((name for name in st.session_state["t_spellings"].get(key, [key]) if name in on_the_bill), key)
    narrowed = made.filters.on(now)
    if part == "Missing":
        parts.open_explorer(narrowed.with_tag(spelled, None), View(by="product"))
    else:
        parts.open_explorer(narrowed, View(by="tag", tag_key=spelled))


def _narrow_to_team(chosen: Filters) -> None:
    """In a callback: this page for one team."""
    picked = parts.clicked("t_teams_chart")
    if picked:
        filters.put(chosen.with_only("team", [picked[0]]))
