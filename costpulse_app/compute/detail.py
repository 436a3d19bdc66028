"""One cluster or warehouse: what it costs and is made of, how it was used, what was found, and what would change it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import streamlit as st

from costpulse_app import charts, filters, formats, parts, people, queries
from costpulse_app.compute import figures, listing, reads, state, words
from costpulse_app.compute.reads import Detail, Finding, MachineDay
from costpulse_app.filters import Filters, View
from costpulse_app.parts import Frame
from costpulse_assets.costs.spend import DIMENSIONS, GroupSpend, Selection, Windows
from costpulse_assets.periods import Period

#: What the cost of a machine can be told apart by.
_MADE_OF = {"cluster": ("sku", "team", "user", "job"), "warehouse": ("sku", "team", "user")}
#: Rows of parts and of users; further ones are summed up in one.
_ROWS = 50
_GONE = {
    "cluster": "There is no such cluster, or it is not yours to see.",
    "warehouse": "There is no such warehouse, or it is not yours to see.",
}


def page(machine_type: str, title: str, question: str) -> None:
    """Draw a detail page.

    Args:
        machine_type: cluster or warehouse.
        title: of the page.
        question: that it answers.
    """
    whole = parts.frame()
    group = state.opened()
    parts.title(title, question, whole)
    if st.button("Back to Clusters & warehouses", key="back", icon=":material/arrow_back:"):
        state.back(whole.filters)
    with parts.panel("machine"):
        show(whole, machine_type, group)
    filters.close_session(whole.filters, None, {"id": [group]} if group else {})


def show(made: Frame, machine_type: str, group: str) -> None:
    """Draw the machine."""
    known = Period(min(made.days), made.newest)
    one = reads.machine(made.version, machine_type, group, known) if group else None
    if one is None:
        # The same whether it never was or is out of the viewer's scope.
        st.info(_GONE[machine_type], icon=":material/search_off:")
        return
    names = listing.names_of(made, [one])
    name = names[one.machine_type, one.id]
    if made.selection != Selection():
        st.caption("Only the period and the price apply here: the page is about this one machine.")
    own = Selection(((machine_type, (group,)),))
    days = reads.machine_days(made.version, machine_type, group, made.period, is_list=made.filters.basis == "list")
    found = reads.findings(machine_type, group, known)
    heading(made, one, name, own)
    cards(made, one, days, own)
    what_to_do(made, one, found)
    trend(made, one, name, days, found)
    use(made, machine_type, name, days)
    if machine_type == "warehouse":
        with parts.panel("users"):
            who(made, one)
    with parts.panel("made_of"):
        made_of(made, one, own)
    with parts.panel("changes"):
        changes(made, one, known)
    rows(made, one, name, days)


def heading(made: Frame, one: Detail, name: str, own: Selection) -> None:
    """What it is, how it stands, whose it is, and the id to copy."""
    st.subheader(formats.plain(words.titled(name, one)), anchor=False)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="badges"):
        st.badge(words.KINDS.get(one.kind, words.KINDS["other"]), color="gray")
        st.badge(words.STATES[one.state], icon=words.STATE_ICONS[one.state], color="blue")
        if one.never_stops:
            st.badge("Never stops by itself", icon=":material/all_inclusive:", color="orange")
    # As code: what looks like an address would become a link.
    owner = f"owner `{one.owner.replace('`', '')}`" if one.owner else "owner not known"
    workspace = made.names.one("workspace", one.workspace_id)
    as_of = f"; state as of {formats.moment(one.state_as_of)}" if one.state_as_of else ""
    st.markdown(formats.plain(f"In {workspace}; ") + owner + formats.plain(f"{as_of}."))
    facts = {
        "Size" if one.machine_type == "warehouse" else "Node type": words.node(one),
        "Driver": one.driver_node_type if one.driver_node_type != one.node_type else None,
        "Clusters" if one.machine_type == "warehouse" else "Workers": words.size(one),
        "Auto-stop": words.auto_stop(one),
        "Photon": words.yes(one.photon_enabled),
        "Serverless": words.yes(one.is_serverless),
        "Channel" if one.machine_type == "warehouse" else "Runtime": one.runtime,
        "Policy": one.policy_id,
        "Last used": formats.moment(one.last_used_at) if one.last_used_at else None,
        "Deleted": formats.moment(one.deleted_at) if one.deleted_at else None,
    }
    st.caption(formats.plain(". ".join(f"{label}: {value}" for label, value in facts.items() if value is not None)))
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="owner_teams"):
        st.caption(formats.plain(_teams(made, own)), width="content")
        if one.last_billed and st.button("Why this team?", key="why_team", type="tertiary", icon=":material/help:"):
            st.session_state.update(
                {
                    "why_kind": one.machine_type,
                    "why_day": one.last_billed,
                    f"why_{one.machine_type}_typed": one.machine_id,
                    "tab": "Why",
                }
            )
            st.switch_page("views/allocation.py", query_params=made.filters.to_query() | {"tab": ["why"]})
    st.code(one.machine_id, language=None)


def cards(made: Frame, one: Detail, days: Sequence[MachineDay], own: Selection) -> None:
    """Cost against the days before, idle cost, hours, CPU or statements."""
    cost, idle = _sum(day.amount for day in days), _sum(day.idle_amount for day in days)
    measured = _sum(day.amount for day in days if day.idle_amount is not None)
    up, idle_hours = _sum(day.up_hours for day in days), _sum(day.idle_hours for day in days)
    period = f"{formats.days(made.period)}."
    windows, against = _windows(made)
    before = queries.by_group(made.version, windows, None, "", own, made.measure)
    whole = before[0] if before else None
    with parts.cards("cards"):
        parts.card(
            made,
            "machine_own_cost",
            formats.money(cost, made.currency),
            full=formats.money_to_the_cent(cost, made.currency),
            delta=formats.delta(whole.final_amount, whole.before_amount or Decimal(0), made.measure, made.currency)
            if whole and against and whole.final_amount is not None
            else "",
            against=against,
            days=period,
            notes=[
                *(["no cost in this period"] if not days or cost is None else []),
                *([] if people.current().scope == "all" else ["your teams' share"]),
            ],
        )
        parts.card(
            made,
            "machine_idle_cost",
            formats.money(idle, made.currency),
            full=formats.money_to_the_cent(idle, made.currency) if idle is not None else None,
            days=period,
            notes=[f"{formats.percent(idle / measured)} of what was measured"]
            if idle is not None and measured
            else ["idle time is not known"],
        )
        parts.card(
            made,
            "machine_hours",
            words.hours(up),
            days=period,
            notes=[f"{words.hours(idle_hours)} of them idle"] if idle_hours is not None else ["nothing was measured"],
        )
        if one.machine_type == "warehouse":
            statements = _sum(None if day.executions is None else Decimal(day.executions) for day in days)
            each = cost / statements if cost is not None and statements and people.current().scope == "all" else None
            parts.card(
                made,
                "warehouse_statements",
                formats.UNKNOWN if statements is None else f"{statements:,.0f}",
                days=period,
                notes=[f"{formats.money(each, made.currency)} each"] if each is not None else [],
            )
        else:
            cpu, memory = _mean(days, "cpu_percent"), _mean(days, "mem_percent")
            parts.card(
                made,
                "machine_cpu",
                words.percent(cpu),
                days=period,
                notes=[f"memory {words.percent(memory)}; weighted by node hours"]
                if cpu is not None
                else ["nothing was measured"],
            )


def what_to_do(made: Frame, one: Detail, found: Sequence[Finding]) -> None:
    """Open recommendations, anomalies, and the line that would end idle time."""
    advice = [each for each in found if each.finding == "recommendation"]
    anomalies = [each for each in found if each.finding == "anomaly"]
    fix = words.fix(one, advice) if one.state != "deleted" else None
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("What was found", anchor=False)
        if not advice and not anomalies:
            st.caption("No open recommendation and no anomaly.")
        for each in advice:
            saving = formats.money(each.amount, made.currency)
            _link(made, each, f"{saving} per month: {each.title}", "recommendations", ":material/savings:")
        for each in anomalies:
            off = formats.money(each.amount, made.currency)
            said = f"{each.title.capitalize()} from {formats.day(each.on_date)}: {off} off, {each.status}"
            _link(made, each, said, "anomalies", ":material/notification_important:")
    with right:
        st.subheader("What would change it", anchor=False)
        if fix is None:
            st.caption("Nothing to change: it ends by itself, and no open recommendation is about idle time.")
        else:
            st.markdown(formats.plain(fix[0]))
            st.code(fix[1], language="bash", wrap_lines=True)
            st.caption("A line for the Databricks CLI; CostPulse never runs it and changes nothing on Databricks.")


def trend(made: Frame, one: Detail, name: str, days: Sequence[MachineDay], found: Sequence[Finding]) -> None:
    """Cost by day, used and idle, with the days on which anomalies begin."""
    st.subheader("Cost by day", anchor=False)
    if not any(day.amount is not None for day in days):
        st.caption("No cost in this period.")
        return
    st.plotly_chart(
        figures.cost_by_day(
            days,
            list(made.period),
            not_final={day: f"not final, {made.share_in(day)}" for day in made.not_final(made.period)},
            anomalies=[each.on_date for each in found if each.finding == "anomaly"],
            currency=made.currency,
            look=charts.palette(st.context.theme.type),
        ),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="cost_days",
        on_select=_open_day,
        selection_mode="points",
        alt=f"Cost of {name} by day, used and idle, bars, {formats.days(made.period)}",
    )
    st.session_state["machine_shown"] = (one.machine_type, one.id)
    st.caption("Choose a bar to open that day in the cost explorer.")


def use(made: Frame, machine_type: str, name: str, days: Sequence[MachineDay]) -> None:
    """Hours up and idle; of a cluster CPU and memory, of a warehouse its statements."""
    look = charts.palette(st.context.theme.type)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Hours by day", anchor=False)
        if any(day.up_hours for day in days):
            st.plotly_chart(
                figures.hours_by_day(days, list(made.period), look),
                width="stretch",
                config=charts.CONFIG,
                theme=None,
                key="hours",
                alt=f"Hours of {name} by day, busy and idle, bars, {formats.days(made.period)}",
            )
        else:
            st.caption("No hours are known of this period.")
    with right:
        if machine_type == "warehouse":
            st.subheader("Statements by day", anchor=False)
            if any(day.executions for day in days):
                st.plotly_chart(
                    figures.statements_by_day(days, list(made.period), look),
                    width="stretch",
                    config=charts.CONFIG,
                    theme=None,
                    key="statements",
                    alt=f"Statements of {name} by day, bars, {formats.days(made.period)}",
                )
            else:
                st.caption("No statement is known of this period.")
            return
        st.subheader("CPU and memory", anchor=False)
        if any(day.cpu_percent is not None for day in days):
            st.plotly_chart(
                figures.utilization_by_day(days, look),
                width="stretch",
                config=charts.CONFIG,
                theme=None,
                key="utilization",
                alt=f"CPU and memory of {name} by day, lines, {formats.days(made.period)}",
            )
        else:
            st.caption(words.NOT_MEASURED)


def who(made: Frame, one: Detail) -> None:
    """Who ran statements and what sent them; of all teams, so only for who sees all of them."""
    st.subheader("Who used it", anchor=False)
    if people.current().scope != "all":
        st.caption("Who ran statements is shown to those who see all teams.")
        return
    by_user = reads.users(made.version, one.id, made.period)
    if not by_user:
        st.caption("No statement and no bill of it is known in this period.")
        return
    if made.filters.basis == "list":
        st.caption("At your price: statements are shared out at it only.")
    amounts: dict[str, dict[date, Decimal | None]] = {}
    for each in reads.sources(made.version, one.id, made.period):
        amounts.setdefault(each.source_kind, {})[each.usage_date] = each.cost_usd
    st.plotly_chart(
        figures.by_source(
            amounts, list(made.period), currency=made.currency, look=charts.palette(st.context.theme.type)
        ),
        width="stretch",
        config=charts.CONFIG,
        theme=None,
        key="sources",
        alt=f"Cost of the warehouse by what sent its statements, idle apart, bars, {formats.days(made.period)}",
    )
    with st.expander("Show as table", key="sources_table"):
        parts.table(
            [
                {"Day": day, "Source": words.SOURCES.get(source, source), "Cost": amount}
                for source, by_day in amounts.items()
                for day, amount in by_day.items()
            ],
            key="sources_rows",
            alt="Cost of the warehouse by day and what sent its statements",
            columns={"Cost": parts.money_column(made.currency)},
        )
    listed: list[Mapping[str, object]] = [
        {
            "User": each.executed_by or ("-" if each.kind == "query" else ""),
            "Source": words.SOURCES.get(each.source_kind or each.kind, each.source_kind or each.kind),
            "Statements": each.executions if each.kind == "query" else None,
            "Failed": each.failed_count if each.kind == "query" else None,
            "Execution, seconds": each.execution_seconds if each.kind == "query" else None,
            "Cost": each.cost_usd,
        }
        for each in by_user
    ]
    parts.table(
        listed[: queries.LARGEST],
        key="users_table",
        alt="Users and sources of statements with their cost, largest first",
        columns={
            "User": st.column_config.TextColumn(width="medium"),
            "Execution, seconds": st.column_config.NumberColumn(format="%,.0f"),
            "Cost": parts.money_column(made.currency),
        },
    )
    st.caption(
        "Shares of the bill by execution time: estimates that add up to it exactly. How long statements waited is not "
        "collected."
    )
    _csv(listed, f"warehouse-users-{one.machine_id}.csv", "users_csv")


def made_of(made: Frame, one: Detail, own: Selection) -> None:
    """The parts of its cost by SKU, team, user or job, which add up to it."""
    st.subheader("What it is made of", anchor=False)
    by = st.segmented_control(
        "By",
        _MADE_OF[one.machine_type],
        format_func=lambda dimension: DIMENSIONS[dimension].label,
        default="sku",
        required=True,
        key="made_of_by",
        label_visibility="collapsed",
    )
    found = queries.by_group(made.version, Windows(made.period, made.last_final), by, "", own, made.measure, _ROWS)
    shown = [each for each in found if not each.further]
    labels = made.names.all(by, [(each.group_id, each.group_name) for each in shown])
    total = sum((each.amount(made.measure) or Decimal(0) for each in found), Decimal(0))

    def row(each: GroupSpend) -> Mapping[str, object]:
        amount = each.amount(made.measure)
        name = f"{each.further:,} further" if each.further else labels[each.group_id]
        return {
            DIMENSIONS[by].label: name,
            "Cost": amount,
            "Share": float(amount / total * 100) if amount is not None and total else None,
            "DBU": each.dbu_count,
        }

    shown.sort(key=lambda each: (-(each.amount(made.measure) or Decimal(0)), labels[each.group_id]))
    listed = [row(each) for each in (*shown, *(each for each in found if each.further))]
    if not listed:
        st.caption("No cost in this period.")
        return
    parts.table(
        listed,
        key=f"made_of_{by}",
        alt=f"Parts of the cost by {DIMENSIONS[by].label.lower()}",
        columns={
            DIMENSIONS[by].label: st.column_config.TextColumn(width="medium"),
            "Cost": parts.money_column(made.currency),
            "Share": st.column_config.ProgressColumn(format="%.1f%%", min_value=0, max_value=100, width=130),
            "DBU": st.column_config.NumberColumn(format="%,.1f"),
        },
    )
    with st.container(horizontal=True, gap="small", key="made_of_ways"):
        _csv(listed, f"{one.machine_type}-{one.machine_id}-by-{by}.csv", "made_of_csv")
        st.button(
            "Open in the cost explorer",
            key="explore",
            icon=":material/query_stats:",
            type="tertiary",
            on_click=parts.open_explorer,
            args=[_alone(made.filters, one), View(by=by)],
        )


def changes(made: Frame, one: Detail, known: Period) -> None:
    """Settings that were given other values."""
    st.subheader("What changed", anchor=False)
    found = reads.changes(made.version, one.machine_type, one.id, known)
    if not found:
        st.caption("No change of size or auto-stop is known; of job and pipeline clusters none is kept.")
        return
    st.markdown(
        "\n".join(
            "- "
            + formats.plain(
                f"{formats.moment(each.valid_from)}: {words.SETTINGS.get(each.setting, each.setting)} "
                f"{each.value_before or 'not set'} → {each.value or 'not set'}"
            )
            for each in found
        )
    )


def rows(made: Frame, one: Detail, name: str, days: Sequence[MachineDay]) -> None:
    """Every day of the period, newest first."""
    st.subheader("Days", anchor=False)
    if not days:
        st.caption("It was neither used nor billed in this period.")
        return
    listed: list[Mapping[str, object]] = [
        {
            "Day": day.usage_date,
            "Final": "yes" if made.is_final(day.usage_date) else "no",
            "Cost": day.amount,
            "Idle cost": day.idle_amount,
            "Hours": day.up_hours,
            "Idle hours": day.idle_hours,
        }
        | (
            {
                "Starts": day.start_count,
                "Statements": day.executions,
                "Failed": day.failed_count,
                "Users": day.users,
            }
            if one.machine_type == "warehouse"
            else {"Node hours": day.node_hours, "CPU %": day.cpu_percent, "Memory %": day.mem_percent}
        )
        for day in reversed(days)
    ]
    number = st.column_config.NumberColumn(format="%,.1f")
    parts.table(
        listed,
        key="day_rows",
        alt=f"Days of {name}: cost, idle cost and use",
        columns={
            "Cost": parts.money_column(made.currency),
            "Idle cost": parts.money_column(made.currency),
            **dict.fromkeys(("Hours", "Idle hours", "Node hours", "CPU %", "Memory %"), number),
        },
    )
    _csv(listed, f"{one.machine_type}-{one.machine_id}.csv", "days_csv")
    with st.popover("Link", icon=":material/link:", key="link"):
        st.markdown("Opens this page.")
        st.code(
            parts.link(one.machine_type, made.filters.to_query() | {"id": [one.id]}), language=None, wrap_lines=True
        )


def _windows(made: Frame) -> tuple[Windows, str]:
    """The final days of the period against as many before them, and what the card says of these."""
    final = [day for day in made.period if made.is_final(day)]
    if not final or final[0] - timedelta(days=len(final)) < min(made.days):
        return Windows(made.period, made.last_final), ""
    before = Period(final[0] - timedelta(days=len(final)), final[0] - timedelta(days=1))
    return Windows(made.period, made.last_final, before), f"vs {formats.short_days(before)}"


def _teams(made: Frame, own: Selection) -> str:
    """Whose cost it is in the period."""
    found = queries.by_group(made.version, Windows(made.period, made.last_final), "team", "", own, made.measure)
    amounts = {each.group_id: each.amount(made.measure) or Decimal(0) for each in found}
    total = sum(amounts.values(), Decimal(0))
    if not total:
        return "Team: no cost in this period"
    largest = sorted(amounts.items(), key=lambda pair: -pair[1])
    said = [f"{made.names.one('team', team)} {formats.percent(amount / total)}" for team, amount in largest[:3]]
    more = f" and {len(largest) - 3} more" if len(largest) > 3 else ""
    return f"{'Team' if len(largest) == 1 else 'Teams'}: {', '.join(said)}{more}"


def _alone(chosen: Filters, one: Detail) -> Filters:
    """This machine and nothing else, in the period and at the price of the filters."""
    return Filters(chosen.range, chosen.custom, Selection(), chosen.basis).with_only(one.machine_type, [one.id])


def _link(made: Frame, each: Finding, said: str, view: str, icon: str) -> None:
    if st.button(formats.plain(said), key=f"{each.finding}_{each.id}", type="tertiary", icon=icon):
        st.switch_page(f"views/{view}.py", query_params=made.filters.to_query() | {"id": [str(each.id)]})


def _csv(listed: Sequence[Mapping[str, object]], name: str, key: str) -> None:
    st.download_button(
        "Download CSV",
        formats.csv_text(listed[0], listed),
        name,
        "text/csv",
        icon=":material/download:",
        key=key,
        on_click="ignore",
    )


def _open_day() -> None:
    told = parts.clicked("cost_days")
    if told is not None:
        machine_type, group = st.session_state["machine_shown"]
        day = date.fromisoformat(told[0])
        basis = parts.frame().filters.basis
        chosen = Filters(basis=basis).on(Period(day, day)).with_only(machine_type, [group])
        parts.open_explorer(chosen, View(by="sku"))


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def _mean(days: Sequence[MachineDay], name: str) -> Decimal | None:
    """Weighted by node hours."""
    known = [(getattr(day, name), day.node_hours) for day in days if getattr(day, name) is not None and day.node_hours]
    if not known:
        return None
    return sum((value * hours for value, hours in known), Decimal(0)) / sum(hours for _, hours in known)
